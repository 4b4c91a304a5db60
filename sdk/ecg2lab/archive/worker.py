"""A process that scores batches. What a file crashes or holds up is that process, which is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Any

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.archive import rows, scoring
from ecg2lab.archive.plan import Batch
from ecg2lab.archive.scoring import Task
from ecg2lab.errors import BackendError, Ecg2LabError

_TRIALS = 2
"""Of a recording over which the process ended, and of a start: being killed by somebody else is no fault of either."""


class WorkerClosedError(Exception):
    """The process was ended on purpose."""


class _LostError(Exception):
    """The process ended, or was ended for it took too long."""

    def __init__(self, why: str, index: int | None) -> None:
        super().__init__(why)
        self.why, self.index = why, index


class Worker:
    """Starts its process with the first batch. Of one thread at a time, but for `close`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._process: Any = None
        self._line: Connection | None = None
        self._closed = False
        self._starting = Lock()
        self._info: EngineInfo | None = None

    def score(self, batch: Batch) -> list[rows.Row]:
        """A row for each recording, in order.

        Raises
        ------
        Ecg2LabError
            If the model cannot be loaded, or cannot be computed any more.
        WorkerClosedError
            If it was closed meanwhile.
        """
        scored: list[rows.Row] = []
        waiting = deque([(batch, 1)])
        while waiting:
            part, trial = waiting.popleft()
            try:
                scored += self._ask(part)
            except _LostError as lost:
                left = _left(part, trial, lost.index)
                waiting.extendleft(reversed(left))
                if not left and len(part) == 1:
                    scored.append(scoring.refused(part[0], lost.why))
                elif not left:
                    raise BackendError(f"a worker ends before it begins: {lost.why}") from None
        assert self._info is not None
        of_model = rows.of_model(self._info, self._info.notice)
        return [row | of_model for row in scored]

    def close(self) -> None:
        """End the process, whatever it does."""
        with self._starting:
            self._closed = True
            self._stop()

    def _stop(self) -> None:
        process = self._process
        if process is not None and process.pid is not None:  # it was started
            process.kill()
            process.join()

    def _ask(self, batch: Batch) -> list[rows.Row]:
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._line is not None
        read_s, said = self._task.settings.read_s, ""
        index: int | None = None
        try:
            self._line.send(batch)
            while True:
                if not self._line.poll(read_s if said == "reading" else None):
                    self._stop()
                    raise _LostError(f"it could not be read within {read_s:g} s", index)
                said, value = self._line.recv()
                if said == "rows":
                    scored: list[rows.Row] = value
                    return scored
                if said == "failed":
                    raise value
                index = value
        except (OSError, EOFError):
            raise self._lost(index) from None

    def _start(self) -> None:
        """A new process, which has loaded the model.

        Raises
        ------
        Ecg2LabError
            If it cannot load it.
        """
        for _ in range(_TRIALS):
            try:
                said = self._launched().recv()
            except (OSError, EOFError):
                why = self._lost(None).why
                continue
            if isinstance(said, Exception):
                raise said
            self._info = said
            return
        raise BackendError(f"a worker ends while it loads the model ({why}): is there enough memory?")

    def _launched(self) -> Connection:
        with self._starting, _without_interrupts():
            if self._closed:
                raise WorkerClosedError
            context = multiprocessing.get_context("spawn")
            self._line, theirs = context.Pipe()
            self._process = context.Process(target=_work, args=(theirs, self._task), name="ecg2lab-score", daemon=True)
            self._process.start()
            theirs.close()
            return self._line

    def _lost(self, index: int | None) -> _LostError:
        self._stop()
        if self._closed:
            raise WorkerClosedError
        code = self._process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return _LostError(
            f"the program that reads recordings ended over it, by {how}; keep the file and report it", index
        )


def _left(batch: Batch, trial: int, index: int | None) -> list[tuple[Batch, int]]:
    """What is yet to do of a batch, and which trial that is; nothing of a recording that has had all of its own."""
    if index is None or len(batch) == 1:
        return [(batch, trial + 1)] if trial < _TRIALS else []
    parts = [(batch[:index], 1), (batch[index : index + 1], 2), (batch[index + 1 :], 1)]
    return [(part, number) for part, number in parts if part]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started within never sees a Ctrl-C, not even before it can say what to do then."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(line: Connection, task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    _follow_parent()
    try:
        engine = scoring.load(task)
    except Ecg2LabError as error:
        line.send(error)
        return
    except Exception as error:
        line.send(RuntimeError(type(error).__name__))
        return
    root = task.root
    line.send(engine.info)
    del task

    def tell(what: str, index: int) -> None:
        line.send((what, index))

    with suppress(EOFError, OSError):
        while True:
            batch: Batch = line.recv()
            try:
                line.send(("rows", list(scoring.score(engine, root, batch, tell))))
            except BackendError as error:
                line.send(("failed", error))


def _follow_parent() -> None:
    """End this process with the one that started it, also in the middle of a file."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()
