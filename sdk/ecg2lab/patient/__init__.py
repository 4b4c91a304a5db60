"""Facts about the patient."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from ecg2lab._native import _core
from ecg2lab.errors import PatientError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown
from ecg2lab.system.real_numbers import to_float
from ecg2lab.system.strict_json import refuse_repeated_keys

Sex = Literal["female", "male"]
Race = Literal["asian", "black", "hispanic", "other", "white"]
OutOfRange = Literal["refuse", "impute"]
"""What to do with a number outside the contract's range, which is not taken for a measurement."""


def _fact(title: str, unit: str, meaning: str) -> Meta:
    """How people call a fact, in which unit they say it, and what the command line says of its option."""
    return Meta(title=title, description=meaning, extra={"unit": unit})


class Patient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts about the patient. All are optional; missing ones are imputed, and the answer says which.

    The unit is part of each name. A missing `bmi` is computed from height and weight. Give temperature in °C or in °F.

    Raises
    ------
    PatientError
        If a value has a wrong type or is not finite, or temperature is given twice. Messages never contain the value.
    """

    age: Annotated[float | None, _fact("age", "years", "Age in years.")] = None
    sex: Annotated[Sex | None, _fact("sex", "", "Sex, as entered in the record.")] = None
    race: Annotated[Race | None, _fact("race", "", "Race, as grouped in MIMIC-IV.")] = None
    respiratory_per_min: Annotated[float | None, _fact("respiratory rate", "/min", "Breaths per minute.")] = None
    spo2_percent: Annotated[float | None, _fact("oxygen saturation", "%", "Oxygen saturation, percent.")] = None
    diastolic_mmhg: Annotated[float | None, _fact("diastolic pressure", "mmHg", "Diastolic blood pressure, mmHg.")] = (
        None
    )
    systolic_mmhg: Annotated[float | None, _fact("systolic pressure", "mmHg", "Systolic blood pressure, mmHg.")] = None
    heart_rate_bpm: Annotated[float | None, _fact("heart rate", "/min", "Heart rate, beats per minute.")] = None
    temperature_c: Annotated[float | None, _fact("temperature", "°C", "Temperature, degrees Celsius.")] = None
    temperature_f: Annotated[float | None, _fact("temperature", "°F", "Temperature, degrees Fahrenheit.")] = None
    height_cm: Annotated[float | None, _fact("height", "cm", "Height in centimetres.")] = None
    weight_kg: Annotated[float | None, _fact("weight", "kg", "Weight in kilograms.")] = None
    bmi: Annotated[
        float | None, _fact("BMI", "kg/m²", "Body mass index, kg/m²; it follows from height and weight.")
    ] = None

    def __post_init__(self) -> None:
        """Check what the types cannot express, and the types, which Python does not check."""
        numbers, words = self.numbers_and_words()
        for name, value in words.items():
            if not isinstance(value, str):
                raise PatientError(f"{name} must be a word, not {type(value).__name__}")
        words = {name: value.encode("utf-8", "replace").decode() for name, value in words.items()}
        numbers = {name: to_float(value) for name, value in numbers.items()}
        _core.check_patient(numbers, words)
        for name, fact in (numbers | words).items():
            msgspec.structs.force_setattr(self, name, fact)

    def __repr__(self) -> str:
        """Names only, since a patient may be written to a log."""
        return f"Patient({', '.join(self.given())})"

    def given(self) -> dict[str, Any]:
        """The fields that have a value."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def numbers_and_words(self) -> tuple[dict[str, float], dict[str, str]]:
        """The fields that have a value, as numbers and as words, for the native core."""
        words = {name: value for name in ("sex", "race") if (value := getattr(self, name)) is not None}
        return {name: value for name, value in self.given().items() if name not in words}, words

    def with_defaults(self, other: Patient | None) -> Patient:
        """Take fields that have no value here from `other`."""
        if other is None:
            return self
        return Patient(**{**other.given(), **self.given()})


def in_words(name: str, value: object = None) -> str:
    """A fact in clinical words: `height 168.8 cm`; without a value only its name.

    Parameters
    ----------
    name
        Field of `Patient`; other features of a contract keep their names.
    value
        In the unit of the field. Numbers are rounded to one decimal, those of other features to four digits.
    """
    about = _FACTS.get(name)
    title = about.title if about and about.title else name
    unit = (about.extra or {})["unit"] if about else ""
    if value is None:
        return title
    number = str(value)
    if isinstance(value, (int, float)):
        number = f"{value:.1f}".removesuffix(".0") if about else f"{value:.4g}"
    return f"{title} {number}{' ' * (unit not in ('', '%', '/min'))}{unit}"


_FACTS: dict[str, Meta] = {
    field.name: next(about for about in get_args(field.type) if isinstance(about, Meta))
    for field in msgspec.structs.fields(Patient)
}


def read_patient(path: str | Path) -> Patient:
    """Read a patient from a JSON file with the fields of `Patient`.

    Raises
    ------
    PatientError
        If the file cannot be read, or has an unknown or repeated field or a wrong type.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise PatientError(f"cannot read patient file {shown(path)}: {error.strerror}") from None
    try:
        patient = msgspec.json.decode(content, type=Patient)
        refuse_repeated_keys(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise PatientError(f"patient file {path} is not valid: {_what_is_wrong(str(error))}") from None
    return patient


def _what_is_wrong(message: str) -> str:
    """Name the field, never what stands in it, nor a name that is no field of ours: both may be about the patient."""
    field = re.search(r"`\$\.(\w+)`", message)
    if field and field[1] in Patient.__struct_fields__:
        return f"{field[1]} has a wrong type or an unknown word"
    if message.startswith((*Patient.__struct_fields__, "temperature")):  # our own words, from `Patient`
        return message.split(" - at")[0]
    if "twice" in message or "unknown field" in message:
        return f"it has a repeated or unknown field; the fields are {', '.join(Patient.__struct_fields__)}"
    return "it must be one JSON object"
