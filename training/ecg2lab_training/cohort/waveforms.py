"""WFDB records into one array on disk, by all cores, going on where it was stopped.

The array lies in a work folder. `done.npy` says of each row whether it was written or skipped; `plan.json` says what
was wanted, so that work for another plan is never taken up. Rows are written with `pwrite`: a full disk is then an
error, whereas a full disk behind a memory map kills the process.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError, OutputError, RecordingError
from ecg2lab_training.progress import Progress, silent

SECONDS = 10
CHUNK = 64
"""Records of one task."""
PENDING, WRITTEN, SKIPPED = 0, 1, 2


class Skipped(NamedTuple):
    """A record that could not be used."""

    row: int
    record: str
    reason: str


@dataclass(frozen=True)
class Job:
    """What a worker needs to know."""

    root: Path
    """Folder that record paths start from."""
    array: Path
    contract: Contract

    @property
    def shape(self) -> tuple[int, int]:
        """(leads, samples) of one row."""
        signal = self.contract.signal
        return len(signal.leads), round(SECONDS * signal.sampling_rate_hz)


def prepare(
    records: Sequence[str], root: Path, work: Path, contract: Contract, workers: int, progress: Progress = silent
) -> tuple[Path, list[Skipped]]:
    """Read and preprocess records into `work`/signals.npy, one row each; rows of skipped records are zero.

    Parameters
    ----------
    records
        Paths without suffix, below `root`.
    root
        Of the ECGs.
    work
        Folder of unfinished work; what is done there for the same records is not done again.
    contract
        Leads, rate and preprocessing.
    workers
        Processes.
    progress
        Told after each chunk.

    Returns
    -------
    array, skipped
        Path of the array, (records, leads, samples) float32 mV, and the records that were skipped, with reasons.

    Raises
    ------
    OutputError
        If the disk is full or cannot be written; what is done is kept.
    DatasetError
        If a process was killed.
    """
    job = Job(root, work / "signals.npy", contract)
    try:
        state = _State.open(work, records, job)
        chunks = list(_chunks(state.pending()))
        for rows, reasons in _work(job, records, chunks, workers):
            state.enter(rows, reasons)
            done = state.size - len(state.pending())
            progress(done, state.size, f"waveforms: {done * 10 // state.size * 10} %")
    except BrokenProcessPool:
        raise DatasetError(
            "waveforms: a process that read them was killed, perhaps for lack of memory; run again with fewer --workers"
        ) from None
    except OSError as error:
        raise OutputError(f"waveforms: cannot write {work}: {error.strerror or error}; run again to go on") from None
    return job.array, state.skipped(records)


def _chunks(rows: NDArray[np.int64]) -> Iterator[list[int]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK].tolist()


def _work(
    job: Job, records: Sequence[str], chunks: list[list[int]], workers: int
) -> Iterator[tuple[list[int], list[str | None]]]:
    """Yield each chunk when it is done; one process needs no pool."""
    named = [[records[row] for row in rows] for rows in chunks]
    if workers == 1 or len(chunks) < 2:
        yield from ((rows, _write(job, rows, names)) for rows, names in zip(chunks, named, strict=True))
        return
    spawn = get_context("spawn")  # Polars' threads do not survive a fork
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=spawn, initializer=_follow_parent) as pool:
        running: dict[Future[list[str | None]], list[int]] = {
            pool.submit(_write, job, rows, names): rows for rows, names in zip(chunks, named, strict=True)
        }
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """End this process with its parent: killed, the parent cannot say goodbye, and its workers would wait for ever."""
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _write(job: Job, rows: Sequence[int], records: Sequence[str]) -> list[str | None]:
    """Write rows of the array; for each the reason why it was skipped, or None."""
    size = 4 * int(np.prod(job.shape))
    reasons: list[str | None] = []
    descriptor = os.open(job.array, os.O_WRONLY)
    try:
        start = os.fstat(descriptor).st_size % size  # what precedes the first row: the header
        for row, record in zip(rows, records, strict=True):
            signal, reason = _signal(job, record)
            reasons.append(reason)
            if signal is not None:
                _write_all(descriptor, signal.tobytes(), start + row * size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return reasons


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _signal(job: Job, record: str) -> tuple[NDArray[np.float32] | None, str | None]:
    from ecg2lab import read
    from ecg2lab.preparation import prepare_signal

    leads, samples = job.shape
    try:
        signal = prepare_signal(read(job.root / record), job.contract).signal
    except RecordingError as error:
        return None, str(error).replace(f"{job.root}{os.sep}", "")
    if signal.shape[1] < samples:
        rate = job.contract.signal.sampling_rate_hz
        return None, f"{signal.shape[1] / rate:g} s long, {SECONDS} s are wanted"
    return np.ascontiguousarray(signal[:leads, :samples], dtype="<f4"), None


@dataclass
class _State:
    """How far the work is."""

    work: Path
    done: NDArray[np.uint8]  # (records)
    reasons: dict[str, str]

    @classmethod
    def open(cls, work: Path, records: Sequence[str], job: Job) -> _State:
        """Take up the work of the same plan, or begin."""
        plan = _plan(records, job)
        try:
            return cls._resume(work, plan, _array_bytes(len(records), job.shape))
        except (OSError, ValueError):  # there is none, or it is damaged
            shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        _new_array(job.array, (len(records), *job.shape))
        state = cls(work, np.zeros(len(records), np.uint8), {})
        state.save()
        (work / "plan.json").write_text(plan)
        return state

    @classmethod
    def _resume(cls, work: Path, plan: str, size: int) -> _State:
        done = np.load(work / "done.npy", allow_pickle=False)
        reasons = json.loads((work / "skipped.json").read_text())
        known = {str(row) for row in np.flatnonzero(done == SKIPPED)}
        same = (work / "plan.json").read_text() == plan and (work / "signals.npy").stat().st_size == size
        if not same or not known <= set(reasons):
            raise ValueError("work for another plan")
        return cls(work, done, reasons)

    @property
    def size(self) -> int:
        """Records in all."""
        return len(self.done)

    def pending(self) -> NDArray[np.int64]:
        """Rows that are still to do."""
        return np.flatnonzero(self.done == PENDING)

    def enter(self, rows: Sequence[int], reasons: Sequence[str | None]) -> None:
        """Enter what was done, and save it."""
        for row, reason in zip(rows, reasons, strict=True):
            self.done[row] = WRITTEN if reason is None else SKIPPED
            if reason is not None:
                self.reasons[str(row)] = reason
        self.save()

    def save(self) -> None:
        """Each file appears whole; reasons first, so that no skipped row lacks its reason."""
        partial = self.work / "partial"
        partial.write_text(json.dumps(self.reasons))
        os.replace(partial, self.work / "skipped.json")
        with partial.open("wb") as stream:
            np.save(stream, self.done)
        os.replace(partial, self.work / "done.npy")

    def skipped(self, records: Sequence[str]) -> list[Skipped]:
        """All that were skipped, by row."""
        rows = np.flatnonzero(self.done == SKIPPED).tolist()
        return [Skipped(row, records[row], self.reasons[str(row)]) for row in rows]


def _plan(records: Sequence[str], job: Job) -> str:
    import msgspec

    digest = hashlib.sha256()
    settings = (job.contract.signal, job.contract.preprocessing)
    digest.update(msgspec.json.encode((str(job.root.resolve()), *settings, SECONDS)))
    for record in records:
        digest.update(record.encode() + b"\0")
    return json.dumps({"records": len(records), "sha256": digest.hexdigest()})


def _header(shape: tuple[int, ...]) -> bytes:
    from io import BytesIO

    stream = BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _array_bytes(records: int, row: tuple[int, int]) -> int:
    return len(_header((records, *row))) + 4 * records * int(np.prod(row))


def _new_array(path: Path, shape: tuple[int, int, int]) -> None:
    with path.open("wb") as stream:
        stream.write(_header(shape))
        stream.truncate(_array_bytes(shape[0], shape[1:]))


def close_gaps(array: Path, skipped: Sequence[int]) -> NDArray[np.int64]:
    """Take the rows of skipped records out of the array: the last good rows move into their places.

    Before the array is cut nothing is lost that is still needed: stopped halfway, it can be done again.

    Returns
    -------
    ndarray (records that are left)
        For each row that is left, its number before.
    """
    signals = np.load(array, mmap_mode="r+")
    total, gone = len(signals), set(skipped)
    left = total - len(gone)
    order = np.arange(left)
    movers = (row for row in range(total - 1, left - 1, -1) if row not in gone)
    for gap in sorted(row for row in gone if row < left):
        order[gap] = next(movers)
        signals[gap] = signals[order[gap]]
    signals.flush()
    row = signals.shape[1:]
    del signals
    if gone:
        _cut(array, left, (row[0], row[1]), total)
    return order


def _cut(array: Path, left: int, row: tuple[int, int], total: int) -> None:
    header, old = _header((left, *row)), _header((total, *row))
    if len(header) != len(old):
        raise AssertionError("NumPy pads its headers so that fewer rows need no other length")
    with array.open("r+b") as stream:
        stream.write(header)
        stream.truncate(_array_bytes(left, row))
