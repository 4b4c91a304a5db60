"""The steps on tables, in order, with what each left entered in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import body, demographics, folds, laboratory, reading, recordings, thresholds, vitals
from ecg2lab_training.cohort.ledger import Ledger, first_reason
from ecg2lab_training.cohort.tables import LAYOUT, Table

if TYPE_CHECKING:
    from ecg2lab.contract import Contract

LABS, ECGS = "laboratory values", "ECGs"


def patients_and_ecgs(
    tables: dict[str, Table], age: demographics.Rule, seed: int, held_out: int, ledger: Ledger
) -> pl.DataFrame:
    """List the ECGs of adults, with sex, age, race and fold.

    Returns
    -------
    DataFrame
        ecg (number), subject_id, study_id, ecg_time, path, sex, age, race, fold.
    """
    source = tables["record_list"].path
    records = recordings.listed(reading.load(tables["record_list"]), source)
    ledger.left(ECGS, "listed", records)
    described = recordings.described(records, reading.load(tables["patients"]), _races(tables, ledger), age)
    adults = _without(described, recordings.why_unusable(), "adults", source, ledger)
    dealt = adults.join(
        _folds(tables, adults, seed, held_out, ledger), on="subject_id", how="left", maintain_order="left"
    )
    no_fold = first_reason({"patient has no fold": pl.col("fold").is_null()})
    kept = _without(dealt, no_fold, "in a fold", source, ledger)
    if kept.is_empty():
        raise DatasetError(f"{source}: no ECG of an adult with a time and a fold is left; see the rules of the cohort")
    columns = ("subject_id", "study_id", "ecg_time", "path", "sex", "age", "race", "fold")
    return kept.select(columns).with_row_index("ecg")


def _without(ecgs: pl.DataFrame, why: pl.Expr, step: str, source: Path, ledger: Ledger) -> pl.DataFrame:
    """Leave out rows with a reason."""
    ledger.unusable(step, source, ecgs.with_columns(why.alias("why")))
    kept = ecgs.filter(why.is_null())
    ledger.left(ECGS, step, kept)
    return kept


def _races(tables: dict[str, Table], ledger: Ledger) -> list[pl.DataFrame]:
    """Admissions speak first; a patient who was never admitted may have a stay in the emergency department."""
    stems = [stem for stem in ("admissions", "edstays") if stem in tables]
    if "edstays" not in stems:
        ledger.notes.append("table edstays is absent: race comes from admissions alone")
    return [demographics.race_of_patients(reading.load(tables[stem])) for stem in stems]


def _folds(tables: dict[str, Table], ecgs: pl.DataFrame, seed: int, held_out: int, ledger: Ledger) -> pl.DataFrame:
    table = tables.get("records_w_diag_icd10")
    if table:
        return folds.of_table(reading.load(table), table.path)
    ledger.notes.append(f"table records_w_diag_icd10 is absent: folds were made by patient, with seed {seed}")
    first = ecgs.group_by("subject_id").agg(pl.col("sex", "age").sort_by("row").first())
    return folds.dealt_out(first, seed, held_out)


@dataclass(frozen=True)
class Values:
    """Laboratory values that are left, and the limits of their labs."""

    rows: pl.LazyFrame
    """As `thresholds.states` gives them."""
    limits: pl.DataFrame

    def blocks(self, ecgs: pl.DataFrame, size: int) -> Iterator[tuple[pl.DataFrame, pl.LazyFrame]]:
        """ECGs by patient, so many at once, and the values of their patients."""
        by_patient = ecgs.sort("subject_id")
        for start in range(0, ecgs.height, size):
            some = by_patient[start : start + size]
            # labevents is sorted by patient: of its parquet copy only this block's part is read
            own = pl.col("subject_id").is_between(some["subject_id"][0], some["subject_id"][-1])
            yield some, self.rows.filter(own)


def values(tables: dict[str, Table], ecgs: pl.DataFrame, fewest: int, cache: Path, ledger: Ledger) -> Values:
    """Go through the steps of the laboratory.

    Parameters
    ----------
    tables
        By stem.
    ecgs
        Only values of these patients are read.
    fewest
        Values of a lab that stays.
    cache
        New folder for what does not fit into memory.
    ledger
        What each step left.

    Raises
    ------
    DatasetError
        If no lab is left.
    """
    source = tables["labevents"].path
    stored = _of_patients(tables["labevents"], ecgs, cache, ledger)
    rows = laboratory.with_items(stored, reading.load(tables["d_labitems"]))
    ledger.unusable("laboratory rows", source, rows.select("row", laboratory.why_unusable().alias("why")))
    rows = laboratory.usable(rows)
    ledger.left(LABS, "with number, time, label and reference range", rows)
    table = laboratory.profile(rows)
    table = _of_one_meaning(rows, table, source, ledger)
    often = laboratory.frequent(table, fewest)
    lost = table.join(often, on="row", how="anti")
    _enter_lost(lost, ("label", "fluid"), f"labs with {fewest} values", "{label}: too few values", source, ledger)
    every = thresholds.limits(often)
    limits = thresholds.with_limits(every)
    lost = every.join(limits, on="lab", how="anti")
    _enter_lost(lost, ("label",), "reference limits", "{label}: no row has a reference limit", source, ledger)
    table = often.join(limits, on="lab", how="semi")
    ledger.left(LABS, f"labs with {fewest} values and a reference limit", laboratory.of(rows, table))
    if limits.is_empty():
        raise DatasetError(f"{source}: no laboratory test has {fewest} values and a reference limit (--fewest-values)")
    return Values(thresholds.states(rows, table, limits), limits)


def _of_one_meaning(rows: pl.LazyFrame, table: pl.DataFrame, source: Path, ledger: Ledger) -> pl.DataFrame:
    """Keep one fluid of each label, in one unit."""
    fluid = laboratory.majority_fluid(table)
    lost, reason = table.join(fluid, on="row", how="anti"), "{label}: in {fluid}, not in its majority fluid"
    _enter_lost(lost, ("label", "fluid"), "majority fluid", reason, source, ledger)
    ledger.left(LABS, "majority fluid", laboratory.of(rows, fluid))
    united = laboratory.one_unit(fluid)
    convertible = laboratory.convertible(united)
    lost = united.join(convertible, on="row", how="anti").with_columns(
        pl.col("valueuom", "unit").replace("", "no unit")
    )
    reason = "{label}: {valueuom} cannot be converted to {unit}"
    _enter_lost(lost, ("label", "valueuom", "unit"), "one unit", reason, source, ledger)
    ledger.left(LABS, "one unit", laboratory.of(rows, convertible))
    return convertible


def _of_patients(table: Table, ecgs: pl.DataFrame, cache: Path, ledger: Ledger) -> pl.LazyFrame:
    """Store the rows of patients with an ECG."""
    patients = ecgs.select("subject_id").unique()
    count = 0

    def keep(batch: pl.DataFrame) -> pl.DataFrame:
        nonlocal count
        count += batch.height
        return batch.join(patients, on="subject_id", how="semi")

    stored = reading.store(table, cache, keep)
    ledger.left(LABS, f"of patients with an ECG (of {count:,} rows read)", stored)
    return stored


def _enter_lost(lost: pl.DataFrame, keys: Sequence[str], step: str, reason: str, source: Path, ledger: Ledger) -> None:
    """Enter rows of a profile that a step dropped, counted by keys, which stand in the reason."""
    counted = lost.group_by(keys).agg(pl.col("row").min(), pl.col("count").sum()).sort("row")
    reasons = ((reason.format(**row), row["row"], row["count"]) for row in counted.iter_rows(named=True))
    ledger.dropped(step, source, reasons)


def features(
    tables: dict[str, Table], ecgs: pl.DataFrame, rule: vitals.Rule, contract: Contract, ledger: Ledger
) -> pl.DataFrame:
    """Find vital signs and body measures of the ECGs.

    Returns
    -------
    DataFrame
        ecg and the nine features, in any order; null: not known.
    """
    patients = ecgs.select("subject_id").unique()

    def own(batch: pl.DataFrame) -> pl.DataFrame:
        return batch.join(patients, on="subject_id", how="semi")

    measured = reading.load(tables["vitalsign"], own) if "vitalsign" in tables else _absent("vitalsign", ledger)
    omr = reading.load(tables["omr"], own) if "omr" in tables else _absent("omr", ledger)
    signs = vitals.vitals(ecgs.lazy(), measured.lazy(), contract, rule).collect(engine="streaming")
    if "omr" in tables:
        odd = body.not_numbers(omr)
        reasons = [("no number", odd["row"][0], odd.height)] if odd.height else []
        ledger.dropped("height, weight, BMI", tables["omr"].path, reasons)
    measures = body.body(ecgs.lazy(), omr.lazy(), contract).collect(engine="streaming")
    joined = ecgs.select("ecg").join(signs, on="ecg", how="left").join(measures, on="ecg", how="left")
    _enter_known(joined, ecgs, ledger)
    return joined


def _absent(stem: str, ledger: Ledger) -> pl.DataFrame:
    """Give an empty table in place of one that is not there."""
    ledger.notes.append(f"table {stem} is absent: what it would say is missing for every ECG")
    schema = {name: reading.TYPES[kind] for name, kind in LAYOUT[stem].columns.items()}
    return pl.DataFrame(schema={"row": pl.Int64, **schema})


def _enter_known(joined: pl.DataFrame, ecgs: pl.DataFrame, ledger: Ledger) -> None:
    for title, names in (("vital sign", vitals.FEATURES.values()), ("height, weight or BMI", body.FEATURES)):
        some = joined.filter(pl.any_horizontal(pl.col(n).is_not_null() for n in names))
        ledger.left("ECGs with a label", f"of them with a {title}", ecgs.join(some, on="ecg", how="semi"))
