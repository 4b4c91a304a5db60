"""The node: takes recordings, answers each once, and remembers what every destination is still owed."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.edge.config import Configuration
from ecg2lab.edge.destinations import Sender, open_channel
from ecg2lab.edge.drift import Drift
from ecg2lab.edge.facts.patients import known
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.inference.service import Inference
from ecg2lab.edge.ledger import Kept, Ledger, Result
from ecg2lab.edge.metrics import Metrics
from ecg2lab.edge.problems import Problems
from ecg2lab.edge.upkeep import Upkeep
from ecg2lab.engine import Engine
from ecg2lab.errors import Ecg2LabError, OverloadError, PatientError, RecordingError, StoreError
from ecg2lab.patient import Patient
from ecg2lab.recording import Recording
from ecg2lab.report.document import Refusal

_MOST_CRASHES = 3
_MOST_FILES = 32
_MEGABYTE = 1 << 20
_LAST = -1
_ERASED = "it was erased before it was answered"


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
        self.problems = Problems()
        digest, references = engine.info.bundle_digest, self.ledger.folder / "drift"
        self.drift = Drift(self.ledger.survey, engine.contract, digest, configuration.drift, references)
        self.metrics = Metrics(engine.info, configuration.mode, self.ledger, self.drift, self.problems)
        self.turn = threading.Semaphore(configuration.workers)
        """Held by who computes what is no recording: a request of the Open Inference Protocol, a part of a stream."""
        self.inference = Inference(
            engine,
            configuration.model_name,
            configuration.limits.windows,
            self.turn,
            self.metrics.inferred,
            lambda who: self.ledger.note(who, "asked for logits", engine.info.bundle_digest),
        )
        self._work: queue.PriorityQueue[int] = queue.PriorityQueue()
        self._waiting = 0
        self._counting = threading.Lock()
        self._hopes: dict[int, list[Future[Kept]]] = {}
        self._ending = threading.Event()
        self._helpers: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        for _ in range(configuration.workers):
            self._helpers.put(Helper(configuration.limits.read_s, self.ledger.reading))
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
                self.problems.count,
            )
            for told in destinations
        ]
        self._owed_to = [told.name for told in destinations]
        told, facts = configuration.retention, configuration.facts
        self._upkeep = Upkeep(told, self.ledger, self.drift, self.problems, self._wake, facts=facts)

    def start(self) -> None:
        """Begin to answer, first what was taken before the last stop."""
        helpers = [self._helpers.get() for _ in self._workers]
        for helper in helpers:
            helper.start()
            self._helpers.put(helper)
        for number in self.ledger.waiting(_MOST_CRASHES):
            self._put(number)
        for thread in (*self._workers, *self._senders, self._upkeep):
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
        self.require_disk()

    def require_disk(self) -> None:
        """Refuse while there is too little place.

        Raises
        ------
        OverloadError
            Saying how much there is.
        """
        limits = self.configuration.limits
        try:
            free = shutil.disk_usage(self.ledger.folder).free / _MEGABYTE
        except OSError as error:
            raise OverloadError(f"the node's folder cannot be used: {error.strerror}") from None
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
        self._require(files, facts)
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
        self._require(files, facts)
        try:
            helper = self._helpers.get_nowait()
        except queue.Empty:  # all are busy, and the recording waits for its turn
            kept, new = self._keep_recording(files, facts, origin, sender)
            if new:
                self._put(kept.number)
        else:
            try:
                helper.begin(files)  # it is read while it is brought to the disk
                kept, new = self._keep_recording(files, facts, origin, sender)
                if new:
                    return self._answer_here(kept, _read(helper))
            finally:
                helper.abandon()
                self._helpers.put(helper)
        if kept.state != "waiting":
            return kept
        try:
            return self.hope(kept.number).result(seconds)
        except FutureTimeoutError:
            return kept

    def _require(self, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
        _check_names(files)
        _check_facts(facts)
        self.require_room()

    def _keep_recording(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], origin: str, sender: str
    ) -> tuple[Kept, bool]:
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

    def works(self) -> bool:
        """Whether its threads run and what it keeps takes work; waits for the latter. A full disk is no fault of it."""
        with suppress(StoreError):
            self.ledger.require_store()
        return all(thread.is_alive() for thread in (*self._workers, *self._senders, self._upkeep))

    def stop(self) -> None:
        """Take nothing more, end what is being answered, and keep the rest for the next start."""
        self._ending.set()
        for _ in self._workers:
            self._work.put(_LAST)  # before all that waits
        for sender in self._senders:
            sender.stop()
        self._upkeep.stop()
        for thread in (*self._workers, *self._senders, self._upkeep):
            if thread.ident is not None:  # it was started
                thread.join()
        while not self._helpers.empty():
            self._helpers.get().stop()
        self.ledger.close()
        self.engine.close()

    def _wake(self) -> None:
        for sender in self._senders:
            sender.wake()

    def answer_again(self, kept: Kept, who: str) -> bool:
        """Answer what was set aside once more; False: it is not set aside.

        Raises
        ------
        OverloadError, StoreError
            If that cannot be now.
        """
        self.require_room()
        again = self.ledger.answer_again(kept, who)
        if again:
            self._put(kept.number)
        return again

    def send_again(self, kept: Kept, destination: str, who: str) -> bool:
        """Send a message once more, the same to the letter; False: none was ever owed there, or nothing leaves now.

        Raises
        ------
        StoreError
            If it cannot be kept.
        """
        again = destination in self._owed_to and self.ledger.send_again(kept, destination, who)
        self._wake()
        return again

    def _answer_all(self) -> None:
        while (number := self._work.get()) != _LAST:
            helper = self._helpers.get()
            try:
                self._answer_from(number, helper)
            finally:
                helper.abandon()
                self._helpers.put(helper)

    def _answer_from(self, number: int, helper: Helper) -> None:
        """Answer this one and all that wait behind it; while one is answered the next is read."""
        kept = self._begin(number, helper)
        while kept is not None:
            read = _read(helper)
            following = self._begin(self._upcoming(), helper)
            self._complete(kept, read)
            kept = following

    def _begin(self, number: int | None, helper: Helper) -> Kept | None:
        """Have it read, or the next that still waits for its answer; None: none does."""
        while number is not None:
            kept = self.ledger.kept(number)
            if kept is not None and kept.state == "waiting":
                helper.begin(kept.files)
                return kept
            self._over(number, kept)  # erased; or answered already
            number = self._upcoming()
        return None

    def _upcoming(self) -> int | None:
        """What is to be answered next; None: nothing waits, or the node stops."""
        try:
            number = self._work.get_nowait()
        except queue.Empty:
            return None
        if number == _LAST:
            self._work.put(_LAST)
            return None
        return number

    def _complete(self, kept: Kept, read: Recording | Exception) -> None:
        try:
            answered = self._finish(kept, read)
        except StoreError as error:  # it stays waiting, for a disk may have room again
            self.problems.count("answers", error)
            if not self._ending.wait(1):
                self._work.put(kept.number)
        else:
            self._over(kept.number, answered)

    def _over(self, number: int, kept: Kept | None) -> None:
        """It is no longer waiting."""
        with self._counting:
            self._waiting -= 1
        self._fulfil(number, kept)

    def _answer_here(self, kept: Kept, read: Recording | Exception) -> Kept:
        """In the thread that waits for it."""
        try:
            answered = self._finish(kept, read)
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

    def _finish(self, kept: Kept, read: Recording | Exception) -> Kept | None:
        """Answer, and keep the answer; None: it was erased meanwhile."""
        self.ledger.begin(kept.number)
        try:
            said, result = self._said(kept, read)
            answered = self.ledger.finish(kept, result, self._owed_to)
        except StoreError:
            self.ledger.unbegin(kept.number)
            raise
        for sender in self._senders:
            sender.wake()
        if answered is not None:
            self.metrics.answered(answered, said)
        return answered

    def _said(self, kept: Kept, read: Recording | Exception) -> tuple[Prediction | Refusal | None, Result]:
        title, source = kept.files[0].name, None
        try:
            if isinstance(read, Exception):
                raise read
            source = read.source
            facts = self.configuration.facts
            patient = known(self.ledger.facts, facts, self.engine.contract, kept.facts, kept.origin, read)
            prediction = patient.noted(self.engine.predict(read, patient.patient))
            prediction = msgspec.structs.replace(prediction, record=title)
            return prediction, Result("answered", prediction.to_json(), source, None)
        except StoreError:  # what is kept of the patient could not be looked up
            raise
        except Ecg2LabError as error:
            note = ErrorNote(type=type(error).__name__, message=str(error))
            refusal = Refusal(record=title, error=note, quality=getattr(error, "quality", None))
            return refusal, Result("refused", refusal.to_json(), source, None)
        except Exception as error:
            return None, Result("set aside", None, source, f"{type(error).__name__} in ecg2lab; please report it")


def _read(helper: Helper) -> Recording | Exception:
    """What was begun, or why it cannot be read."""
    try:
        return helper.recording()
    except Exception as error:
        return error


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
