"""Labels around an ECG: window edges, ties, both sides."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from ecg2lab_training.cohort.labels import MOMENTS, SIDES, label, label_states

START = datetime(2180, 1, 1, 12)
LOW, NORMAL, HIGH = 1, 0, 2


def states(*values: tuple[float, int], lab: int = 0) -> dict[str, int | None]:
    """State at each moment, from (minutes after the ECG, state)."""
    rows = [(1, START + timedelta(minutes=m), row, lab, state) for row, (m, state) in enumerate(values, 2)]
    schema = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "row": pl.Int64, "lab": pl.UInt32, "state": pl.Int8}
    events = pl.LazyFrame(rows, schema=schema, orient="row")
    ecgs = pl.LazyFrame({"ecg": [0], "subject_id": [1], "ecg_time": [START]}, schema_overrides={"ecg": pl.UInt32})
    found = label_states(ecgs, events).collect()
    return found.row(0, named=True) if found.height else dict.fromkeys(MOMENTS)


@pytest.mark.parametrize("minutes", [-60, -59.9, 0, 60])
def test_a_value_within_an_hour_is_now(minutes: float) -> None:
    assert states((minutes, HIGH))["now"] == HIGH


@pytest.mark.parametrize("minutes", [-61, -60 - 1 / 60, 60 + 1 / 60, 119])
def test_a_value_beyond_an_hour_is_not_now(minutes: float) -> None:
    assert states((minutes, HIGH))["now"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(-20, HIGH), (10, LOW)], LOW),
        ([(-20, HIGH), (10, LOW), (-5, NORMAL)], NORMAL),
        ([(10, LOW), (-10, HIGH)], HIGH),  # equally close: the earlier
        ([(-10, HIGH), (10, LOW)], HIGH),
        ([(10, LOW), (10, HIGH)], LOW),  # one moment: the first in the file
        ([(-10, HIGH), (-10, LOW)], HIGH),
        ([(0, NORMAL), (-1 / 60, HIGH)], NORMAL),
    ],
)
def test_the_closest_value_is_now(values: list[tuple[float, int]], expected: int) -> None:
    assert states(*values)["now"] == expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-1, (None, None, None)),
        (-1 / 60, (None, None, None)),
        (0, (HIGH, HIGH, HIGH)),  # both ends belong to a window
        (1 / 60, (HIGH, HIGH, HIGH)),
        (30, (HIGH, HIGH, HIGH)),
        (30 + 1 / 60, (None, HIGH, HIGH)),
        (60, (None, HIGH, HIGH)),
        (61, (None, None, HIGH)),
        (120, (None, None, HIGH)),
        (120 + 1 / 60, (None, None, None)),
    ],
)
def test_forecasting_windows(minutes: float, expected: tuple[int | None, ...]) -> None:
    found = states((minutes, HIGH))
    assert tuple(found[moment] for moment in MOMENTS[1:]) == expected


def test_any_abnormal_value_counts() -> None:
    found = states((10, NORMAL), (20, LOW), (50, NORMAL), (100, HIGH))
    assert [found[moment] for moment in MOMENTS] == [NORMAL, LOW, LOW, LOW + HIGH]


def test_both_sides_in_one_window_leave_both_labels_unknown() -> None:
    frame = pl.DataFrame({"now": [None, NORMAL, LOW, HIGH, LOW + HIGH]}, schema={"now": pl.Int8})
    found = {side: frame.select(label("now", side))["now"].to_list() for side in SIDES}
    assert found["low"] == [None, False, True, False, None]
    assert found["high"] == [None, False, False, True, None]


def test_labs_do_not_mix_and_far_values_make_no_row() -> None:
    rows = [(1, START + timedelta(minutes=5), 2, 3, HIGH), (1, START + timedelta(minutes=6), 3, 4, LOW)]
    rows += [(1, START - timedelta(minutes=61), 4, 5, LOW), (2, START, 5, 6, LOW)]
    names = ("subject_id", "time", "row", "lab", "state")
    events = pl.LazyFrame(rows, schema=names, orient="row").with_columns(pl.col("state").cast(pl.Int8))
    ecgs = pl.LazyFrame({"ecg": [7], "subject_id": [1], "ecg_time": [START]})
    found = label_states(ecgs, events).sort("lab").collect()
    assert found.select("ecg", "lab", "now").rows() == [(7, 3, HIGH), (7, 4, LOW)]


def test_rows_of_a_very_long_table_keep_their_order() -> None:
    rows = [(1, START, 10**9, 0, LOW), (1, START, 2, 0, HIGH), (1, START - timedelta(minutes=1), 3, 0, NORMAL)]
    names = ("subject_id", "time", "row", "lab", "state")
    events = pl.LazyFrame(rows, schema=names, orient="row").with_columns(pl.col("state").cast(pl.Int8))
    ecgs = pl.LazyFrame({"ecg": [0], "subject_id": [1], "ecg_time": [START]})
    assert label_states(ecgs, events).collect()["now"].to_list() == [HIGH]
