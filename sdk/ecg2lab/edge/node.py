"""The node: takes recordings, answers each once, and remembers what every destination is still owed."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ecg2lab.edge.answering import Answering, Said
from ecg2lab.edge.config import Configuration
from ecg2lab.edge.destinations import Sender, open_channel
from ecg2lab.edge.drift.monitor import Drift
from ecg2lab.edge.inference.service import Inference
from ecg2lab.edge.ledger import Kept, Ledger
from ecg2lab.edge.metrics import Metrics
from ecg2lab.edge.problems import Problems
from ecg2lab.edge.upkeep import Upkeep
from ecg2lab.engine import Engine
from ecg2lab.errors import OverloadError, PatientError, RecordingError, StoreError
from ecg2lab.patient import Patient

_MOST_FILES = 32
_MEGABYTE = 1 << 20


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
        self._ending = threading.Event()
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
        self._answering = Answering(
            engine, configuration, self.ledger, self.problems, self._owed_to, self._was_answered
        )
        told, facts = configuration.retention, configuration.facts
        self._upkeep = Upkeep(told, self.ledger, self.drift, self.problems, self._wake, facts=facts)

    def start(self) -> None:
        """Begin to answer, first what was taken before the last stop."""
        self._answering.start()
        for thread in (*self._senders, self._upkeep):
            thread.start()

    def _was_answered(self, kept: Kept, said: Said) -> None:
        self._wake()
        self.metrics.answered(kept, said)

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
        if (waiting := self._answering.waiting) >= limits.waiting:
            raise OverloadError(f"{waiting} recordings wait for their answer: send it again in a minute")
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
            self._answering.put(kept.number)
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
        keep = partial(self._keep_recording, files, facts, origin, sender)
        kept = self._answering.at_once(files, keep)
        if kept.state != "waiting":
            return kept
        try:
            return self._answering.hope(kept.number).result(seconds)
        except FutureTimeoutError:
            return kept

    def hope(self, number: int) -> Future[Kept]:
        """Done when a recording is no longer waiting."""
        return self._answering.hope(number)

    def _require(self, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
        _check_names(files)
        _check_facts(facts)
        self.require_room()

    def _keep_recording(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], origin: str, sender: str
    ) -> tuple[Kept, bool]:
        return self.ledger.take(files, facts, self.engine.info.bundle_digest, origin, sender)

    def works(self) -> bool:
        """Whether its threads run and what it keeps takes work; waits for the latter. A full disk is no fault of it."""
        with suppress(StoreError):
            self.ledger.require_store()
        return self._answering.works() and all(thread.is_alive() for thread in (*self._senders, self._upkeep))

    def stop(self) -> None:
        """Take nothing more, end what is being answered, and keep the rest for the next start."""
        self._ending.set()
        for sender in self._senders:
            sender.stop()
        self._upkeep.stop()
        self._answering.stop()
        for thread in (*self._senders, self._upkeep):
            if thread.ident is not None:  # it was started
                thread.join()
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
            self._answering.put(kept.number)
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
