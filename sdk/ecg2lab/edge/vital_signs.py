"""What a code stands for and what its unit means: from an observation to a fact about the patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

Kind = Literal["vital sign", "body", "person"]
Named = Literal[
    "heart_rate_bpm", "systolic_mmhg", "diastolic_mmhg", "respiratory_per_min", "spo2_percent", "temperature_c",
    "temperature_f", "height_cm", "weight_kg", "bmi",
]  # fmt: skip
"""Fields of `Patient` that a code may stand for."""
LOINC: dict[str, Named] = {
    "8867-4": "heart_rate_bpm",
    "8480-6": "systolic_mmhg",
    "8462-4": "diastolic_mmhg",
    "9279-1": "respiratory_per_min",
    "59408-5": "spo2_percent",
    "2708-6": "spo2_percent",
    "8310-5": "temperature_c",
    "8302-2": "height_cm",
    "29463-7": "weight_kg",
    "3141-9": "weight_kg",
    "39156-5": "bmi",
}
MDC: dict[str, Named] = {
    "147842": "heart_rate_bpm",
    "150021": "systolic_mmhg",
    "150022": "diastolic_mmhg",
    "151562": "respiratory_per_min",
    "151578": "respiratory_per_min",
    "150456": "spo2_percent",
    "150364": "temperature_c",
    "188740": "height_cm",
    "188736": "weight_kg",
    "188752": "bmi",
}
"""ISO/IEEE 11073-10101, as monitors have it: of pressures those of a cuff, of temperatures that of the body."""
_SYSTEMS: dict[str, dict[str, Named]] = {
    **dict.fromkeys(("", "LN", "LOINC", "http://loinc.org"), LOINC),
    **dict.fromkeys(("MDC", "urn:iso:std:iso:11073:10101"), MDC),
}
_PER_MINUTE = ("/min", "1/min", "bpm", "min-1", "/(min)", "perminute")
_KELVIN, _FAHRENHEIT = 273.15, 32.0


class Quantity(NamedTuple):
    """A number that facts may have."""

    kind: Kind
    least: float
    most: float
    """Beyond these it is a mistake of typing, of a device or of a unit."""
    units: Mapping[str, float]
    """By what a number in it is multiplied; words in small letters, without blanks."""


def _units(*same: str, **others: float) -> dict[str, float]:
    return {**dict.fromkeys(same, 1.0), **others}


_PRESSURES = {
    **_units("mm[hg]", "mmhg", "mm(hg)", "mdc_dim_mmhg", "266016"),
    **dict.fromkeys(("kpa", "kpal"), 7.500617),
}
_LENGTHS = {
    **_units("cm", "mdc_dim_centi_m", "263441", m=100, mm=0.1),
    **dict.fromkeys(("[in_i]", "in", "inch", "inches", "mdc_dim_inch", "263520"), 2.54),
}
_MASSES = {
    **_units("kg", "mdc_dim_kilo_g", "263875", g=0.001),
    **dict.fromkeys(("[lb_av]", "lb", "lbs", "mdc_dim_lb", "263904"), 0.45359237),
    "[oz_av]": 0.028349523125,
}
_BEATS = _units(*_PER_MINUTE, "{beats}/min", "beats/min", "{h.b}/min", "mdc_dim_beat_per_min", "264864")
_BREATHS = _units(*_PER_MINUTE, "{breaths}/min", "breaths/min", "{resp}/min", "mdc_dim_resp_per_min", "264928")
_CELSIUS = _units("cel", "c", "°c", "degc", "celsius", "mdc_dim_degc", "268192")
QUANTITIES: dict[str, Quantity] = {
    "heart_rate_bpm": Quantity("vital sign", 10, 400, _BEATS),
    "systolic_mmhg": Quantity("vital sign", 20, 350, _PRESSURES),
    "diastolic_mmhg": Quantity("vital sign", 10, 250, _PRESSURES),
    "respiratory_per_min": Quantity("vital sign", 2, 120, _BREATHS),
    "spo2_percent": Quantity("vital sign", 30, 100, _units("%", "percent", "mdc_dim_percent", "262688")),
    "temperature_c": Quantity("vital sign", 20, 46, _CELSIUS),
    "height_cm": Quantity("body", 20, 280, _LENGTHS),
    "weight_kg": Quantity("body", 0.2, 700, _MASSES),
    "bmi": Quantity("body", 5, 200, _units("kg/m2", "kg/m^2", "kg/m²", "kg/(m2)", "mdc_dim_kg_per_m_sq", "264096")),
}
_FAHRENHEITS = ("[degf]", "f", "°f", "degf", "fahrenheit", "mdc_dim_fahr", "266560")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})", re.ASCII)
assert {"temperature_f", *QUANTITIES} == set(get_args(Named))


class Unsuitable(Exception):
    """What is said is no fact; its text says why, without what was said."""


class Coded(NamedTuple):
    """What a code stands for."""

    name: Named
    local: bool
    """Whether the configuration says so, and with it what unit a number without one has."""


def coded(pairs: list[tuple[str, str]], local: Mapping[str, Named]) -> Coded | None:
    """What an observation is of; None: nothing that is kept.

    Parameters
    ----------
    pairs
        Code and coding system, as often as the observation states them.
    local
        Meaning of a house's own codes: `CODE`, or `CODE^SYSTEM` where several systems have it.
    """
    for code, system in pairs:
        own = local.get(f"{code}^{system}") or local.get(code)
        if own is not None:
            return Coded(own, True)
        named = _SYSTEMS.get(system, {}).get(code)
        if named is not None:
            return Coded(named, False)
    return None


def number_of(text: str) -> float:
    """A number as messages write it.

    Raises
    ------
    Unsuitable
        If it is none.
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise Unsuitable("its value is no number")
    return float(text)


def field_of(meant: Coded) -> str:
    """The field of `Patient` by which a fact is kept: one for each quantity."""
    return "temperature_c" if meant.name == "temperature_f" else meant.name


def measured(meant: Coded, value: float, units: list[str]) -> tuple[str, float]:
    """Field of `Patient` and value in its unit.

    Parameters
    ----------
    units
        Words for the unit of the value, best first; those that are empty say nothing.

    Raises
    ------
    Unsuitable
        If the unit is missing or unknown, or the value cannot be.
    """
    fahrenheit = meant.name == "temperature_f"
    name = field_of(meant)
    quantity, stated = QUANTITIES[name], [word for unit in units if (word := "".join(unit.split()).casefold())]
    if not stated:
        if not meant.local:
            raise Unsuitable("it states no unit")
        converted = (value - _FAHRENHEIT) / 1.8 if fahrenheit else value
    else:
        converted = _converted(name, quantity, value, stated)
    if not quantity.least <= converted <= quantity.most:
        raise Unsuitable("its value cannot be, in this unit")
    return name, round(converted, 6)


def _converted(name: str, quantity: Quantity, value: float, stated: list[str]) -> float:
    for unit in stated:
        if unit in quantity.units:
            return value * quantity.units[unit]
        if name == "temperature_c" and unit in _FAHRENHEITS:
            return (value - _FAHRENHEIT) / 1.8
        if name == "temperature_c" and unit == "k":
            return value - _KELVIN
    raise Unsuitable("its unit is not one of this quantity")
