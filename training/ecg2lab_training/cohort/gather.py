"""The steps on tables, in order, with what each left entered in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import body, demographics, folds, laboratory, reading, recordings, thresholds, vitals
from ecg2lab_training.cohort.ledger import Ledger
from ecg2lab_training.cohort.tables import Table

if TYPE_CHECKING:
    from ecg2lab.contract import Contract

LABS, ECGS = "laboratory values", "ECGs"


def patients_and_ecgs(found: dict[str, Table], age: demographics.Rule, seed: int, ledger: Ledger) -> pl.DataFrame:
    """List the ECGs of adults, with sex, age, race and fold.

    Returns
    -------
    DataFrame
        ecg (number), subject_id, study_id, ecg_time, path, sex, age, race, fold.
    """
    source = found["record_list"].path
    records = recordings.listed(reading.load(found["record_list"]), source)
    ledger.left(ECGS, "listed", records.height, records["subject_id"].n_unique())
    known = recordings.described(records, reading.load(found["patients"]), _races(found, ledger), age)
    adults = _without(known.with_columns(recordings.why_unusable().alias("why")), "adults", source, ledger)
    dealt = adults.join(_folds(found, adults, seed, ledger), on="subject_id", how="left", maintain_order="left")
    no_fold = pl.when(pl.col("fold").is_null()).then(pl.lit("patient has no fold"))
    kept = _without(dealt.with_columns(no_fold.alias("why")), "in a fold", source, ledger)
    if kept.is_empty():
        raise DatasetError(f"{source}: no ECG of an adult with a time and a fold is left; see the rules of the cohort")
    columns = ("subject_id", "study_id", "ecg_time", "path", "sex", "age", "race", "fold")
    return kept.select(columns).with_row_index("ecg")


def _without(ecgs: pl.DataFrame, step: str, source: Path, ledger: Ledger) -> pl.DataFrame:
    """Leave out rows with a reason in `why`."""
    reasons = ecgs.drop_nulls("why").group_by("why").agg(pl.col("row").min(), pl.len()).sort("why")
    ledger.dropped(step, source, reasons.iter_rows())
    kept = ecgs.filter(pl.col("why").is_null()).drop("why")
    ledger.left(ECGS, step, kept.height, kept["subject_id"].n_unique())
    return kept


def _races(found: dict[str, Table], ledger: Ledger) -> list[pl.DataFrame]:
    """Admissions speak first; a patient who was never admitted may have a stay in the emergency department."""
    stems = [stem for stem in ("admissions", "edstays") if stem in found]
    if "edstays" not in stems:
        ledger.notes.append("table edstays is absent: race comes from admissions alone")
    return [demographics.race_of_patients(reading.load(found[stem])) for stem in stems]


def _folds(found: dict[str, Table], ecgs: pl.DataFrame, seed: int, ledger: Ledger) -> pl.DataFrame:
    table = found.get("records_w_diag_icd10")
    if table:
        return folds.given(reading.load(table), table.path)
    ledger.notes.append(f"table records_w_diag_icd10 is absent: folds were made by patient, with seed {seed}")
    first = ecgs.group_by("subject_id").agg(pl.col("sex", "age").sort_by("row").first())
    return folds.made(first, seed)


@dataclass(frozen=True)
class Values:
    """Laboratory values that are left, and the limits of their labs."""

    rows: pl.LazyFrame
    """As `thresholds.states` gives them."""
    limits: pl.DataFrame


def values(found: dict[str, Table], ecgs: pl.DataFrame, fewest: int, cache: Path, ledger: Ledger) -> Values:
    """Go through the steps of the laboratory.

    Parameters
    ----------
    found
        Tables by stem.
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
    source = found["labevents"].path
    stored = _of_patients(found["labevents"], ecgs, cache, ledger)
    rows = laboratory.with_items(stored, reading.load(found["d_labitems"]))
    _enter_unusable(rows, source, ledger)
    rows = laboratory.usable(rows)
    _enter(rows, "with number, time, label and reference range", ledger)
    table = laboratory.profile(rows)
    table = _of_one_meaning(rows, table, source, ledger)
    often = laboratory.frequent(table, fewest)
    _enter_lost(table, often, f"labs with {fewest} values", "{label}: too few values", source, ledger)
    limits = _limits(often, source, ledger)
    table = often.join(limits, on="lab", how="semi")
    _enter(laboratory.of(rows, table), f"labs with {fewest} values and a reference limit", ledger)
    if limits.is_empty():
        raise DatasetError(f"{source}: no laboratory test has {fewest} values and a reference limit (--fewest-values)")
    return Values(thresholds.states(rows, table, limits), limits)


