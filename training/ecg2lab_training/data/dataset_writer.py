"""Writing a training data set; `dataset.py` says what one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab_training.data import dataset
from ecg2lab_training.files import file_sha256, indented


def table_schema(contract: Contract) -> dict[str, Any]:
    """Columns of `table.parquet` and their Polars types, in order."""
    schema: dict[str, Any] = {"patient_id": pl.Int64, "fold": pl.Int8, "record_id": pl.Int64, "record": pl.String}
    schema |= {f.name: pl.Float64 for f in contract.continuous}
    schema |= {f.name: pl.String for f in contract.categorical}
    return schema | dict.fromkeys(contract.target_names, pl.Boolean)


def seal(
    folder: Path,
    contract: Contract,
    table: pl.DataFrame,
    signals: Path,
    *,
    ideal: pl.DataFrame | None = None,
    last: Path | None = None,
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
    last
        `last_values.npy`, complete, where it is now, if there is one.
    **info
        The other fields of `dataset.Description`.
    """
    table.write_parquet(folder / dataset.TABLE)
    (folder / dataset.CONTRACT).write_bytes(contracts.encode(contract))
    where = {dataset.SIGNALS: signals} | {name: folder / name for name in dataset.CONTENT if name != dataset.SIGNALS}
    if ideal is not None:
        ideal.write_parquet(folder / dataset.IDEAL)
        where[dataset.IDEAL] = folder / dataset.IDEAL
    if last is not None:
        where[dataset.LAST] = last
    description = dataset.Description(
        records=table.height,
        patients=table["patient_id"].n_unique(),
        sha256={name: file_sha256(path) for name, path in where.items()},
        **info,
    )
    (folder / dataset.DESCRIPTION).write_bytes(indented(description))
