"""Events around an ECG: window edges, ties, and the same pairs as a cross product gives."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ecg2lab_training.cohort.near import closest, near

START = datetime(2180, 1, 1, 12)


def ecgs(*minutes: float, patient: int = 1) -> pl.LazyFrame:
    """ECGs of one patient."""
    times = [START + timedelta(minutes=m) for m in minutes]
    return pl.LazyFrame({"ecg": range(len(times)), "subject_id": [patient] * len(times), "ecg_time": times})


def events(*minutes: float, patient: int = 1, **columns: list[float | None]) -> pl.LazyFrame:
    """Events of one patient, with what they say."""
    times = [START + timedelta(minutes=m) for m in minutes]
    base = {"subject_id": [patient] * len(times), "time": times, "row": list(range(2, len(times) + 2))}
    return pl.LazyFrame(base | columns)


def test_both_ends_belong_to_the_window() -> None:
    pairs = near(ecgs(0), events(-31, -30, 0, 20, 20.5), before=30 * 60, after=20 * 60).collect()
    assert sorted(pairs["offset"]) == [-1800, 0, 1200]
    assert set(pairs.columns) == {"ecg", "row", "offset"}


def test_other_patients_are_far_away() -> None:
    assert near(ecgs(0), events(0, patient=2), before=60, after=60).collect().is_empty()


@pytest.mark.parametrize(("before", "after"), [(3600, 7200), (1800, 1800), (1800, 0), (0, 60)])
def test_same_pairs_as_a_cross_product(before: int, after: int) -> None:
    generator = np.random.default_rng(before + after)

    def moments(count: int) -> list[float]:
        return (generator.integers(-9000, 9000, count) / 6).tolist()  # every ten seconds: some fall upon an end

    some = pl.concat([ecgs(*moments(40), patient=p) for p in (1, 2)]).collect()
    some = some.with_columns(pl.Series("ecg", range(80))).lazy()
    many = pl.concat([events(*moments(800), patient=p) for p in (1, 2, 3)])
    pairs = near(some, many, before, after).select("ecg", "row", "offset").collect()
    offset = (pl.col("time") - pl.col("ecg_time")).dt.total_seconds().alias("offset")
    crossed = some.join(many, on="subject_id").select("ecg", "row", offset)
    expected = crossed.filter(pl.col("offset").is_between(-before, after)).collect()
    assert len(expected) > 10
    assert sorted(pairs.rows()) == sorted(expected.rows())


def found(values: list[float | None], *minutes: float) -> float | None:
    """The closest value."""
    pairs = near(ecgs(0), events(*minutes, value=values), before=1800, after=1800)
    return closest(pairs, ["value"]).collect()["value"][0]


def test_closest_known_value() -> None:
    assert found([1, 2, 3], -20, 5, 10) == 2
    assert found([1, None, 3], -20, 5, 10) == 3


def test_of_two_equally_close_the_earlier() -> None:
    assert found([1, 2], 10, -10) == 2
    assert found([1, 2], -10, 10) == 1


def test_of_two_at_one_moment_the_first_in_the_file() -> None:
    assert found([1, 2], 10, 10) == 1
    assert found([None, 2], 10, 10) == 2


def test_each_column_is_sought_on_its_own() -> None:
    many = events(-5, 10, a=[None, 1.0], b=[2.0, 3.0])
    row = closest(near(ecgs(0), many, before=1800, after=1800), ["a", "b"]).collect()
    assert row.select("a", "b").rows() == [(1, 2)]
