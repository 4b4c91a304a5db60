"""Which ECGs, of which patients: one row for each, numbered."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import demographics
from ecg2lab_training.cohort.ledger import first_reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def listed(record_list: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Check `record_list`: every study once, with a patient, and a path below the ECG root.

    Raises
    ------
    DatasetError
        Naming the row.
    """
    for column in ("subject_id", "study_id", "path"):
        _refuse(record_list.filter(pl.col(column).is_null()), path, f"{column} is empty")
    _refuse(record_list.filter(~pl.col("study_id").is_first_distinct()), path, "its study_id was there before")
    outside = [not _is_below(text) for text in record_list["path"]]
    _refuse(record_list.filter(pl.Series(outside, dtype=pl.Boolean)), path, "its path leads out of the folder of ECGs")
    return record_list


def _refuse(rows: pl.DataFrame, path: Path, why: str) -> None:
    if rows.height:
        raise DatasetError(f"{path}, row {rows.sort('row')['row'][0]}: {why}")


def _is_below(text: str) -> bool:
    path = PurePosixPath(text)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in text and ":" not in text


def why_unusable() -> pl.Expr:
    """Say why an ECG cannot be used; null for a usable one. Columns: ecg_time, patient_row, age, fold."""
    return first_reason(
        {
            "no time": pl.col("ecg_time").is_null(),
            "patient is not in table patients": pl.col("patient_row").is_null(),
            "no age": pl.col("age").is_null(),
            "not an adult": pl.col("age") < demographics.ADULT,
        }
    )


def described(
    records: pl.DataFrame, patients: pl.DataFrame, races: Iterable[pl.DataFrame], rule: demographics.Rule
) -> pl.DataFrame:
    """Add what is known of the patients: sex, age, race.

    Parameters
    ----------
    records
        As `listed` gives them.
    patients
        Table `patients`, with `row`.
    races
        subject_id, race; a later table speaks where an earlier one is silent.
    rule
        Of the age.

    Raises
    ------
    DatasetError
        If a patient is in the table twice.
    """
    twice = patients.filter(~pl.col("subject_id").is_first_distinct())
    if twice.height:
        raise DatasetError(f"table patients, row {twice['row'][0]}: patient {twice['subject_id'][0]} is there twice")
    facts = patients.select(
        "subject_id", "anchor_age", "anchor_year", demographics.sex(), pl.col("row").alias("patient_row")
    )
    race = pl.concat(races).unique("subject_id", keep="first", maintain_order=True)
    joined = records.join(facts, on="subject_id", how="left").join(race, on="subject_id", how="left")
    return joined.with_columns(demographics.age(rule)).drop("anchor_age", "anchor_year").sort("row")
