"""Answers recordings: one after the other in each worker, or at once for who waits; each is answered once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import msgspec

from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.edge.config import Configuration
from ecg2lab.edge.facts.patients import known
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept, Ledger, Result
from ecg2lab.edge.problems import Problems
from ecg2lab.engine import Engine
from ecg2lab.errors import Ecg2LabError, RecordingError, StoreError
from ecg2lab.recording import Recording
from ecg2lab.report.document import Refusal

_MOST_CRASHES = 3
_LAST = -1
_ERASED = "it was erased before it was answered"
Said = Prediction | Refusal | None
"""Of a recording; None: nothing, it was set aside."""


class Answering:
    """Of one node. Its methods may be called from any thread.

    Parameters
    ----------
    engine, configuration, ledger, problems
        The node's.
    destinations
        Names of those that are owed each answer.
    answered
        Called with each recording that is no longer waiting, and what was said of it.
    """

    def __init__(
        self,
        engine: Engine,
        configuration: Configuration,
        ledger: Ledger,
        problems: Problems,
        destinations: Sequence[str],
        answered: Callable[[Kept, Said], None],
    ) -> None:
        self._engine, self._facts, self._ledger, self._problems = engine, configuration.facts, ledger, problems
        self._owed_to, self._answered = destinations, answered
        self._work: queue.PriorityQueue[int] = queue.PriorityQueue()
        self.waiting = 0
        """How many wait for their turn."""
        self._counting = threading.Lock()
        self._hopes: dict[int, list[Future[Kept]]] = {}
        self._ending = threading.Event()
        self._helpers: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        for _ in range(configuration.workers):
            self._helpers.put(Helper(configuration.limits.read_s, ledger.reading))
        self._workers = [
            threading.Thread(target=self._answer_all, name=f"ecg2lab-worker-{number}", daemon=True)
            for number in range(configuration.workers)
        ]
        self._said_ones: queue.Queue[tuple[Kept, Said, Result] | None] = queue.Queue(configuration.workers)
        self._keepers = [
            threading.Thread(target=self._keep_all, name=f"ecg2lab-keeper-{number}", daemon=True)
            for number in range(configuration.workers)
        ]

    def start(self) -> None:
        """Begin, first with what was taken before the last stop."""
        helpers = [self._helpers.get() for _ in self._workers]
        for helper in helpers:
            helper.start()
            self._helpers.put(helper)
        for number in self._ledger.waiting(_MOST_CRASHES):
            self.put(number)
        for thread in (*self._workers, *self._keepers):
            thread.start()

    def works(self) -> bool:
        """Whether its threads run."""
        return all(thread.is_alive() for thread in (*self._workers, *self._keepers))

    def stop(self) -> None:
        """End what is being answered; the rest is there at the next start."""
        self._ending.set()
        self._work.put(_LAST)  # before all that waits; each worker leaves it to the next
        if self._workers[0].ident is not None:  # they were started
            for thread in self._workers:
                thread.join()
            self._said_ones.put(None)  # after all that they said; each keeper leaves it to the next
            for thread in self._keepers:
                thread.join()
        while not self._helpers.empty():
            self._helpers.get().stop()

    def put(self, number: int) -> None:
        """Answer a recording when its turn comes."""
        with self._counting:
            self.waiting += 1
        self._work.put(number)

    def at_once(self, files: Mapping[str, bytes], keep: Callable[[], tuple[Kept, bool]]) -> Kept:
        """Answer in this thread what just came, unless all helpers are busy: then it waits for its turn.

        Parameters
        ----------
        files
            By name. They are read while they are brought to the disk.
        keep
            Brings them there; as `Ledger.take`.

        Returns
        -------
        Kept
            `waiting` if it was not answered here.
        """
        try:
            helper = self._helpers.get_nowait()
        except queue.Empty:
            kept, new = keep()
            if new:
                self.put(kept.number)
            return kept
        try:
            helper.begin(files)
            kept, new = keep()
            return self._answer_here(kept, _read(helper)) if new else kept
        finally:
            helper.abandon()
            self._helpers.put(helper)

    def hope(self, number: int) -> Future[Kept]:
        """Done when a recording is no longer waiting."""
        future: Future[Kept] = Future()
        with self._counting:
            self._hopes.setdefault(number, []).append(future)
        kept = self._ledger.kept(number)
        if kept is None or kept.state != "waiting":
            self._fulfil(number, kept)
        return future

    def _answer_all(self) -> None:
        while (number := self._work.get()) != _LAST:
            helper = self._helpers.get()
            try:
                self._answer_from(number, helper)
            finally:
                helper.abandon()
                self._helpers.put(helper)
        self._work.put(_LAST)

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
            try:
                kept = self._ledger.kept(number)
                if kept is not None and kept.state == "waiting":
                    helper.begin(kept.files)
                    return kept
            except StoreError as error:
                self._later(number, error)
            else:
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
        """Answer it. It is kept by another thread, while this one answers the next."""
        try:
            self._said_ones.put((kept, *self._say(kept, read)))
        except StoreError as error:
            self._later(kept.number, error)

    def _keep_all(self) -> None:
        while (one := self._said_ones.get()) is not None:
            kept, said, result = one
            try:
                answered = self._keep(kept, said, result)
            except StoreError as error:
                self._later(kept.number, error)
            else:
                self._over(kept.number, answered)
        self._said_ones.put(None)

    def _later(self, number: int, error: StoreError) -> None:
        """It stays waiting, for a disk may have room again."""
        self._problems.count("answers", error)
        if not self._ending.wait(1):
            self._work.put(number)

    def _over(self, number: int, kept: Kept | None) -> None:
        """It is no longer waiting."""
        with self._counting:
            self.waiting -= 1
        self._fulfil(number, kept)

    def _answer_here(self, kept: Kept, read: Recording | Exception) -> Kept:
        """In the thread that waits for it."""
        try:
            answered = self._keep(kept, *self._say(kept, read))
        except StoreError:
            self.put(kept.number)
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

    def _say(self, kept: Kept, read: Recording | Exception) -> tuple[Said, Result]:
        """Answer, and remember while that is done that it is being done."""
        self._ledger.begin(kept.number)
        try:
            return self._said(kept, read)
        finally:
            self._ledger.unbegin(kept.number)

    def _keep(self, kept: Kept, said: Said, result: Result) -> Kept | None:
        """Keep an answer; None: it was erased meanwhile."""
        answered = self._ledger.finish(kept, result, self._owed_to)
        if answered is not None:
            self._answered(answered, said)
        return answered

    def _said(self, kept: Kept, read: Recording | Exception) -> tuple[Said, Result]:
        title, source = kept.files[0].name, None
        try:
            if isinstance(read, Exception):
                raise read
            source = read.source
            patient = known(self._ledger.facts, self._facts, self._engine.contract, kept.facts, kept.origin, read)
            prediction = patient.noted(self._engine.predict(read, patient.patient))
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
