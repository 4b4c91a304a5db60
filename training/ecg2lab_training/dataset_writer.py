"""Writing a training data set; `dataset.py` says what one is.

Signals go to disk one by one, so a cohort need not fit into memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab_training import dataset
from ecg2lab_training.folders import new_folder


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
            patient_id, fold, each feature and each target of the contract; None where unknown.
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
        _table(self._contract, self._rows).write_parquet(folder / dataset.TABLE)
        (folder / dataset.CONTRACT).write_bytes(contracts.encode(self._contract))
        digests = {name: file_sha256(folder / name) for name in dataset.CONTENT}
        patients = len({row["patient_id"] for row in self._rows})
        description = dataset.Description(records=len(self._rows), patients=patients, sha256=digests, **info)
        text = msgspec.json.format(msgspec.json.encode(description), indent=1)
        (folder / dataset.DESCRIPTION).write_bytes(text + b"\n")


def _table(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> Any:
    import polars as pl

    schema: dict[str, Any] = {"patient_id": pl.Int64, "fold": pl.Int8}
    schema |= {f.name: pl.Float64 for f in contract.continuous}
    schema |= {f.name: pl.String for f in contract.categorical}
    schema |= dict.fromkeys(contract.target_names, pl.Boolean)
    return pl.DataFrame(rows, schema=schema, orient="row")


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
