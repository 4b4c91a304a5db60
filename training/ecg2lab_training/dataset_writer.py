"""Writing a training data set; `dataset.py` says what one is.

Signals go to disk one by one, so a cohort need not fit into memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab_training import dataset
from ecg2lab_training.folders import new_folder

if TYPE_CHECKING:
    import polars as pl


class DatasetWriter:
    """Collects records; `write_dataset` opens and finishes one."""

    def __init__(self, folder: Path, contract: Contract, records: int, samples: int) -> None:
        """Make room for `records` signals of `samples` samples."""
        self._contract = contract
        self._rows: list[Mapping[str, Any]] = []
        self._signals = np.lib.format.open_memmap(
            folder / dataset.SIGNALS,
            mode="w+",
            dtype=np.float32,
            shape=(records, len(contract.signal.leads), samples),
        )

    def add(self, signal: NDArray[np.floating[Any]], row: Mapping[str, Any]) -> None:
        """Add one record.

        Parameters
        ----------
        signal
            (leads, samples) mV, preprocessed; cut, or filled with zeros, to the data set's length.
        row
            patient_id, fold, each feature and each target of the contract; None where unknown. Without record_id
            and record, the record's number and an empty path are written.
        """
        room = self._signals[len(self._rows)]
        length = min(room.shape[1], signal.shape[1])
        room[:, :length] = signal[:, :length]
        self._rows.append(row)

    def finish(self, folder: Path, **info: Any) -> None:
        """Write the table, the contract and the description."""
        if len(self._rows) != len(self._signals):
            raise DatasetError(f"{len(self._signals)} records announced, {len(self._rows)} added")
        self._signals.flush()
        seal(folder, self._contract, _table(self._contract, self._rows), folder / dataset.SIGNALS, **info)


def table_schema(contract: Contract) -> dict[str, Any]:
    """Columns of `table.parquet` and their Polars types, in order."""
    import polars as pl

    schema: dict[str, Any] = {"patient_id": pl.Int64, "fold": pl.Int8, "record_id": pl.Int64, "record": pl.String}
    schema |= {f.name: pl.Float64 for f in contract.continuous}
    schema |= {f.name: pl.String for f in contract.categorical}
    return schema | dict.fromkeys(contract.target_names, pl.Boolean)


def _table(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    import polars as pl

    named = [{"record_id": number, "record": "", **row} for number, row in enumerate(rows)]
    return pl.DataFrame(named, schema=table_schema(contract), orient="row")


def seal(
    folder: Path,
    contract: Contract,
    table: pl.DataFrame,
    signals: Path,
    *,
    ideal: pl.DataFrame | None = None,
    **info: Any,
) -> None:
    """Write every file but the signals; the description, with all digests, comes last.

    Parameters
    ----------
    folder
        Of the data set.
    contract
        Features and targets.
    table
        One row for each record, columns as `table_schema`.
    signals
        `signals.npy`, complete, where it is now.
    ideal
        (records, targets): probabilities of the ideal observer, if the truth is known.
    **info
        The other fields of `dataset.Description`.
    """
    table.write_parquet(folder / dataset.TABLE)
    (folder / dataset.CONTRACT).write_bytes(contracts.encode(contract))
    where = {dataset.SIGNALS: signals} | {name: folder / name for name in dataset.CONTENT if name != dataset.SIGNALS}
    if ideal is not None:
        ideal.write_parquet(folder / dataset.IDEAL)
        where[dataset.IDEAL] = folder / dataset.IDEAL
    description = dataset.Description(
        records=table.height,
        patients=table["patient_id"].n_unique(),
        sha256={name: file_sha256(path) for name, path in where.items()},
        **info,
    )
    text = msgspec.json.format(msgspec.json.encode(description), indent=1)
    (folder / dataset.DESCRIPTION).write_bytes(text + b"\n")


@contextmanager
def write_dataset(
    path: str | Path, contract: Contract, records: int, samples: int, **info: Any
) -> Iterator[DatasetWriter]:
    """Write a data set that appears at `path` whole or not at all.

    Parameters
    ----------
    path
        A new or empty folder.
    contract
        Features and targets; its medians and decision thresholds are left to training.
    records
        How many ECGs will be added.
    samples
        Length of each, at the contract's sampling rate.
    **info
        The other fields of `dataset.Description`.

    Raises
    ------
    OutputError
        If the folder is taken.
    DatasetError
        If fewer records were added than announced.
    """
    with new_folder(path) as folder:
        writer = DatasetWriter(folder, contract, records, samples)
        yield writer
        writer.finish(folder, **info)


def file_sha256(path: Path) -> str:
    """Digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
