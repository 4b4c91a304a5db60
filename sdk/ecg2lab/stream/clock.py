"""The caller's clock, compared with the count of samples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.system.real_numbers import to_float

JITTER_S = 0.25
"""How far the times of two pushes may differ from the count of samples: packets wait in buffers."""
RATE_TOLERANCE = 0.02
"""A quartz clock is a thousand times better; wrong rates that occur (250 for 500 Hz) are far beyond it."""
RATE_AFTER_S = 20.0
"""Seconds of signal before its rate is judged: then the jitter of both ends is well within the tolerance."""


class Stamp(NamedTuple):
    """When a sample was taken, by the caller's clock."""

    number: int
    time: float


class Clock:
    """Checks times against the stated sampling rate."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.first: Stamp | None = None
        self.last: Stamp | None = None

    def check(self, number: int, time: Any) -> Stamp:
        """Check the time of a sample; the result is for `accept`.

        Raises
        ------
        RecordingError
            If it is no time, or reveals lost samples, a clock that was set, or another sampling rate.
        """
        stamp = Stamp(number, _seconds(time))
        if self.first is None or self.last is None:
            return stamp
        took, counted = self._since(self.last, stamp)
        if abs(took - counted) > JITTER_S:
            raise RecordingError(
                f"by their times these samples begin {took:.3f} s after the last ones, by their count {counted:.3f} s: "
                "if samples were lost, say start=…; if the clock was set or the rate is another, reset the stream"
            )
        took, counted = self._since(self.first, stamp)
        if counted >= RATE_AFTER_S and abs(took - counted) > RATE_TOLERANCE * counted:
            measured = f"{self._rate_hz * counted / took:.4g} Hz" if took > 0 else "no rate at all"
            raise RecordingError(
                f"by their times these samples come at {measured}, not at {self._rate_hz:g} Hz: "
                "open the stream with the rate of the device"
            )
        return stamp

    def accept(self, stamp: Stamp) -> None:
        """Record a time that was checked."""
        self.first, self.last = self.first or stamp, stamp

    def time_of(self, number: int) -> float | None:
        """When a sample was taken, by the latest time that was given; None if none was."""
        return None if self.last is None else self.last.time + (number - self.last.number) / self._rate_hz

    def _since(self, before: Stamp, now: Stamp) -> tuple[float, float]:
        """Seconds by the times, and by the count."""
        return now.time - before.time, (now.number - before.number) / self._rate_hz


def _seconds(time: Any) -> float:
    seconds = to_float(time)
    if not math.isfinite(seconds):
        raise RecordingError("time must be a finite number of seconds, of any clock that only goes forward")
    return seconds
