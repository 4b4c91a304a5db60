"""The node: takes recordings, answers each once, and remembers what every destination is still owed."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ecg2lab import log
from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.edge.config import Configuration
from ecg2lab.edge.destinations import Sender, open_channel
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept, Ledger, Result
from ecg2lab.edge.metrics import Metrics
from ecg2lab.engine import Engine
from ecg2lab.errors import Ecg2LabError, OverloadError, PatientError, RecordingError, StoreError
from ecg2lab.patient import Patient
from ecg2lab.report.document import Refusal

_MOST_CRASHES = 3
_MOST_FILES = 32
_MEGABYTE = 1 << 20
_LAST = -1
_ERASED = "it was erased before it was answered"
_HOUR_S, _DAY_S = 3600.0, 86_400.0


class Accepted(NamedTuple):
    """A recording that is on the disk."""

    id: str
    number: int
    new: bool
    """Whether it was not there already."""


class Node:
    """One node over one engine. Its methods may be called from any thread.

    Parameters
    ----------
    engine
        Answers; the node closes it.
    configuration
        What it is told.
    base
        Folder from which relative paths start.

    Raises
    ------
    StoreError
        If its folder cannot be used.
    """

    def __init__(self, engine: Engine, configuration: Configuration, base: Path) -> None:
        self.engine, self.configuration = engine, configuration
        self.ledger = Ledger(base / configuration.state)
        self.metrics = Metrics(engine.info, configuration.mode, self.ledger)
        self._work: queue.PriorityQueue[int] = queue.PriorityQueue()
        self._waiting = 0
        self._counting = threading.Lock()
        self._hopes: dict[int, list[Future[Kept]]] = {}
        self._ending = threading.Event()
        self._helpers: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        for _ in range(configuration.workers):
            self._helpers.put(Helper(configuration.limits.read_s))
        self._workers = [
            threading.Thread(target=self._answer_all, name=f"ecg2lab-worker-{number}", daemon=True)
            for number in range(configuration.workers)
        ]
        destinations = configuration.destinations if configuration.mode == "answer" else ()
        self._senders = [
            Sender(
                told,
                open_channel(told, base),
                self.ledger,
                engine.info,
                configuration.limits.read_s,
                self.metrics.sent,
            )
            for told in destinations
        ]
        self._owed_to = [told.name for told in destinations]
        self._keeper = threading.Thread(target=self._keep, name="ecg2lab-retention", daemon=True)

    def start(self) -> None:
        """Begin to answer, first what was taken before the last stop."""
        helpers = [self._helpers.get() for _ in self._workers]
        for helper in helpers:
            helper.start()
            self._helpers.put(helper)
        for number in self.ledger.waiting(_MOST_CRASHES):
            self._put(number)
        for thread in (*self._workers, *self._senders, self._keeper):
            thread.start()

    def _put(self, number: int) -> None:
        with self._counting:
            self._waiting += 1
        self._work.put(number)

    def require_room(self) -> None:
        """Refuse while there is too much to do, or too little place.

        Raises
        ------
        OverloadError
            Saying which.
        """
        limits = self.configuration.limits
        if self._ending.is_set():
            raise OverloadError("the node is stopping: send it again in a minute")
        if self._waiting >= limits.waiting:
            raise OverloadError(f"{self._waiting} recordings wait for their answer: send it again in a minute")
        free = shutil.disk_usage(self.ledger.folder).free / _MEGABYTE
        if free < limits.least_free_mb:
            raise OverloadError(f"the disk has {free:.0f} MB left, and {limits.least_free_mb:g} MB are kept free")

    def accept(self, files: Mapping[str, bytes], facts: Mapping[str, Any], *, origin: str, sender: str) -> Accepted:
        """Keep a recording, which is answered soon; returns once it is on the disk.

        Parameters
        ----------
        files
            By name; several belong to one recording.
        facts
            About the patient, by fields of `Patient`.
        origin
            Which input took it.
        sender
            Who sent it.

        Raises
        ------
        RecordingError
            If these are no files of a recording.
        PatientError
            If a fact is none.
        OverloadError, StoreError
            If it cannot be taken now.
        """
        kept, new = self._keep_recording(files, facts, origin, sender)
        if new:
            self._put(kept.number)
        return Accepted(kept.id, kept.number, new)

    def ask(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], *, origin: str, sender: str, seconds: float
    ) -> Kept:
        """As `accept`, and wait so long for the answer.

        Returns
        -------
        Kept
            Still `waiting` if the time was too short.
        """
        kept, new = self._keep_recording(files, facts, origin, sender)
        if kept.state != "waiting":
            return kept
        helper = self._free_helper() if new else None
        if helper is not None:
            try:
                return self._answer_here(kept, helper)
            finally:
                self._helpers.put(helper)
        if new:
            self._put(kept.number)
        try:
            return self.hope(kept.number).result(seconds)
        except FutureTimeoutError:
            return kept

    def _free_helper(self) -> Helper | None:
        """None: all are busy, and the recording waits for its turn."""
        try:
            return self._helpers.get_nowait()
        except queue.Empty:
            return None

    def _keep_recording(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], origin: str, sender: str
    ) -> tuple[Kept, bool]:
        _check_names(files)
        _check_facts(facts)
        self.require_room()
        return self.ledger.take(files, facts, self.engine.info.bundle_digest, origin, sender)

    def hope(self, number: int) -> Future[Kept]:
        """Done when a recording is no longer waiting."""
        future: Future[Kept] = Future()
        with self._counting:
            self._hopes.setdefault(number, []).append(future)
        kept = self.ledger.kept(number)
        if kept is None or kept.state != "waiting":
            self._fulfil(number, kept)
        return future

    def stop(self) -> None:
        """Take nothing more, end what is being answered, and keep the rest for the next start."""
        self._ending.set()
        for _ in self._workers:
            self._work.put(_LAST)  # before all that waits
        for sender in self._senders:
            sender.stop()
        for thread in (*self._workers, *self._senders, self._keeper):
            if thread.ident is not None:  # it was started
                thread.join()
        while not self._helpers.empty():
            self._helpers.get().stop()
        self.ledger.close()
        self.engine.close()

    def _keep(self) -> None:
        """Erase by age, at the start and every hour."""
        retention = self.configuration.retention
        while True:
            now = time.time()
            try:
                self.ledger.expire(now - retention.days * _DAY_S, now - retention.audit_days * _DAY_S)
            except StoreError as error:
                log.refused(error)
            if self._ending.wait(_HOUR_S):
                return

    def _answer_all(self) -> None:
        while (number := self._work.get()) != _LAST:
            helper = self._helpers.get()
            try:
                kept = self._answer(number, helper)
            except StoreError as error:  # it stays waiting, for a disk may have room again
                log.refused(error)
                if not self._ending.wait(1):
                    self._work.put(number)
                continue
            finally:
                self._helpers.put(helper)
            with self._counting:
                self._waiting -= 1
            self._fulfil(number, kept)

    def _answer(self, number: int, helper: Helper) -> Kept | None:
        kept = self.ledger.kept(number)
        if kept is None or kept.state != "waiting":  # erased; or answered already
            return kept
        return self._finish(kept, helper)

    def _answer_here(self, kept: Kept, helper: Helper) -> Kept:
        """In the thread that waits for it."""
        try:
            answered = self._finish(kept, helper)
        except StoreError:
            self._put(kept.number)
            raise
        self._fulfil(kept.number, answered)
        if answered is None:
            raise RecordingError(_ERASED)
        return answered

    def _fulfil(self, number: int, kept: Kept | None) -> None:
        with self._counting:
            hopes = self._hopes.pop(number, [])
        for hope in hopes:
            if kept is not None:
                hope.set_result(kept)
            else:
                hope.set_exception(RecordingError(_ERASED))

    def _finish(self, kept: Kept, helper: Helper) -> Kept | None:
        """Answer, and keep the answer; None: it was erased meanwhile."""
        self.ledger.begin(kept.number)
        said, result = self._said(kept, helper)
        try:
            answered = self.ledger.finish(kept, result, self._owed_to)
        except StoreError:
            self.ledger.unbegin(kept.number)
            raise
        for sender in self._senders:
            sender.wake()
        if answered is not None:
            self.metrics.answered(answered, said)
        return answered

    def _said(self, kept: Kept, helper: Helper) -> tuple[Prediction | Refusal | None, Result]:
        title, source = kept.files[0].name, None
        try:
            recording = helper.read(kept.files)
            source = recording.source
            prediction = self.engine.predict(recording, Patient(**kept.facts))
            prediction = msgspec.structs.replace(prediction, record=title)
            return prediction, Result("answered", prediction.to_json(), source, None)
        except Ecg2LabError as error:
            note = ErrorNote(type=type(error).__name__, message=str(error))
            refusal = Refusal(record=title, error=note, quality=getattr(error, "quality", None))
            return refusal, Result("refused", refusal.to_json(), source, None)
        except Exception as error:
            return None, Result("set aside", None, source, f"{type(error).__name__} in ecg2lab; please report it")


def _check_names(files: Mapping[str, bytes]) -> None:
    if not files:
        raise RecordingError("no file came")
    if len(files) > _MOST_FILES:
        raise RecordingError(f"{len(files)} files came; a recording has {_MOST_FILES} at most")
    for name, content in files.items():
        plain = name == os.path.basename(name) and name not in ("", ".", "..") and name.isprintable()
        if not plain or "\\" in name or len(name.encode()) > 200:
            raise RecordingError("a file has a name that is none: no path, 200 bytes at most")
        if not content:
            raise RecordingError("a file is empty")
    if len({name.casefold() for name in files}) < len(files):
        raise RecordingError("two files have the same name")


def _check_facts(facts: Mapping[str, Any]) -> None:
    try:
        Patient(**facts)
    except TypeError:
        unknown = set(facts) - set(Patient.__struct_fields__)
        known = ", ".join(Patient.__struct_fields__)
        raise PatientError(f"{len(unknown)} of the facts have names that are none; these are: {known}") from None
