"""Height, weight and body mass index: the entry of `omr` closest to the ECG, each on its own.

`omr` knows no times: as in the authors' code, an entry stands at the midnight that its day begins with. Within 30 days
before or after, both ends included; of two equally close entries the earlier; of two on one day the first in the file.
Only entries that name their unit count. Limits come first: an entry outside them is no measurement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from ecg2lab_training.cohort.near import closest, near
from ecg2lab_training.cohort.vitals import within_range

if TYPE_CHECKING:
    from ecg2lab.contract import Contract

WINDOW_DAYS = 30
_DAY = 24 * 60 * 60


class Entry(NamedTuple):
    """What an entry of `omr` means."""

    feature: str
    factor: float
    """From the entry's unit to the feature's."""


ENTRIES = {
    "Height (Inches)": Entry("height_cm", 2.54),
    "Weight (Lbs)": Entry("weight_kg", 0.45359237),
    "BMI (kg/m2)": Entry("bmi", 1.0),
}
"""By result_name. An inch and a pound are exact by definition (International Yard and Pound, 1959)."""
FEATURES = tuple(entry.feature for entry in ENTRIES.values())


def measurements(omr: pl.LazyFrame) -> pl.LazyFrame:
    """Read the entries that mean a feature.

    Parameters
    ----------
    omr
        subject_id, chartdate, result_name, result_value (text), row.

    Returns
    -------
    LazyFrame
        subject_id, time (midnight), row, one column for each feature; null: another feature, or no number.
    """
    name, number = pl.col("result_name"), pl.col("result_value").str.strip_chars().cast(pl.Float64, strict=False)
    columns = [
        pl.when((name == label) & number.is_finite()).then(number * entry.factor).alias(entry.feature)
        for label, entry in ENTRIES.items()
    ]
    entries = omr.filter(name.is_in(list(ENTRIES)) & pl.col("chartdate").is_not_null())
    return entries.select("subject_id", pl.col("chartdate").cast(pl.Datetime("us")).alias("time"), "row", *columns)


def not_numbers(omr: pl.DataFrame) -> pl.DataFrame:
    """Rows that name a feature but hold no number."""
    number = pl.col("result_value").str.strip_chars().cast(pl.Float64, strict=False)
    return omr.filter(pl.col("result_name").is_in(list(ENTRIES)) & ~number.is_finite().fill_null(False))


def body(ecgs: pl.LazyFrame, omr: pl.LazyFrame, contract: Contract) -> pl.LazyFrame:
    """Find height, weight and body mass index of every ECG.

    Parameters
    ----------
    ecgs
        ecg, subject_id, ecg_time.
    omr
        As `measurements` takes it.
    contract
        Its ranges are the limits: a value outside is no measurement.

    Returns
    -------
    LazyFrame
        ecg and the three features, for ECGs with any entry in the window.
    """
    entries = within_range(measurements(omr), list(FEATURES), contract)
    return closest(near(ecgs, entries, before=WINDOW_DAYS * _DAY, after=WINDOW_DAYS * _DAY), list(FEATURES))
