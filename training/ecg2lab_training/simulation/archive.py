"""A whole simulated hospital on disk."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import IO

import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.files import new_folder, require_free
from ecg2lab_training.progress import Progress, silent
from ecg2lab_training.simulation import hospital, records, tables, truth
from ecg2lab_training.simulation.hospital import Block
from ecg2lab_training.simulation.population import BLOCK, Visit
from ecg2lab_training.worker_pool import worker_pool

README = """\
Simulated patients in the layout of MIMIC-IV ({patients} patients, seed {seed}). Synthetic: nothing in it was measured
on a person. truth.json says what was planted and what an ideal observer could know; docs/simulation.md of ecg2lab
explains it.
"""
COMPRESSION = 3


def simulate(
    path: str | Path, patients: int, seed: int, progress: Progress = silent, workers: int | None = None
) -> None:
    """Write a hospital of simulated patients, which appears at `path` whole or not at all.

    Parameters
    ----------
    path
        A new or empty folder.
    patients
        How many; at least one. A data set for training needs at least 20, one for every fold.
    seed
        The same seed gives the same bytes, and patient i is the same whatever the number of patients.
    progress
        Told after each record.
    workers
        Processes that draw ECGs; None: one for each CPU.

    Raises
    ------
    OutputError
        If the folder is taken.
    DatasetError
        If there are no patients to simulate.
    """
    check(path, patients, seed)
    with new_folder(path) as folder:
        visits = _write_tables(folder, patients, seed)
        _write_records(folder / "ecg", visits, seed, progress, workers)
        (folder / "README.txt").write_text(README.format(patients=patients, seed=seed))


def check(path: str | Path, patients: int, seed: int) -> None:
    """Refuse what `simulate` would refuse, before anything is done.

    Raises
    ------
    DatasetError, OutputError
        As `simulate`.
    """
    if patients < 1:
        raise DatasetError(f"{patients} patients: ask for at least 1 (training needs at least 20)")
    if seed < 0:
        raise DatasetError(f"seed {seed}: a seed is not negative")
    require_free(path)


Record = tuple[str, int, Visit]  # path below the root, study number, what the ECG expresses


def _write_tables(folder: Path, patients: int, seed: int) -> list[Record]:
    written: list[Record] = []
    ideal = []
    streams: dict[str, IO[bytes]] = {}
    _write(folder, "hosp/d_labitems", tables.lab_items(), streams)
    for start in range(0, patients, BLOCK):
        block = hospital.draw(seed, start)
        for name, table in tables.tables(block, seed, patients).items():
            _write(folder, name, table, streams)
        ideal.append(truth.table(block, patients))
        written += _records(block, patients)
    for stream in streams.values():
        stream.close()
    pl.concat(ideal).write_parquet(folder / "truth.parquet")
    content = {"schema_version": 1, "synthetic": True, "seed": seed, "patients": patients}
    text = json.dumps({**content, "targets": truth.measure(seed)}, indent=1)
    (folder / "truth.json").write_text(text + "\n")
    return written


def _write(folder: Path, name: str, table: pl.DataFrame, streams: dict[str, IO[bytes]]) -> None:
    """Append rows to a table; the first ones bring the header."""
    begun = name in streams
    if not begun:
        plain = name.startswith("ecg")  # MIMIC-IV-ECG's tables are not compressed
        path = folder / f"{name}.csv{'' if plain else '.gz'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        streams[name] = (
            path.open("wb") if plain else gzip.GzipFile(path, "wb", compresslevel=COMPRESSION, mtime=0)  # type: ignore[assignment]
        )
    table.write_csv(streams[name], include_header=not begun)


def _records(block: Block, patients: int) -> Iterator[Record]:
    for row, (path, study) in enumerate(zip(block.paths, block.study.tolist(), strict=True)):
        if block.visits.patient[row] < patients:
            yield path, study, block.visits.one(row)


def _write_records(root: Path, visits: list[Record], seed: int, progress: Progress, workers: int | None) -> None:
    count = min(workers or len(os.sched_getaffinity(0)), max(1, len(visits) // 50))
    if count == 1:
        for done, record in enumerate(visits):
            _write_record(root, seed, record)
            progress(done + 1, len(visits), "records")
        return
    with worker_pool(count) as pool:
        results = pool.map(_write_record, *zip(*((root, seed, r) for r in visits), strict=True), chunksize=16)
        try:
            for done, _ in enumerate(results):
                progress(done + 1, len(visits), "records")
        except BrokenProcessPool:
            raise DatasetError("a process that drew ECGs was killed, perhaps for lack of memory; run again") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _write_record(root: Path, seed: int, record: Record) -> None:
    path, study, visit = record
    records.write(root, path, visit, seed, study)
