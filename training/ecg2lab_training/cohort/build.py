"""The whole cohort, step by step: from a hospital's tables to a data set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecg2lab.contract import Contract, published, unnamed_targets
from ecg2lab.errors import DatasetError, OutputError
from ecg2lab.system.file_lock import file_lock
from ecg2lab_training.cohort import array_file, demographics, last_values, targets, truth, vitals, waveforms
from ecg2lab_training.cohort.gather import Values, features, patients_and_ecgs, values
from ecg2lab_training.cohort.labels import MOMENTS, label, label_states
from ecg2lab_training.cohort.ledger import Ledger, write_csv
from ecg2lab_training.cohort.tables import Table, locate
from ecg2lab_training.data import dataset
from ecg2lab_training.data.dataset_writer import seal, table_schema
from ecg2lab_training.files import new_folder, parts, require_free, require_text
from ecg2lab_training.progress import Progress, silent

WAVEFORMS = "waveforms"
"""Folder of unfinished waveforms in the work folder."""
BLOCK = 50_000
"""ECGs whose labels are sought at once."""
SMALL_BLOCK = 10_000
"""ECGs whose last values are sought at once: unlike a label, each may lie anywhere in its patient's history."""
PAIRS = "pairs of ECG and laboratory test"


@dataclass(frozen=True)
class Options:
    """Choices of a cohort; the defaults are the published method's."""

    vitals: vitals.Rule = "paper"
    age: demographics.Rule = "anchor"
    fewest_values: int = 200
    """Of a laboratory test."""
    fewest_cases: int = 10
    """Positive and negative cases of a label, in fold 18 and in fold 19."""
    workers: int | None = None
    """Processes that read waveforms; None: one for every core."""
    seed: int = 0
    """Of the folds, where the hospital has none."""
    held_out: int = 1
    """How many times as large as another folds 18 and 19 are, where the hospital has none."""


@dataclass(frozen=True)
class Summary:
    """What was made."""

    synthetic: bool
    records: int
    patients: int
    targets: int
    skipped: int
    """Waveforms that could not be used."""
    notes: tuple[str, ...]


def build(folder: Path, out: Path, options: Options, progress: Progress = silent) -> Summary:
    """Make a data set from a hospital's tables and ECGs.

    Parameters
    ----------
    folder
        Holds the tables and the ECGs in the layout of MIMIC-IV.
    out
        A new or empty folder. Unfinished work lies beside it, in `.NAME.work`, and is taken up by the next run.
    options
        Rules to choose from.
    progress
        Told which tables are read, then how many waveforms are done.

    Raises
    ------
    DatasetError
        If a table is missing or damaged, or nothing is left after a step; naming step, file and row.
    OutputError
        If `out` is taken, another run is writing it, or the disk is full.
    """
    require_free(out)
    tables, statement = locate(require_text(folder, DatasetError)), truth.read(folder)
    with _work_folder(out) as work:
        made = _make(tables, work, options, progress)
        ideal = truth.ideal(folder, made.table["record_id"], made.contract.target_names) if statement else None
        _write(made, out, ideal, _info(made, statement, options))
        shutil.rmtree(work / WAVEFORMS)
    return Summary(
        synthetic=statement is not None,
        records=made.table.height,
        patients=made.table["patient_id"].n_unique(),
        targets=len(made.contract.targets),
        skipped=len(made.skipped),
        notes=tuple(made.ledger.notes),
    )


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """Hold the folder of unfinished work, beside `out`."""
    target = out.absolute()
    work = target.with_name(f".{target.name}.work")

    def refuse() -> None:
        raise OutputError(f"another run is writing {out}; wait for it, or name another folder")

    with _writing(work):
        work.mkdir(parents=True, exist_ok=True)
    with file_lock(work / "lock", waiting=refuse):
        try:
            yield work
        finally:
            if not (work / WAVEFORMS).exists():  # nothing that is worth taking up
                shutil.rmtree(work, ignore_errors=True)


@dataclass(frozen=True)
class _Made:
    """Everything that a data set is written from."""

    contract: Contract
    table: pl.DataFrame
    array: Path
    last: Path
    counted: list[targets.Counted]
    skipped: list[waveforms.Skipped]
    ledger: Ledger


