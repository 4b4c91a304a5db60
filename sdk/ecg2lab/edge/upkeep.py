"""What a node does by itself: erase by age, look at its clock, take the reference of drift."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ecg2lab.edge.clock import Clock
from ecg2lab.edge.config import Facts, Retention
from ecg2lab.edge.drift.monitor import Drift
from ecg2lab.edge.facts.table import oldest
from ecg2lab.edge.ledger import Ledger
from ecg2lab.edge.problems import Problems
from ecg2lab.errors import StoreError

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0


class Upkeep(threading.Thread):
    """Looks at the clock every minute, and erases at the start and every hour.

    Parameters
    ----------
    told, ledger, drift, problems
        Of the node.
    facts
        How long those are kept.
    wake
        Has all senders look at what they owe.
    """

    def __init__(
        self,
        told: Retention,
        ledger: Ledger,
        drift: Drift,
        problems: Problems,
        wake: Callable[[], None],
        clock: Clock | None = None,
        facts: Facts | None = None,
    ) -> None:
        super().__init__(name="ecg2lab-upkeep", daemon=True)
        self._told, self._ledger, self._drift, self._problems, self._wake = told, ledger, drift, problems, wake
        self._facts = facts or Facts()
        self._clock, self._next_erasure = clock or Clock(), time.monotonic()
        self._ending = threading.Event()

    def stop(self) -> None:
        """End soon; not waited for."""
        self._ending.set()

    def run(self) -> None:
        """Until it is stopped."""
        while not self._ending.is_set():
            try:
                self.look()
            except StoreError as error:
                self._problems.count("upkeep", error)
            self._ending.wait(_MINUTE_S)

    def look(self) -> None:
        """Do what is due.

        Raises
        ------
        StoreError
            If it cannot be kept.
        """
        if (jump := self._clock.jumped()) is not None:
            self._problems.count("clock", jump)
            self._next_erasure = time.monotonic() + _HOUR_S  # by a clock that may be wrong, nothing is old
            self._ledger.send_now()
            self._wake()
        if time.monotonic() >= self._next_erasure:
            self._next_erasure = time.monotonic() + _HOUR_S
            now = time.time()
            self._ledger.expire(now - self._told.days * _DAY_S, now - self._told.audit_days * _DAY_S)
            self._ledger.facts.expire(oldest(self._facts, now))
            self._drift.report()  # a reference is complete within the hour, also if nobody looks
