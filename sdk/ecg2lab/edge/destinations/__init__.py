"""Where answers go: for each destination a thread that sends what is owed to it, in order, until it is acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.edge.config import Destination, DicomDestination, FhirDestination, FilesDestination, Hl7Destination
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept, Ledger, Owed
from ecg2lab.errors import Ecg2LabError, StoreError

_IDLE_S = 60.0


class Outcome(NamedTuple):
    """What a destination said."""

    state: Literal["acknowledged", "again", "set aside"]
    problem: str | None = None
    pause_s: float = 0.0
    """For how long it wants to be left alone."""


class Channel(Protocol):
    """How one kind of destination is spoken to. Of one thread at a time."""

    def write(self, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
        """What is sent: made once, kept, and the same at each repeat."""

    def send(self, kept: Kept, message: bytes) -> Outcome:
        """Send it and wait until it is acknowledged."""

    def close(self) -> None:
        """Free what is open."""


class Sender(threading.Thread):
    """Sends what is owed to one destination."""

    def __init__(
        self,
        told: Destination,
        channel: Channel,
        ledger: Ledger,
        engine: EngineInfo,
        draw_s: float,
        count: Callable[[str, str], None],
        trouble: Callable[[str, Exception], None],
    ) -> None:
        super().__init__(name=f"ecg2lab-to-{told.name}", daemon=True)
        self._told, self._channel, self._ledger, self._engine = told, channel, ledger, engine
        self._draw_s, self._count, self._trouble = draw_s, count, trouble
        self._woken, self._ending = threading.Event(), threading.Event()

    def wake(self) -> None:
        """Something new may be owed."""
        self._woken.set()

    def stop(self) -> None:
        """End after what is being sent; not waited for."""
        self._ending.set()
        self._woken.set()

    def run(self) -> None:
        """Until it is stopped."""
        helper = Helper(self._draw_s, self._ledger.reading)
        try:
            while not self._ending.is_set():
                self._woken.clear()
                try:
                    pause = self._send_next(helper)
                except StoreError as error:
                    self._trouble(f"to {self._told.name}", error)
                    pause = 1.0
                if pause:
                    self._woken.wait(pause)
        finally:
            helper.stop()
            self._channel.close()

    def _send_next(self, helper: Helper) -> float:
        """Send what comes next; returns how long there is nothing to do."""
        owed = self._ledger.owed(self._told.name)
        if not isinstance(owed, Owed):
            return _IDLE_S if owed is None else owed
        kept = self._ledger.kept(owed.number)
        if kept is not None:  # not erased meanwhile
            self._settle(owed, self._sent(kept, owed.message, helper))
        return 0.0

    def _sent(self, kept: Kept, message: bytes | None, helper: Helper) -> Outcome:
        try:
            if message is None:
                message = self._channel.write(kept, self._engine, helper)
                self._ledger.settle(kept.number, self._told.name, message=message)
            return self._channel.send(kept, message)
        except StoreError:
            raise
        except Ecg2LabError as error:
            return Outcome("set aside", str(error))
        except Exception as error:
            return Outcome("set aside", f"{type(error).__name__} in ecg2lab; please report it")

    def _settle(self, owed: Owed, outcome: Outcome) -> None:
        attempts, name = owed.attempts + 1, self._told.name
        self._count(name, outcome.state)
        if outcome.state == "again":
            retry = self._told.retry
            pause = min(retry.first_s * 2.0 ** min(attempts - 1, 30), retry.longest_s)
            due = time.time() + max(pause, outcome.pause_s)
            self._ledger.settle(owed.number, name, attempts=attempts, due=due, problem=outcome.problem)
        else:
            self._ledger.settle(owed.number, name, attempts=attempts, state=outcome.state, problem=outcome.problem)


def open_channel(told: Destination, base: Path) -> Channel:
    """The channel of a destination; relative paths start from `base`."""
    return _OPENERS[type(told)](told, base)


def _open_files(told: Any, base: Path) -> Channel:
    from ecg2lab.edge.destinations.files import FilesChannel

    return FilesChannel(told, base)


def _open_hl7(told: Any, base: Path) -> Channel:
    from ecg2lab.edge.destinations.hl7 import Hl7Channel

    return Hl7Channel(told, base)


def _open_dicom(told: Any, base: Path) -> Channel:
    from ecg2lab.edge.destinations.dicom import DicomChannel

    return DicomChannel(told, base)


def _open_fhir(told: Any, base: Path) -> Channel:
    from ecg2lab.edge.destinations.fhir import FhirChannel

    return FhirChannel(told, base)


_OPENERS: dict[type, Callable[[Any, Path], Channel]] = {
    FilesDestination: _open_files,
    Hl7Destination: _open_hl7,
    DicomDestination: _open_dicom,
    FhirDestination: _open_fhir,
}