def _make(tables: dict[str, Table], work: Path, options: Options, progress: Progress) -> _Made:
    ledger, cache = Ledger(), work / "tables"
    with _writing(work):
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        try:
            chosen = choose(tables, options, cache, ledger, progress)
            rows, skipped, array = _read_waveforms(chosen.ecgs, tables, work, options, ledger, progress)
            counted = _recount(chosen, rows, options, ledger)
            contract, table = _table(counted, chosen.states, rows)
            last = work / dataset.LAST
            last_values.write(last, chosen.last, _labs(counted), rows["ecg"])
        finally:
            shutil.rmtree(cache, ignore_errors=True)
    return _Made(contract, table, array, last, counted, skipped, ledger)


def _write(made: _Made, out: Path, ideal: pl.DataFrame | None, info: dict[str, object]) -> None:
    with new_folder(out) as partial:
        targets.write_labels(partial / "labels.csv", made.counted)
        write_csv(partial / "skipped.csv", ("record", "reason"), ((s.record, s.reason) for s in made.skipped))
        made.ledger.write(partial)
        seal(partial, made.contract, made.table, made.array, ideal=ideal, last=made.last, **info)
        os.replace(made.last, partial / dataset.LAST)
        os.replace(made.array, partial / dataset.SIGNALS)  # last: hours of work


