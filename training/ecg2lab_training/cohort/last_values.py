"""The last laboratory value before each ECG, in the unit of its limits, and how long before the ECG it was taken.

Values are those that labels are made of. *Before* is strict: a value at the moment of the ECG is in every forecasting
window, so it is part of the answer. Of several values at one moment the first in the file counts, as for labels. How
old a value may be has no limit: what stands in the record, however old, is what a forecast has to beat, and its age
stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ecg2lab_training.files import parts

if TYPE_CHECKING:
    from io import BufferedWriter


def last_before(ecgs: pl.LazyFrame, values: pl.LazyFrame) -> pl.DataFrame:
    """Find the last value of every lab before every ECG.

    Parameters
    ----------
    ecgs
        ecg (number), subject_id, ecg_time.
    values
        subject_id, time, row, lab, value.

    Returns
    -------
    DataFrame
        One row for each ECG and lab with a value before it: ecg, lab, value, minutes (from the value to the ECG).
    """
    at = pl.col("time").dt.epoch("s")
    rows = values.select("subject_id", "lab", "row", "value", at.alias("at")).collect(engine="streaming")
    moments = rows.sort("at", "row").unique(("subject_id", "lab", "at"), keep="first", maintain_order=True)
    asked = ecgs.select("ecg", "subject_id", pl.col("ecg_time").dt.epoch("s").alias("ecg_s")).collect()
    pairs = asked.join(rows.select("subject_id", "lab").unique(), on="subject_id")
    found = (
        pairs.with_columns((pl.col("ecg_s") - 1).alias("before"))
        .sort("before")
        .join_asof(  # times are in seconds
            moments.with_columns(pl.col("at").alias("taken")),
            left_on="before",
            right_on="at",
            by=("subject_id", "lab"),
            check_sortedness=False,  # of groups it cannot be; both are sorted as a whole
        )
    )
    minutes = ((pl.col("ecg_s") - pl.col("taken")) / 60).alias("minutes")
    return found.drop_nulls("taken").select("ecg", "lab", "value", minutes).sort("ecg", "lab")


def store(blocks: Iterable[tuple[pl.DataFrame, pl.LazyFrame]], labs: Sequence[int], folder: Path) -> pl.LazyFrame:
    """Write what `last_before` finds, block by block of ECGs, for it may not fit into memory together.

    Parameters
    ----------
    blocks
        ECGs, and the values of their patients.
    labs
        Numbers of the labs that are asked for.
    folder
        A new one; what is written there is needed as long as the result.
    """
    folder.mkdir()
    for number, (ecgs, values) in enumerate(blocks):
        of_labs = values.filter(pl.col("lab").is_in(labs))
        last_before(ecgs.lazy(), of_labs).write_parquet(folder / f"{number:09d}.parquet")
    return pl.scan_parquet(parts(folder), glob=False)


def write(path: Path, found: pl.LazyFrame, labs: Sequence[int], ecgs: pl.Series) -> None:
    """Write `dataset.LAST`, lab by lab: what is in memory is one lab's.

    Parameters
    ----------
    path
        Of the file.
    found
        As `store` gives it.
    labs
        Numbers of the labs, in the data set's order.
    ecgs
        Numbers of the ECGs, in the order of the rows.
    """
    row_of = pl.LazyFrame({"ecg": ecgs})
    with path.open("wb") as stream:
        _write_header(stream, (len(labs), 2, len(ecgs)))
        for lab in labs:
            own = found.filter(pl.col("lab") == lab).select("ecg", "value", "minutes")
            rows = row_of.join(own, on="ecg", how="left", maintain_order="left").collect()
            for name in ("value", "minutes"):
                stream.write(rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype("<f8").tobytes())


def _write_header(stream: BufferedWriter, shape: tuple[int, int, int]) -> None:
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
