"""Moments as messages and files state them. What can be two moments, or none, is not known: nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ecg2lab.report.acquired import acquired

_HL7 = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,6})?)?)?([+-][0-9]{4})?", re.ASCII
)
_HL7_ZONE = re.compile(r"[0-9.]*([+-][0-9]{4})", re.ASCII)
_FHIR = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?",
    re.ASCII,
)


class Moment(NamedTuple):
    """A day, and the moment where that is known."""

    day: date | None
    at: float | None
    """Seconds since 1970, UTC."""
    why: str = ""
    """Why the moment is not known."""


_NOT_STATED = "no time of day is stated"
_TWICE = "the local clock shows that time twice or never, and no time zone is stated"


def of_ecg(source: Mapping[str, Any] | None, zone: str | None) -> Moment:
    """When an ECG was taken; a time without seconds is the beginning of its minute.

    Parameters
    ----------
    source
        Of the recording.
    zone
        In which a time without one is meant; None: that of this machine.
    """
    stated = acquired(source or {})
    if stated is None:
        return Moment(None, None, "the recording does not state when it was taken")
    if not stated.time:
        return Moment(stated.day, None, _NOT_STATED)
    clock = [int(stated.time[at : at + 2]) for at in range(0, len(stated.time), 2)]
    return _moment(stated.day, clock, stated.zone, zone)


def of_hl7(text: str, zone: str | None, default_offset: str = "") -> Moment | None:
    """A time of HL7 v2 (TS, DTM); None: it is none. `default_offset` is that of the message, ±ZZZZ."""
    found = _HL7.fullmatch(text.strip())
    return _found(found.groups(), zone, default_offset) if found else None


def offset_of_hl7(text: str) -> str:
    """The time zone of a time of HL7; empty: it states none."""
    found = _HL7_ZONE.fullmatch(text.strip())
    return found[1] if found else ""


def of_fhir(text: str, zone: str | None) -> Moment | None:
    """A dateTime or instant of FHIR; None: it is none, or of a month or year."""
    found = _FHIR.fullmatch(text.strip())
    return _found(found.groups(), zone, "") if found else None


def end_of(day: date, zone: str | None) -> Moment:
    """The last second of a day, before which all of it was."""
    return _local(day, datetime(day.year, day.month, day.day, 23, 59, 59), zone)


def _found(parts: tuple[str | None, ...], zone: str | None, default_offset: str) -> Moment | None:
    year, month, of_month, hour, minute, second, offset = parts
    try:
        day = date(int(year or 0), int(month or 0), int(of_month or 0))
    except ValueError:
        return None
    if hour is None:
        return Moment(day, None, _NOT_STATED)
    clock = [int(hour), int(minute or 0), int(second or 0)]
    if clock[0] > 23 or clock[1] > 59 or clock[2] > 60:
        return None
    stated = "+0000" if offset == "Z" else (offset or default_offset).replace(":", "")
    return _moment(day, clock, stated, zone)


def _moment(day: date, clock: list[int], offset: str, zone: str | None) -> Moment:
    hour, minute, second = [*clock, 0][:3]
    try:  # a leap second is the first of the next minute
        local = datetime(day.year, day.month, day.day, hour, minute) + timedelta(seconds=second)
        if offset:
            shift = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
            utc = local - shift if offset[0] == "+" else local + shift
            return Moment(day, utc.replace(tzinfo=timezone.utc).timestamp())
        return _local(day, local, zone)
    except (OverflowError, ValueError, OSError):
        return Moment(day, None, "the time is outside the calendar")


def _local(day: date, local: datetime, zone: str | None) -> Moment:
    first, second = (_in_zone(local.replace(fold=fold), zone) for fold in (0, 1))
    return Moment(day, first) if first == second else Moment(day, None, _TWICE)


def _in_zone(local: datetime, zone: str | None) -> float:
    return local.timestamp() if zone is None else local.replace(tzinfo=_zone(zone)).timestamp()


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def in_words(at: float, zone: str | None) -> str:
    """Day and minute, as the clocks of the zone show them."""
    moment = datetime.fromtimestamp(at, timezone.utc)
    local = moment.astimezone() if zone is None else moment.astimezone(_zone(zone))
    return f"{local:%Y-%m-%d %H:%M}"
