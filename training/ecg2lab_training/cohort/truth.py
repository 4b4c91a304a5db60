"""What is known of simulated patients: for every ECG and label the probability that an ideal observer gives.

A simulated hospital says so in `truth.json` and `truth.parquet` beside its tables; a real one has neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from ecg2lab.errors import DatasetError

STATEMENT, PROBABILITIES = "truth.json", "truth.parquet"


class Planted(msgspec.Struct, frozen=True):
    """Truth of one target; more may stand in the file."""

    planted: Literal["ecg", "tabular", "nowhere"]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """truth.json."""

    schema_version: Literal[1]
    synthetic: Literal[True]
    seed: int
    targets: dict[str, Planted]


def read(folder: Path) -> Statement | None:
    """Read the truth of a hospital; None if there is none.

    Raises
    ------
    DatasetError
        If the file is damaged, or the probabilities are not beside it.
    """
    path = folder / STATEMENT
    if not path.is_file():
        return None
    if not (folder / PROBABILITIES).is_file():
        raise DatasetError(f"{folder} has {STATEMENT}, but not {PROBABILITIES}; simulate the patients again")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Statement)
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path} is not the truth of simulated patients: {error}") from None


def ideal(folder: Path, studies: pl.Series, targets: tuple[str, ...]) -> pl.DataFrame:
    """Take the ideal observer's probabilities of these studies, in their order; null where there is none.

    Raises
    ------
    DatasetError
        If the file is damaged or has no `study_id`.
    """
    path = folder / PROBABILITIES
    try:
        table = pl.read_parquet(path, glob=False)
        columns = [name for name in targets if name in table.columns]
        chosen = table.select(pl.col("study_id").cast(pl.Int64), pl.col(columns).cast(pl.Float64))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DatasetError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if chosen["study_id"].is_duplicated().any():
        raise DatasetError(f"{path} has a study twice")
    joined = pl.DataFrame({"study_id": studies}).join(chosen, on="study_id", how="left", maintain_order="left")
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in targets if name not in columns]
    return joined.with_columns(*absent).select(targets)
