"""Reference limits of a laboratory test, and what they make of a value."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

LOW, HIGH = 1, 2
"""Bits of a value's state; 0 is normal."""


def limits(table: pl.DataFrame) -> pl.DataFrame:
    """Take each lab's median lower and median upper reference limit.

    Parameters
    ----------
    table
        Profile in one unit: lab, label, unit, main_item, ref_range_lower, ref_range_upper, count, row.

    Returns
    -------
    DataFrame
        Sorted by lab: lab, label, unit, main_item, `row`, `count`, `lower`, `upper`; null: no row has that limit.
    """
    rows = []
    for (lab,), group in sorted(table.group_by("lab"), key=lambda pair: str(pair[0][0])):
        lower, upper = (_median(group, f"ref_range_{side}") for side in ("lower", "upper"))
        first = group.row(0, named=True)
        counts = (group["row"].min(), group["count"].sum())
        rows.append((lab, first["label"], first["unit"], first["main_item"], *counts, lower, upper))
    types = (pl.String, pl.String, pl.String, pl.Int64, pl.Int64, pl.Int64, pl.Float64, pl.Float64)
    names = ("lab", "label", "unit", "main_item", "row", "count", "lower", "upper")
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


def _median(group: pl.DataFrame, column: str) -> float | None:
    stated = group.filter(group[column].is_not_null()).sort(column)
    return weighted_median(stated[column].to_numpy(), stated["count"].to_numpy()) if stated.height else None


def weighted_median(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Median of sorted values of which each occurs so many times."""
    ends = np.cumsum(counts)
    middle = ((ends[-1] - 1) // 2, ends[-1] // 2)
    return float(values[np.searchsorted(ends, middle, side="right")].mean())


def with_limits(table: pl.DataFrame) -> pl.DataFrame:
    """Keep labs that have a lower or an upper limit."""
    return table.filter(table["lower"].is_not_null() | table["upper"].is_not_null())


def states(rows: pl.LazyFrame, table: pl.DataFrame, limit: pl.DataFrame) -> pl.LazyFrame:
    """Say of every value whether it is below or above its lab's limits, strictly.

    Parameters
    ----------
    rows
        Laboratory rows: subject_id, itemid, valueuom, charttime, valuenum, row.
    table
        Profile with lab and factor.
    limit
        As `limits` gives them; a lab's number is its row here.

    Returns
    -------
    LazyFrame
        subject_id, time, row, lab (number), value (in the lab's unit), state (LOW, HIGH, 0; both if the limits are
        crossed over).
    """
    numbers = limit.select("lab", "lower", "upper").with_row_index("number").lazy()
    meaning = table.lazy().select("itemid", "valueuom", "lab", "factor").unique().join(numbers, on="lab").drop("lab")
    value = pl.col("valuenum") * pl.col("factor")
    low, high = (value < pl.col("lower")).fill_null(False), (value > pl.col("upper")).fill_null(False)
    return rows.join(meaning, on=("itemid", "valueuom")).select(
        "subject_id",
        pl.col("charttime").alias("time"),
        "row",
        pl.col("number").alias("lab"),
        value.alias("value"),
        (low.cast(pl.Int8) * LOW + high.cast(pl.Int8) * HIGH).alias("state"),
    )
