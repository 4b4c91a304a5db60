"""What is known of the patient beside the ECG."""

from __future__ import annotations

import math
import numbers
from pathlib import Path
from typing import Any, Literal

import msgspec

from ecg2lab.errors import PatientError

Sex = Literal["female", "male"]
Race = Literal["asian", "black", "hispanic", "other", "white"]


class Patient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts about the patient; all optional, and what is not given is imputed and said.

    The unit is part of each name. `bmi` follows from height and weight when absent; temperature is in °C or in °F.

    Raises
    ------
    PatientError
        If a value is not a finite number, or temperature is given twice. Messages never contain the value.
    """

    age: float | None = None
    sex: Sex | None = None
    race: Race | None = None
    respiratory_per_min: float | None = None
    spo2_percent: float | None = None
    diastolic_mmhg: float | None = None
    systolic_mmhg: float | None = None
    heart_rate_bpm: float | None = None
    temperature_c: float | None = None
    temperature_f: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    bmi: float | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot say, and what a Python caller may have passed by."""
        for name, value in self.given().items():
            if name in ("sex", "race"):
                if not isinstance(value, str):
                    raise PatientError(f"{name} must be a word, not {type(value).__name__}")
            elif isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
                raise PatientError(f"{name} must be a finite number")
        if self.temperature_c is not None and self.temperature_f is not None:
            raise PatientError("temperature is given twice: leave out temperature_c or temperature_f")

    def given(self) -> dict[str, Any]:
        """The fields that have a value."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def with_defaults(self, other: Patient | None) -> Patient:
        """Add what only `other` knows."""
        if other is None:
            return self
        return Patient(**{**other.given(), **self.given()})


def read_patient(path: str | Path) -> Patient:
    """Read a patient from a JSON file with the fields of `Patient`.

    Raises
    ------
    PatientError
        If the file cannot be read, or holds an unknown field or a wrong type.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PatientError(f"cannot read patient file {path}: {error.strerror}") from None
    try:
        return msgspec.json.decode(content, type=Patient)
    except msgspec.DecodeError as error:
        raise PatientError(f"patient file {path} is not valid: {error}") from None