@contextmanager
def _writing(work: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OutputError(f"tables: cannot write or read {work}: {reason}") from None


@dataclass(frozen=True)
class Chosen:
    """Everything that is settled before waveforms are read."""

    ecgs: pl.DataFrame
    """One row for each ECG with a label, features included."""
    states: pl.LazyFrame
    last: pl.LazyFrame
    """As `last_values.store` gives it."""
    counted: list[targets.Counted]


def choose(
    tables: dict[str, Table], options: Options, cache: Path, ledger: Ledger, progress: Progress = silent
) -> Chosen:
    """Go through the steps on tables.

    Parameters
    ----------
    tables
        By stem.
    options
        Rules to choose from.
    cache
        Folder for what does not fit into memory; what is written there is needed as long as the result.
    ledger
        What each step left and dropped is entered here.
    progress
        Told before each of four steps.

    Raises
    ------
    DatasetError
        If a table is damaged, or nothing is left after a step.
    """
    progress(0, 4, "tables: patients and ECGs")
    ecgs = patients_and_ecgs(tables, options.age, options.seed, options.held_out, ledger)
    progress(1, 4, "tables: laboratory values")
    laboratory = values(tables, ecgs, options.fewest_values, cache / "labevents", ledger)
    progress(2, 4, "tables: labels")
    states = _store_states(ecgs, laboratory, cache / "states", ledger)
    every = targets.count(targets.questions(laboratory.limits), states, ecgs)
    counted = _surviving(every, options.fewest_cases, tables["labevents"].path, ledger)
    labelled = ecgs.join(_labelled(states, counted), on="ecg", how="semi").sort("ecg")
    ledger.left("ECGs", "with a known label", labelled)
    last = last_values.store(laboratory.blocks(labelled, SMALL_BLOCK), _labs(counted), cache / "last")
    ledger.left(PAIRS, "with a value before an ECG with a label", last.join(labelled.lazy(), on="ecg"))
    progress(3, 4, "tables: vital signs, height and weight")
    facts = features(tables, labelled, options.vitals, published(unnamed_targets(1)), ledger)
    return Chosen(labelled.join(facts, on="ecg", how="left", maintain_order="left"), states, last, counted)


def _store_states(ecgs: pl.DataFrame, laboratory: Values, folder: Path, ledger: Ledger) -> pl.LazyFrame:
    """Write the states block by block of ECGs, for they may not fit into memory together."""
    folder.mkdir()
    for number, (some, own) in enumerate(laboratory.blocks(ecgs, BLOCK)):
        label_states(some.lazy(), own).sink_parquet(folder / f"{number:09d}.parquet", engine="streaming")
    states = pl.scan_parquet(parts(folder), glob=False)
    pairs = states.join(ecgs.lazy().select("ecg", "subject_id"), on="ecg")
    ledger.left(PAIRS, "with a value in a window", pairs)
    return states


def _labs(counted: list[targets.Counted]) -> list[int]:
    """Numbers of the labs, in the order of the targets."""
    return list(dict.fromkeys(c.question.number for c in counted))


def _surviving(counted: list[targets.Counted], fewest: int, source: Path, ledger: Ledger) -> list[targets.Counted]:
    lost = [c for c in counted if not c.survives(fewest)]
    reasons = ((f"{c.question.name}: {c.held_out}", None, int((c.positives + c.negatives).sum())) for c in lost)
    ledger.dropped(f"label survival ({fewest} cases)", source, reasons)
    if len(lost) == len(counted):
        raise DatasetError(
            f"label survival: no label of {len(counted)} has {fewest} positive and as many negative cases "
            "in fold 18 and in fold 19; take more patients, or ask for fewer cases with --fewest-cases"
        )
    return [c for c in counted if c.survives(fewest)]


def _labelled(states: pl.LazyFrame, counted: list[targets.Counted]) -> pl.DataFrame:
    """ECGs with at least one known label."""
    asked = {(c.question.number, c.question.moment) for c in counted}
    numbers = {moment: [n for n, m in asked if m == moment] for moment in MOMENTS}
    labelled = (pl.col("lab").is_in(numbers[m]) & label(m, "low").is_not_null() for m in MOMENTS)
    return states.filter(pl.any_horizontal(labelled)).select("ecg").unique().collect(engine="streaming")


def _read_waveforms(
    ecgs: pl.DataFrame, tables: dict[str, Table], work: Path, options: Options, ledger: Ledger, progress: Progress
) -> tuple[pl.DataFrame, list[waveforms.Skipped], Path]:
    """Rows of the data set, in the order of the array."""
    records = ecgs["path"].to_list()
    root, contract = tables["record_list"].path.parent, published(unnamed_targets(1))
    workers = options.workers or os.cpu_count() or 1
    array, skipped = waveforms.prepare(records, root, work / WAVEFORMS, contract, workers, progress)
    if len(skipped) == len(records):
        raise DatasetError(f"waveforms: none of {len(records)} records can be read; the first: {skipped[0].reason}")
    order = array_file.close_gaps(array, [s.row for s in skipped])
    rows = ecgs[order.tolist()]
    ledger.left("ECGs", "with a readable waveform", rows)
    return rows, skipped, array


def _recount(chosen: Chosen, rows: pl.DataFrame, options: Options, ledger: Ledger) -> list[targets.Counted]:
    """Labels that still have cases enough without the skipped records."""
    again = targets.count([c.question for c in chosen.counted], chosen.states, rows)
    lost = [c.question.name for c in again if not c.survives(options.fewest_cases)]
    if lost:
        ledger.notes.append(f"too few cases once unreadable waveforms were left out: {', '.join(lost)}")
    if len(lost) == len(again):
        raise DatasetError("label survival: with unreadable waveforms left out, no label has enough cases")
    return [c for c in again if c.survives(options.fewest_cases)]


def _table(counted: list[targets.Counted], states: pl.LazyFrame, rows: pl.DataFrame) -> tuple[Contract, pl.DataFrame]:
    """The contract, and the table that fulfils it."""
    questions = [c.question for c in counted]
    contract = published((question.target for question in questions), name="ECG cohort")
    named = rows.rename({"subject_id": "patient_id", "study_id": "record_id", "path": "record"})
    table = named.with_columns(targets.columns(questions, states, rows["ecg"]))
    return contract, table.select(pl.col(name).cast(dtype) for name, dtype in table_schema(contract).items())


def _info(made: _Made, statement: truth.Statement | None, options: Options) -> dict[str, object]:
    rules = f"vital signs: {options.vitals}, age: {options.age}"
    size = f"{made.table.height} ECGs of {made.table['patient_id'].n_unique()}"
    if statement is None:
        text = f"{size} patients of a hospital with tables in the layout of MIMIC-IV ({rules})."
        return {"synthetic": False, "description": text}
    text = f"{size} simulated patients (seed {statement.seed}; {rules}). Nothing in it was measured on a person."
    names = [name for name in made.contract.target_names if name in statement.targets]
    planted = {name: statement.targets[name].planted for name in names}
    return {"synthetic": True, "description": text, "seed": statement.seed, "planted": planted}
