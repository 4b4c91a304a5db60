"""Twenty parts, by patient: those of MIMIC-IV-ECG-ICD, or, where they are absent, made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.data.dataset import FOLDS, VALIDATION_FOLD

if TYPE_CHECKING:
    from pathlib import Path


def of_table(records: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Take every patient's fold from `records_w_diag_icd10`.

    Parameters
    ----------
    records
        subject_id, strat_fold, row.
    path
        Of the file, for messages.

    Returns
    -------
    DataFrame
        subject_id, fold; only patients who have one.

    Raises
    ------
    DatasetError
        If a fold is outside 0-19, or a patient is in two.
    """
    stated = records.filter(pl.col("subject_id").is_not_null() & pl.col("strat_fold").is_not_null())
    outside = stated.filter(~pl.col("strat_fold").is_between(0, FOLDS - 1))
    if outside.height:
        row, fold = outside.row(0, named=True)["row"], outside["strat_fold"][0]
        raise DatasetError(f"{path}, row {row}: strat_fold {fold} is outside 0-{FOLDS - 1}")
    first = pl.col("strat_fold").sort_by("row").first().over("subject_id")
    torn = stated.filter(pl.col("strat_fold") != first).sort("row")
    if torn.height:
        patient, row = torn["subject_id"][0], torn["row"][0]
        raise DatasetError(f"{path}, row {row}: patient {patient} is in two folds; folds must be patient-wise")
    return stated.select("subject_id", pl.col("strat_fold").cast(pl.Int8).alias("fold")).unique("subject_id")


def dealt_out(patients: pl.DataFrame, seed: int, held_out: int = 1) -> pl.DataFrame:
    """Deal patients to twenty folds, stratified by sex and decade of age.

    Patients of one stratum are shuffled and dealt like cards, the next stratum going on where the last one stopped:
    folds differ by one patient at most, and so do their shares of every stratum; folds 18 and 19 are so many hands.

    Parameters
    ----------
    patients
        One row each: subject_id, sex, age.
    seed
        The same seed gives the same folds, whatever the order of the rows.
    held_out
        How many times as large as another folds 18 and 19 are: what is measured on them wants many patients.

    Returns
    -------
    DataFrame
        subject_id, fold.
    """
    generator = np.random.default_rng(seed)
    shuffled = patients.sort("subject_id").with_columns(pl.Series("draw", generator.permutation(patients.height)))
    decade = (pl.col("age") // 10).alias("decade")
    dealt = shuffled.with_columns(decade).sort("sex", "decade", "draw")
    hands = np.repeat(np.arange(FOLDS), [held_out if fold >= VALIDATION_FOLD else 1 for fold in range(FOLDS)])
    order = generator.permutation(hands)  # so that no fold is always the first to get one
    fold = order[np.arange(dealt.height) % len(order)]
    return dealt.select("subject_id", pl.Series("fold", fold, dtype=pl.Int8))
