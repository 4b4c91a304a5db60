"""From laboratory values around an ECG to labels.

Prediction asks for the value closest to the ECG within plus or minus 60 minutes, both ends included; of two equally
close ones the earlier, of two at one moment the first in the file. Forecasting asks whether any value in [0, 30],
[0, 60], [0, 120] minutes is abnormal, both ends included, as in the authors' code: a value at the moment of the ECG
answers all four. A low and a high one in the same window leave the label unknown.
"""

from __future__ import annotations

import polars as pl

from ecg2lab_training.cohort.near import near
from ecg2lab_training.cohort.thresholds import HIGH, LOW

NOW_MIN = 60
HORIZONS_MIN = (30, 60, 120)
MOMENTS = ("now", *(f"{minutes}min" for minutes in HORIZONS_MIN))
SIDES = {"low": LOW, "high": HIGH}
_ROW_BITS, _STATE_BITS = 40, 2


def label_states(ecgs: pl.LazyFrame, values: pl.LazyFrame) -> pl.LazyFrame:
    """Find the state of every lab at and after every ECG.

    Parameters
    ----------
    ecgs
        ecg (number), subject_id, ecg_time.
    values
        subject_id, time, row, lab, state.

    Returns
    -------
    LazyFrame
        One row for each ECG and lab with a value in a window: ecg, lab, and a state for each of `MOMENTS`: 0 normal,
        LOW, HIGH, LOW + HIGH for both; null: no value.
    """
    pairs = near(ecgs, values, before=NOW_MIN * 60, after=max(HORIZONS_MIN) * 60)
    return (
        pairs.group_by("ecg", "lab")
        .agg(_now(), *(_within(minutes) for minutes in HORIZONS_MIN))
        .filter(pl.any_horizontal(pl.col(moment).is_not_null() for moment in MOMENTS))
    )


def _now() -> pl.Expr:
    """State of the closest value.

    Distance, order and state are packed into one number, whose minimum carries the state along: unlike a sort in
    every group, a minimum needs no more memory than the answer.
    """
    offset = pl.col("offset")
    rank = offset.abs() * 2 + (offset > 0).cast(pl.Int64)  # earlier before later
    packed = (rank * 2**_ROW_BITS + pl.col("row")) * 2**_STATE_BITS + pl.col("state")
    closest = pl.when(offset.abs() <= NOW_MIN * 60).then(packed).min()
    return (closest % 2**_STATE_BITS).cast(pl.Int8).alias("now")


def _within(minutes: int) -> pl.Expr:
    offset, state = pl.col("offset"), pl.col("state")
    inside = offset.is_between(0, minutes * 60)
    low, high = (pl.when(inside).then(state // bit % 2 * bit).max() for bit in (LOW, HIGH))
    return (low + high).alias(f"{minutes}min")


def label(moment: str, side: str) -> pl.Expr:
    """Whether the abnormality is present (Boolean); null: not known, or both sides in one window."""
    state = pl.col(moment)
    return pl.when(state != LOW + HIGH).then(state == SIDES[side])
