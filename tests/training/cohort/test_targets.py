"""Which labels stay, and what the contract and the label table say of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecg2lab.contract import published
from ecg2lab_training.cohort import targets
from ecg2lab_training.cohort.labels import MOMENTS
from ecg2lab_training.data import labs

LIMITS = pl.DataFrame(
    {
        "lab": ["nt_probnp", "potassium", "strange_test"],
        "label": ["NTproBNP", "Potassium", "Strange Test"],
        "unit": ["pg/mL", "mEq/L", ""],
        "main_item": [50963, 50971, 9],
        "lower": [None, 3.3, 1.0],
        "upper": [353.0, 5.1, None],
    }
)


def test_questions_follow_the_limits() -> None:
    names = [question.name for question in targets.questions(LIMITS)]
    assert names[:4] == [f"nt_probnp_high_{moment}" for moment in MOMENTS]
    assert names[4:6] == ["potassium_low_now", "potassium_high_now"]
    assert names[-1] == "strange_test_low_120min"
    assert len(names) == 4 * (1 + 2 + 1)


def test_criterion_says_what_was_asked() -> None:
    contract = published((question.target for question in targets.questions(LIMITS)), "test")
    by_name = {target.name: target.criterion for target in contract.targets}
    forecast = by_name["potassium_high_60min"]
    assert forecast is not None
    assert str(forecast) == "Potassium > 5.1 mEq/L"
    assert (forecast.setting, forecast.horizon_min) == ("forecasting", 60)
    assert forecast.loinc == labs.LABS["potassium"].item.loinc
    assert forecast.category == "metabolic"
    now = by_name["strange_test_low_now"]
    assert now is not None
    assert (now.comparison, now.setting, now.horizon_min, now.loinc) == ("<", "prediction", 60, None)
    assert contract.clinical


def states(rows: list[tuple[int, int, int | None]]) -> pl.LazyFrame:
    """States from (ecg, lab, state now); no value later."""
    schema = {"ecg": pl.UInt32, "lab": pl.UInt32, "now": pl.Int8}
    later = [pl.lit(None, dtype=pl.Int8).alias(moment) for moment in MOMENTS[1:]]
    return pl.LazyFrame(rows, schema=schema, orient="row").with_columns(later)


def folds(*fold: int) -> pl.DataFrame:
    """The fold of each ECG."""
    return pl.DataFrame({"ecg": range(len(fold)), "fold": fold}, schema={"ecg": pl.UInt32, "fold": pl.Int8})


def test_cases_are_counted_by_fold() -> None:
    asked = targets.questions(LIMITS)
    rows = [(0, 1, 1), (1, 1, 2), (2, 1, 0), (3, 1, 3), (4, 1, None), (5, 1, 1)]  # 3: both sides, no label
    counted = targets.count(asked, states(rows), folds(0, 0, 18, 18, 18))  # ECG 5 is not listed
    by_name = {c.question.name: c for c in counted}
    low, high = by_name["potassium_low_now"], by_name["potassium_high_now"]
    assert (low.positives[0], low.negatives[0], low.positives[18], low.negatives[18]) == (1, 1, 0, 1)
    assert (high.positives[0], high.negatives[0], high.positives[18], high.negatives[18]) == (1, 1, 0, 1)
    assert by_name["potassium_low_30min"].negatives.sum() == 0
    assert by_name["nt_probnp_high_now"].negatives.sum() == 0


@pytest.mark.parametrize(
    ("positives", "negatives", "stays"),
    [
        ((10, 10), (10, 10), True),
        ((9, 10), (10, 10), False),
        ((10, 9), (10, 10), False),
        ((10, 10), (9, 10), False),
        ((10, 10), (10, 9), False),
    ],
)
def test_survival_asks_both_kinds_in_both_folds(
    positives: tuple[int, int], negatives: tuple[int, int], stays: bool
) -> None:
    cases = [np.zeros(20, np.int64), np.zeros(20, np.int64)]
    cases[0][18:], cases[1][18:] = positives, negatives
    assert targets.Counted(targets.questions(LIMITS)[0], *cases).survives(10) is stays


def test_columns_follow_the_rows_that_are_asked_for() -> None:
    asked = [q for q in targets.questions(LIMITS) if q.moment == "now"]
    found = targets.columns(asked, states([(0, 1, 1), (2, 1, 0), (2, 0, 2)]), pl.Series([2, 0, 1], dtype=pl.UInt32))
    assert {column.name: column.to_list() for column in found} == {
        "nt_probnp_high_now": [True, None, None],
        "potassium_low_now": [False, True, None],
        "potassium_high_now": [False, False, None],
        "strange_test_low_now": [None, None, None],
    }


def test_label_table(tmp_path: Path) -> None:
    counted = targets.count(targets.questions(LIMITS), states([(0, 1, 1), (1, 1, 0)]), folds(3, 19))
    targets.write_labels(tmp_path / "labels.csv", counted)
    with (tmp_path / "labels.csv").open() as stream:
        rows = {row["target"]: row for row in csv.DictReader(stream)}
    row = rows["potassium_low_now"]
    assert (row["lab"], row["unit"], row["comparison"], row["threshold"]) == ("Potassium", "mEq/L", "<", "3.3")
    assert (row["train_positives"], row["train_negatives"], row["test_negatives"]) == ("1", "0", "1")
    assert (row["fold_3_positives"], row["fold_19_negatives"]) == ("1", "1")
