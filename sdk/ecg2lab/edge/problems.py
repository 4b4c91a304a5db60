"""What goes wrong without anybody asking: a full disk, a folder that cannot be read, a clock that jumps."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import NamedTuple

from ecg2lab import log
from ecg2lab.errors import Ecg2LabError

_KEPT = 50
"""Places and types that are told apart; all further ones count as others."""


class Problem(NamedTuple):
    """Errors of one type in one place."""

    where: str
    """Such as `folder`, `http`, or `to` and the name of a destination."""
    type: str
    message: str
    """Of the last one; without anything about a patient."""
    times: int
    """Since the node started."""
    last: float
    """When it happened."""


class Problems:
    """Counts them by place and type, and logs each. Safe to share between threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], tuple[str, float]] = {}
        self._turn = threading.Lock()

    def count(self, where: str, error: Exception) -> None:
        """One more. Of an error that is not ours only what cannot name a file is kept."""
        message = _message(error)
        key = (where, type(error).__name__)
        with self._turn:
            if key not in self._counts and len(self._counts) >= _KEPT:
                key = ("elsewhere", "others")
            self._counts[key] += 1
            self._last[key] = (message, time.time())
        log.refused(f"{where}: {message}")

    def latest(self) -> list[Problem]:
        """The last ones first."""
        with self._turn:
            found = [
                Problem(*key, self._last[key][0], count, self._last[key][1]) for key, count in self._counts.items()
            ]
        return sorted(found, key=lambda problem: -problem.last)


def _message(error: Exception) -> str:
    if isinstance(error, Ecg2LabError):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"{type(error).__name__} in ecg2lab; please report it"