def _of_one_meaning(rows: pl.LazyFrame, table: pl.DataFrame, source: Path, ledger: Ledger) -> pl.DataFrame:
    """Keep one fluid of each label, in one unit."""
    fluid = laboratory.majority_fluid(table)
    _enter_lost(table, fluid, "majority fluid", "{label}: in {fluid}, not in its majority fluid", source, ledger)
    _enter(laboratory.of(rows, fluid), "majority fluid", ledger)
    united = laboratory.one_unit(fluid)
    _enter_unconvertible(united, source, ledger)
    convertible = laboratory.convertible(united)
    _enter(laboratory.of(rows, convertible), "one unit", ledger)
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
    _enter(stored, f"of patients with an ECG (of {count:,} rows read)", ledger)
    return stored


def _enter(rows: pl.LazyFrame, step: str, ledger: Ledger) -> None:
    count = rows.select(pl.len(), pl.col("subject_id").n_unique()).collect(engine="streaming").row(0)
    ledger.left(LABS, step, *count)


def _enter_unusable(rows: pl.LazyFrame, source: Path, ledger: Ledger) -> None:
    reasons = rows.select("row", laboratory.why_unusable().alias("why")).drop_nulls("why")
    counted = reasons.group_by("why").agg(pl.col("row").min(), pl.len()).sort("why")
    ledger.dropped("laboratory rows", source, counted.collect(engine="streaming").iter_rows())


def _enter_lost(
    before: pl.DataFrame, after: pl.DataFrame, step: str, reason: str, source: Path, ledger: Ledger
) -> None:
    """Enter what a step on the profile dropped, label by label and fluid by fluid."""
    lost = before.join(after, on="row", how="anti").group_by("label", "fluid")
    counted = lost.agg(pl.col("row").min(), pl.col("count").sum()).sort("row")
    rows = ((reason.format(label=label, fluid=fluid), row, count) for label, fluid, row, count in counted.iter_rows())
    ledger.dropped(step, source, rows)


def _enter_unconvertible(united: pl.DataFrame, source: Path, ledger: Ledger) -> None:
    lost = united.filter(pl.col("factor").is_null()).group_by("label", "valueuom", "unit")
    counted = lost.agg(pl.col("row").min(), pl.col("count").sum()).sort("row")
    ledger.dropped(
        "one unit",
        source,
        (
            (f"{label}: {unit or 'no unit'} cannot be converted to {wanted or 'no unit'}", row, count)
            for label, unit, wanted, row, count in counted.iter_rows()
        ),
    )


def _limits(table: pl.DataFrame, source: Path, ledger: Ledger) -> pl.DataFrame:
    found = thresholds.limits(table)
    kept = thresholds.with_limits(found)
    lost = found.join(kept, on="lab", how="anti")
    ledger.dropped(
        "reference limits",
        source,
        ((f"{r['label']}: no row has a reference limit", r["row"], r["count"]) for r in lost.iter_rows(named=True)),
    )
    return kept


def features(
    found: dict[str, Table], ecgs: pl.DataFrame, rule: vitals.Rule, contract: Contract, ledger: Ledger
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

    measured = reading.load(found["vitalsign"], own) if "vitalsign" in found else _absent("vitalsign", ledger)
    omr = reading.load(found["omr"], own) if "omr" in found else _absent("omr", ledger)
    signs = vitals.vitals(ecgs.lazy(), measured.lazy(), contract, rule).collect(engine="streaming")
    if "omr" in found:
        odd = body.not_numbers(omr)
        reasons = [("no number", odd["row"][0], odd.height)] if odd.height else []
        ledger.dropped("height, weight, BMI", found["omr"].path, reasons)
    measures = body.body(ecgs.lazy(), omr.lazy(), contract).collect(engine="streaming")
    joined = ecgs.select("ecg").join(signs, on="ecg", how="left").join(measures, on="ecg", how="left")
    _enter_known(joined, ecgs, ledger)
    return joined


def _absent(stem: str, ledger: Ledger) -> pl.DataFrame:
    """Give an empty table in place of one that is not there."""
    from ecg2lab_training.cohort.tables import LAYOUT

    ledger.notes.append(f"table {stem} is absent: what it would say is missing for every ECG")
    types: dict[str, Any] = {
        "integer": pl.Int64,
        "number": pl.Float64,
        "text": pl.String,
        "time": pl.Datetime("us"),
        "date": pl.Date,
    }
    schema = {n: types[kind] for n, kind in LAYOUT[stem].columns.items()}
    return pl.DataFrame(schema={"row": pl.Int64, **schema})


def _enter_known(joined: pl.DataFrame, ecgs: pl.DataFrame, ledger: Ledger) -> None:
    for title, names in (("vital sign", vitals.FEATURES.values()), ("height, weight or BMI", body.FEATURES)):
        some = joined.filter(pl.any_horizontal(pl.col(n).is_not_null() for n in names))
        patients = ecgs.join(some, on="ecg", how="semi")["subject_id"].n_unique()
        ledger.left("ECGs with a label", f"of them with a {title}", some.height, patients)
