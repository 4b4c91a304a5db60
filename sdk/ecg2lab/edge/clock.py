"""Whether the clock of this machine was set while the node ran."""

from __future__ import annotations

import time
from collections.abc import Callable

from ecg2lab.errors import Ecg2LabError

_SMALLEST_S = 5.0
"""A jump; the clock's daily correction is far less."""


class ClockError(Ecg2LabError):
    """The clock jumped."""


class Clock:
    """Compares the clock with one that nobody can set.

    Parameters
    ----------
    now, passed
        The two, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time, passed: Callable[[], float] | None = None) -> None:
        self._now, self._passed = now, passed or _passed
        self._difference = self._now() - self._passed()

    def jumped(self) -> ClockError | None:
        """What happened since this was asked last; None: nothing."""
        difference = self._now() - self._passed()
        jump, self._difference = difference - self._difference, difference
        if abs(jump) < _SMALLEST_S:
            return None
        return ClockError(f"the clock of this machine was set {'forward' if jump > 0 else 'back'} by {abs(jump):.0f} s")


def _passed() -> float:
    """Seconds, also while the machine sleeps, where the system counts them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
