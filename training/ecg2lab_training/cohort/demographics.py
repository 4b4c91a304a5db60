"""Sex, race and age in the contract's words."""

from __future__ import annotations

from typing import Literal

import polars as pl

Rule = Literal["anchor", "at-ecg"]
TOP_AGE, TOP_CODE = 89, 91
"""MIMIC-IV writes every age above 89 as 91."""
ADULT = 18
SEX = {"F": "female", "M": "male"}
RACE = {"ASIAN": "asian", "BLACK": "black", "HISPANIC": "hispanic", "WHITE": "white"}
"""By the first letters of MIMIC-IV's word, such as BLACK/CAPE VERDEAN."""
UNKNOWN_RACE = ("UNKNOWN", "UNABLE TO OBTAIN", "PATIENT DECLINED TO ANSWER")


def sex() -> pl.Expr:
    """Sex from `gender`; null for any other letter."""
    return pl.col("gender").str.strip_chars().replace_strict(SEX, default=None, return_dtype=pl.String).alias("sex")


def race() -> pl.Expr:
    """One of five groups; null where the hospital does not know."""
    words = pl.col("race").str.strip_chars().str.to_uppercase()
    named = [pl.when(words.str.starts_with(start)).then(pl.lit(name)) for start, name in RACE.items()]
    group = pl.coalesce(*named, pl.lit("other"))
    return pl.when(words.is_not_null() & (words != "") & ~words.is_in(UNKNOWN_RACE)).then(group).alias("race")


def race_of_patients(stays: pl.DataFrame) -> pl.DataFrame:
    """Take the group that most of a patient's stays say; of equally many, the first by the alphabet.

    Parameters
    ----------
    stays
        Table `admissions`, or `edstays`: subject_id, race.

    Returns
    -------
    DataFrame
        subject_id, race; only patients of whom it is known.
    """
    votes = stays.select("subject_id", race()).drop_nulls().group_by("subject_id", "race").len()
    order = votes.sort(["subject_id", "len", "race"], descending=[False, True, False])
    return order.unique("subject_id", keep="first", maintain_order=True).select("subject_id", pl.col("race"))


def age(rule: Rule) -> pl.Expr:
    """Age in years: at the patient's anchor year (the authors' rule), or at the ECG; above 89 it is 91."""
    years = pl.col("anchor_age")
    if rule == "at-ecg":
        later = pl.col("ecg_time").dt.year().cast(pl.Int64) - pl.col("anchor_year")
        # an anchor age of 91 means any age above 89, before which nothing can be said: it stays
        years = pl.when(years > TOP_AGE).then(years).otherwise(years + later)
    return pl.when(years > TOP_AGE).then(pl.lit(float(TOP_CODE))).otherwise(years).cast(pl.Float64).alias("age")
