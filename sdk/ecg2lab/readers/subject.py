"""Age and sex as files state them. What is not stated plainly is not taken: nothing here is guessed."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from ecg2lab.errors import PatientError
from ecg2lab.patient import Patient
from ecg2lab.readers.numbers import finite

_DAYS_PER_YEAR = 365.2425
_YEARS = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years", "a", "yr."), 1.0),
    **dict.fromkeys(("m", "mo", "mon", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7 / _DAYS_PER_YEAR),
    **dict.fromkeys(("d", "day", "days"), 1 / _DAYS_PER_YEAR),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 1 / 24 / _DAYS_PER_YEAR),
}
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male"}
_ABOVE_89 = re.compile(r"(?:>\s*89|>=\s*90|90\s*\+)")
_DAYS = {
    "ymd": re.compile(r"(?P<y>\d{4})([-/.]?)(?P<m>\d\d)\2(?P<d>\d\d)", re.ASCII),
    "mdy": re.compile(r"(?P<m>\d\d)([-/.])(?P<d>\d\d)\2(?P<y>\d{4})", re.ASCII),
}
OLDEST = 120.0
"""Years; more is a slip of the pen or a code."""
ABOVE_89 = 90.0
"""Years, for an age that is only known to be above 89, as de-identified records say it."""


def years(value: str | float | None, unit: str | None) -> float | None:
    """An age in years, or None where number or unit is missing, unknown or absurd."""
    scale = _YEARS.get((unit or "").strip().casefold())
    if scale is None or value is None:
        return None
    if isinstance(value, str) and _ABOVE_89.fullmatch(value.strip()) and scale == 1.0:
        return ABOVE_89
    number = finite(value) if isinstance(value, str) else value
    if number is None or number < 0 or number * scale > OLDEST:
        return None
    return number * scale


def sex(word: str | None) -> str | None:
    """`female` or `male` where a file says so by word or initial; None for every other word."""
    return _SEX.get((word or "").strip().casefold())


def day(text: str | None, order: str = "ymd") -> date | None:
    """A date of eight digits, year first or month first as the format has it; None if it is none."""
    written = _DAYS[order].fullmatch((text or "").strip())
    return make_day(*(int(written[part]) for part in "ymd")) if written else None


def make_day(year: int, month: int, of_month: int) -> date | None:
    """A date, or None if the calendar has none such."""
    try:
        return date(year, month, of_month)
    except (ValueError, OverflowError):
        return None


def age_between(birth: date | None, acquired: date | None) -> float | None:
    """Completed years between two dates; below one year the fraction. None if unknown or absurd."""
    if birth is None or acquired is None or birth > acquired:
        return None
    completed = acquired.year - birth.year - ((acquired.month, acquired.day) < (birth.month, birth.day))
    if completed > OLDEST:
        return None
    return float(completed) if completed else (acquired - birth).days / _DAYS_PER_YEAR


def subject(
    *, stated: float | None = None, birth: date | None = None, acquired: date | None = None, sex: str | None = None
) -> Patient | None:
    """What a file says of its patient, or None if nothing.

    An age that is stated counts before the dates; where both are given and differ by more than a year, neither does:
    one of them is wrong, and nothing says which.
    """
    derived = age_between(birth, acquired)
    age = stated if stated is not None else derived
    # Above 89 is a floor, which any greater age agrees with.
    if stated is not None and derived is not None and abs(min(derived, ABOVE_89) - min(stated, ABOVE_89)) > 1:
        age = None
    facts: dict[str, Any] = {name: value for name, value in (("age", age), ("sex", sex)) if value is not None}
    try:
        return Patient(**facts) if facts else None
    except PatientError:
        return None
