"""Which labels stay, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecg2lab.contract import Criterion, Target
from ecg2lab_training.cohort.labels import HORIZONS_MIN, MOMENTS, NOW_MIN, SIDES, label
from ecg2lab_training.cohort.ledger import write_csv
from ecg2lab_training.data.dataset import FOLDS, TEST_FOLD, VALIDATION_FOLD
from ecg2lab_training.data.labs import LABS, loinc

_LIMIT = {"low": "lower", "high": "upper"}


class Question(NamedTuple):
    """One label of one lab."""

    number: int
    """Of the lab, in the table of limits."""
    lab: str
    moment: str
    side: str
    target: Target

    @property
    def name(self) -> str:
        """Of the target."""
        return self.target.name


class Counted(NamedTuple):
    """A label and its cases in every fold."""

    question: Question
    positives: NDArray[np.int64]  # (folds)
    negatives: NDArray[np.int64]  # (folds)

    @property
    def held_out(self) -> str:
        """Cases in the validation and the test fold, in words."""
        words = (f"{self.positives[f]}+ {self.negatives[f]}- in fold {f}" for f in (VALIDATION_FOLD, TEST_FOLD))
        return ", ".join(words)

    def survives(self, fewest: int) -> bool:
        """Whether there are enough cases of both kinds in the validation and in the test fold."""
        held_out = [VALIDATION_FOLD, TEST_FOLD]
        return bool(min(self.positives[held_out].min(), self.negatives[held_out].min()) >= fewest)


def questions(limits: pl.DataFrame) -> list[Question]:
    """List every label that the limits allow: lab by lab, moment by moment, low before high.

    Parameters
    ----------
    limits
        As `thresholds.limits` gives them.
    """
    return [
        Question(number, row["lab"], moment, side, _target(row, moment, side))
        for number, row in enumerate(limits.iter_rows(named=True))
        for moment in MOMENTS
        for side in SIDES
        if row[_LIMIT[side]] is not None
    ]


def _target(row: dict[str, object], moment: str, side: str) -> Target:
    slug = str(row["lab"])
    lab = LABS.get(slug)
    criterion = Criterion(
        lab=lab.name if lab else str(row["label"]),
        loinc=loinc(int(str(row["main_item"]))),
        unit=str(row["unit"]),
        comparison="<" if side == "low" else ">",
        threshold=float(str(row[_LIMIT[side]])),
        setting="prediction" if moment == MOMENTS[0] else "forecasting",
        horizon_min=dict(zip(MOMENTS, (NOW_MIN, *HORIZONS_MIN), strict=True))[moment],
        category=lab.category if lab else "other",
    )
    return Target(name=f"{slug}_{side}_{moment}", criterion=criterion)


def count(asked: list[Question], states: pl.LazyFrame, folds: pl.DataFrame) -> list[Counted]:
    """Count positive and negative cases of every label in every fold.

    Parameters
    ----------
    asked
        Labels.
    states
        As `labels.label_states` gives them.
    folds
        ecg, fold; ECGs that are not listed do not count.
    """
    cells = [label(moment, side).alias(f"{side}_{moment}") for moment in MOMENTS for side in SIDES]
    names = [f"{side}_{moment}" for moment in MOMENTS for side in SIDES]
    sums = [pl.col(n).sum().cast(pl.Int64).alias(f"{n}+") for n in names]
    labelled = [pl.col(n).count().cast(pl.Int64).alias(f"{n}?") for n in names]
    rows = states.join(folds.lazy().select("ecg", "fold"), on="ecg").select("lab", "fold", *cells)
    table = rows.group_by("lab", "fold").agg(*sums, *labelled).collect(engine="streaming")
    by_lab = table.partition_by("lab", as_dict=True)
    return [_counted(question, by_lab.get((question.number,))) for question in asked]


def _counted(question: Question, table: pl.DataFrame | None) -> Counted:
    positives, negatives = np.zeros(FOLDS, np.int64), np.zeros(FOLDS, np.int64)
    if table is not None:
        column = f"{question.side}_{question.moment}"
        fold = table["fold"].to_numpy()
        positives[fold] = table[f"{column}+"].to_numpy()
        negatives[fold] = table[f"{column}?"].to_numpy() - positives[fold]
    return Counted(question, positives, negatives)


def columns(asked: list[Question], states: pl.LazyFrame, ecgs: pl.Series) -> list[pl.Series]:
    """Write every label as a column, lab by lab.

    Parameters
    ----------
    asked
        Labels, as `questions` orders them.
    states
        ecg, lab, and a state for each moment.
    ecgs
        Numbers of the ECGs, in the order of the rows.
    """
    row_of = pl.DataFrame({"ecg": ecgs}).lazy()
    series: list[pl.Series] = []
    for number in dict.fromkeys(question.number for question in asked):
        of_lab = [question for question in asked if question.number == number]
        cells = [label(question.moment, question.side).alias(question.name) for question in of_lab]
        lab = states.filter(pl.col("lab") == number).select("ecg", *cells)
        joined = row_of.join(lab, on="ecg", how="left", maintain_order="left").drop("ecg").collect()
        series += joined.get_columns()
    return series


def write_labels(path: Path, counted: list[Counted]) -> None:
    """Write `labels.csv`: what each label means, and its cases."""
    header = ["target", "lab", "loinc", "unit", "comparison", "threshold"]
    parts = {"train": slice(0, VALIDATION_FOLD), "validation": slice(18, 19), "test": slice(19, 20)}
    parts |= {f"fold_{fold}": slice(fold, fold + 1) for fold in range(FOLDS)}
    header += [f"{part}_{kind}" for part in parts for kind in ("positives", "negatives")]
    write_csv(path, header, ([*_meaning(c), *_cases(c, list(parts.values()))] for c in counted))


def _meaning(counted: Counted) -> list[object]:
    criterion = counted.question.target.criterion
    if criterion is None:
        raise AssertionError("a cohort's target says what it means")
    fields = (criterion.lab, criterion.loinc or "", criterion.unit, criterion.comparison, criterion.threshold)
    return [counted.question.name, *fields]


def _cases(counted: Counted, parts: list[slice]) -> list[int]:
    return [int(cases[part].sum()) for part in parts for cases in (counted.positives, counted.negatives)]
