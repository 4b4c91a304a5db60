"""Vital signs of the emergency department: the known value closest to the ECG, each sign on its own.

The limits come first, as in the authors' code: a value outside them is no measurement, and the closest of those that
are left is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from ecg2lab_training.cohort.near import closest, near

if TYPE_CHECKING:
    from ecg2lab.contract import Contract

Rule = Literal["paper", "strict"]
WINDOW_MIN = 30
FEATURES = {
    "resprate": "respiratory_per_min",
    "o2sat": "spo2_percent",
    "dbp": "diastolic_mmhg",
    "heartrate": "heart_rate_bpm",
    "sbp": "systolic_mmhg",
    "temperature": "temperature_f",
}
"""Features of the contract by columns of `vitalsign`."""


def vitals(ecgs: pl.LazyFrame, measured: pl.LazyFrame, contract: Contract, rule: Rule) -> pl.LazyFrame:
    """Find the vital signs of every ECG.

    Parameters
    ----------
    ecgs
        ecg, subject_id, ecg_time.
    measured
        Table `vitalsign`, with `row`.
    contract
        Its ranges are the limits.
    rule
        "paper": within 30 minutes before or after; "strict": not after the ECG.

    Returns
    -------
    LazyFrame
        ecg and the six features, for ECGs with any row in the window.
    """
    names = list(FEATURES.values())
    events = measured.rename({"charttime": "time", **FEATURES}).filter(pl.col("time").is_not_null())
    after = WINDOW_MIN * 60 if rule == "paper" else 0
    return closest(near(ecgs, within_range(events, names, contract), before=WINDOW_MIN * 60, after=after), names)


def within_range(rows: pl.LazyFrame, names: list[str], contract: Contract) -> pl.LazyFrame:
    """Make values outside the contract's range missing."""
    features = {feature.name: feature for feature in contract.continuous}
    ranges = {name: (features[name].minimum, features[name].maximum) for name in names}
    return rows.with_columns(
        pl.when(pl.col(name).is_between(*ends)).then(pl.col(name)).alias(name) for name, ends in ranges.items()
    )
