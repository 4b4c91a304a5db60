"""When an ECG was taken, as far as its file says so: the readers keep the file's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

_MOMENT = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?![0-9]*-)"
    r"(?:[ T]?([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?(?:\s*([+-][0-9]{2}:?[0-9]{2}|Z))?)?"
)


class Moment(NamedTuple):
    """A day, and the time of day and zone where they are known."""

    day: date
    time: str
    """HHMM or HHMMSS; empty: unknown."""
    zone: str
    """±HHMM; empty: unknown."""

    @property
    def hl7(self) -> str:
        """As HL7 writes times."""
        return f"{self.day:%Y%m%d}{self.time}{self.zone}"


def acquired(source: Mapping[str, Any]) -> Moment | None:
    """Of a recording's source; None: not stated, or no such day."""
    found = _MOMENT.match(str(source.get("acquired") or "").strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        stated = date(int(year), int(month), int(day))
    except ValueError:
        return None
    if hour is None or int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return Moment(stated, "", "")
    offset = "+0000" if zone == "Z" else (zone or "").replace(":", "")
    return Moment(stated, f"{hour}{minute}{second or ''}", offset)
