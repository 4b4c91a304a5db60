"""Age and sex as files state them. Ambiguous statements are ignored: nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar

from ecg2lab.errors import PatientError
from ecg2lab.patient import Patient
from ecg2lab.readers.numbers import finite

Value = TypeVar("Value", float, str)
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
_STAND_INS = frozenset(
    date(*day)
    for day in (
        (1858, 11, 17), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1901, 1, 1), (1904, 1, 1), (1911, 11, 11),
        (1970, 1, 1), (1980, 1, 1),
    )
)  # fmt: skip
"""The day that a calendar of VMS, of spreadsheets, databases, Macintosh, Unix and DOS counts from, and 11-11-11."""
_FIRST_YEAR, _LAST_YEAR = 1850, 2999
OLDEST = 120.0
"""Years; a greater age is a typing error or a code."""
ABOVE_89 = 90.0
"""Years, for an age that is only known to be above 89, as in de-identified records."""


def years(value: str | float | None, unit: str | None) -> float | None:
    """An age in years, or None if number or unit is missing, unknown or absurd."""
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
    """`female` or `male` if a file states it as a word or initial; None for every other word."""
    return _SEX.get((word or "").strip().casefold())


def day(text: str | None, order: str = "ymd") -> date | None:
    """A date of eight digits, with year or month first, depending on the format; None if it is no date."""
    written = _DAYS[order].fullmatch((text or "").strip())
    return make_day(*(int(written[part]) for part in "ymd")) if written else None


def make_day(year: int, month: int, of_month: int) -> date | None:
    """A date, or None if it does not exist in the calendar."""
    try:
        return date(year, month, of_month)
    except (ValueError, OverflowError):
        return None


def _is_stand_in(day: date) -> bool:
    """Whether software writes it where a date is not known: the first day of an epoch or of a calendar, or its last."""
    return day in _STAND_INS or day.year <= _FIRST_YEAR or day.year >= _LAST_YEAR


def age_between(birth: date | None, acquired: date | None) -> float | None:
    """Completed years between two dates; below one year the fraction. None if unknown, a placeholder, or absurd."""
    if birth is None or acquired is None or birth > acquired or _is_stand_in(birth) or _is_stand_in(acquired):
        return None
    return _completed_years(birth, acquired)


def _completed_years(birth: date, acquired: date) -> float | None:
    completed = acquired.year - birth.year - ((acquired.month, acquired.day) < (birth.month, birth.day))
    if completed > OLDEST:
        return None
    return float(completed) if completed else (acquired - birth).days / _DAYS_PER_YEAR


def _follows_from_stand_in(age: float, birth: date | None, acquired: date | None) -> bool:
    """Whether the file's writer took a stated age from a birth date that means "not known"."""
    if birth is None or acquired is None or birth > acquired or not _is_stand_in(birth):
        return False
    computed = _completed_years(birth, acquired)
    return computed is not None and abs(computed - age) <= 1


class Contradiction(Exception):
    """A file states a fact about its patient twice, and differently."""


def agreed(values: Iterable[Value]) -> Value | None:
    """The one value that is stated, or None.

    Raises
    ------
    Contradiction
        If values differ: then it is unknown which patient the file belongs to.
    """
    different = set(values)
    if len(different) > 1:
        raise Contradiction
    return next(iter(different), None)


def unless_contradicted(facts: Callable[[], Patient | None]) -> Patient | None:
    """The facts of a file about its patient; none if it contradicts itself."""
    try:
        return facts()
    except Contradiction:
        return None


def subject(
    *, stated: float | None = None, birth: date | None = None, acquired: date | None = None, sex: str | None = None
) -> Patient | None:
    """The facts of a file about its patient, or None if there are none.

    A stated age takes precedence over dates. If the two differ by more than a year, neither is used: one of them is
    wrong, and nothing says which.
    """
    derived = age_between(birth, acquired)
    age = stated if stated is not None else derived
    if age is not None and stated is not None and _follows_from_stand_in(age, birth, acquired):
        age = None
    # Above 89 is a floor, which any greater age agrees with.
    if stated is not None and derived is not None and abs(min(derived, ABOVE_89) - min(stated, ABOVE_89)) > 1:
        age = None
    facts: dict[str, Any] = {name: value for name, value in (("age", age), ("sex", sex)) if value is not None}
    try:
        return Patient(**facts) if facts else None
    except PatientError:
        return None
