"""WFDB records into one array on disk, by all cores, going on where it was stopped.

The array lies in a work folder. `done.npy` says which rows are written; `plan.json` says what was wanted, so that work
for another plan is never taken up. Records that were skipped are tried again by the next run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError, OutputError, RecordingError
from ecg2lab_training.cohort import array_file
from ecg2lab_training.progress import Progress, silent
from ecg2lab_training.worker_pool import worker_pool

SECONDS = 10
CHUNK = 64
"""Records of one task."""


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
    rows: int
    contract: Contract

    @property
    def shape(self) -> array_file.Row:
        """(leads, samples) of one row."""
        signal = self.contract.signal
        return len(signal.leads), round(SECONDS * signal.sampling_rate_hz)


def prepare(
    records: Sequence[str], root: Path, work: Path, contract: Contract, workers: int, progress: Progress = silent
) -> tuple[Path, list[Skipped]]:
    """Read and preprocess records into `work`/signals.npy, one row each.

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
        Path of the array, (records, leads, samples) float32 mV, and the records that were skipped, by row, with
        reasons; their rows mean nothing.

    Raises
    ------
    OutputError
        If the disk is full or cannot be written; what is done is kept.
    DatasetError
        If a process was killed.
    """
    job = Job(root, work / "signals.npy", len(records), contract)
    try:
        state = _State.open(work, records, job)
        for rows, reasons in _work(job, records, state.pending(), workers):
            state.enter(rows, reasons)
            progress(state.count, job.rows, f"waveforms: {state.count * 10 // job.rows * 10} %")
    except BrokenProcessPool:
        raise DatasetError(
            "waveforms: a process that read them was killed, perhaps for lack of memory; run again with fewer --workers"
        ) from None
    except OSError as error:
        raise OutputError(f"waveforms: cannot write {work}: {error.strerror or error}; run again to go on") from None
    return job.array, [Skipped(row, records[row], state.reasons[row]) for row in sorted(state.reasons)]


def _work(
    job: Job, records: Sequence[str], pending: list[int], workers: int
) -> Iterator[tuple[list[int], list[str | None]]]:
    """Yield each chunk when it is done; one process needs no pool."""
    chunks = [pending[start : start + CHUNK] for start in range(0, len(pending), CHUNK)]
    named = [(rows, [records[row] for row in rows]) for rows in chunks]
    if workers == 1 or len(chunks) < 2:
        yield from ((rows, _write(job, rows, names)) for rows, names in named)
        return
    with worker_pool(min(workers, len(chunks))) as pool:
        running: dict[Future[list[str | None]], list[int]] = {
            pool.submit(_write, job, rows, names): rows for rows, names in named
        }
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _write(job: Job, rows: Sequence[int], records: Sequence[str]) -> list[str | None]:
    """Write rows of the array; for each the reason why it was skipped, or None."""
    reasons: list[str | None] = []
    with job.array.open("r+b") as stream:
        for row, record in zip(rows, records, strict=True):
            signal, reason = _signal(job, record)
            reasons.append(reason)
            if signal is not None:
                array_file.put(stream, job.rows, row, signal)
        stream.flush()
        os.fsync(stream.fileno())
    return reasons


def _signal(job: Job, record: str) -> tuple[NDArray[np.float32] | None, str | None]:
    from ecg2lab import read
    from ecg2lab.recording.preparation import prepare_signal

    samples = job.shape[1]
    try:
        signal = prepare_signal(read(job.root / record), job.contract, measure_quality=False).signal
    except RecordingError as error:
        return None, str(error).replace(f"{job.root}{os.sep}", "")
    if signal.shape[1] < samples:
        rate = job.contract.signal.sampling_rate_hz
        return None, f"{signal.shape[1] / rate:g} s long, {SECONDS} s are wanted"
    return signal[:, :samples], None


@dataclass
class _State:
    """How far the work is."""

    work: Path
    done: NDArray[np.bool_]  # (records) written
    reasons: dict[int, str] = field(default_factory=dict)
    """Of the skipped, by row."""

    @classmethod
    def open(cls, work: Path, records: Sequence[str], job: Job) -> _State:
        """Take up the work of the same plan, or begin."""
        plan = _plan(records, job)
        try:
            return cls._resume(work, plan, job)
        except (OSError, ValueError):  # there is none, or it is damaged
            shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        array_file.new(job.array, job.rows, job.shape)
        state = cls(work, np.zeros(job.rows, np.bool_))
        state.save()
        (work / "plan.json").write_text(plan)
        return state

    @classmethod
    def _resume(cls, work: Path, plan: str, job: Job) -> _State:
        done = np.load(work / "done.npy", allow_pickle=False)
        same = (work / "plan.json").read_text() == plan
        if not same or job.array.stat().st_size != array_file.size(job.rows, job.shape):
            raise ValueError("work for another plan")
        return cls(work, done)

    @property
    def count(self) -> int:
        """Records that were written or skipped."""
        return int(self.done.sum()) + len(self.reasons)

    def pending(self) -> list[int]:
        """Rows that are still to do."""
        return np.flatnonzero(~self.done).tolist()

    def enter(self, rows: Sequence[int], reasons: Sequence[str | None]) -> None:
        """Enter what was done, and save it."""
        for row, reason in zip(rows, reasons, strict=True):
            self.done[row] = reason is None
            if reason is not None:
                self.reasons[row] = reason
        self.save()

    def save(self) -> None:
        """Write `done.npy`, which is always whole."""
        partial = self.work / "done.partial"
        with partial.open("wb") as stream:
            np.save(stream, self.done)
        os.replace(partial, self.work / "done.npy")


def _plan(records: Sequence[str], job: Job) -> str:
    import msgspec

    digest = hashlib.sha256()
    settings = (job.contract.signal, job.contract.preprocessing)
    digest.update(msgspec.json.encode((str(job.root.resolve()), *settings, SECONDS)))
    for record in records:
        digest.update(record.encode() + b"\0")
    return json.dumps({"records": len(records), "sha256": digest.hexdigest()})
