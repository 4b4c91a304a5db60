"""`ecg2lab evaluate MODEL TABLE.csv`: the same report on a site's own recordings, and a recalibrated bundle."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from ecg2lab.errors import DatasetError
from ecg2lab_training.evaluation import assess, new_contract_files, on_table, site_table
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.evaluate import Wishes, judge
from ecg2lab_training.evaluation.recalibrate import Recalibrated, recalibrate
from ecg2lab_training.evaluation.result import Data, Evaluation
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.files import file_sha256, indented
from ecg2lab_training.measures import decisions, operating_points
from ecg2lab_training.progress import Progress, counted, silent

OF_THE_CONTRACT = "of the model's contract"


def on_own_data(
    subject: Subject, path: Path, labs: Path | None, wishes: Wishes, progress: Progress = silent
) -> tuple[Evaluation, Cases]:
    """Judge a model, as it is, on a site's own recordings.

    Parameters
    ----------
    subject
        The model.
    path
        TABLE.csv.
    labs
        LABS.csv, or None.
    wishes
        Options; a threshold rule concerns the recalibration alone.
    progress
        Told after each recording.

    Raises
    ------
    DatasetError
        If a table is not understood, no recording can be used, or not one has a label.
    """
    table = site_table.read(path, labs, subject.contract)
    cases, skipped = on_table.ask(subject, table, path.parent, progress)
    if np.isnan(cases.labels).all():
        raise DatasetError(f"{path}: not one recording has a laboratory value that the model's targets ask for")
    evaluation = judge(
        subject,
        subject.contract,
        cases,
        data=Data(
            kind="table",
            description=f"own recordings, {path.name}",
            synthetic=None,
            sha256=digest(path, labs),
            part="all recordings",
            dates=_dates(table),
            records=len(cases.labels),
            patients=cases.patients,
            skipped=skipped,
        ),
        settings=wishes.settings(OF_THE_CONTRACT),
        beside=assess.Beside(prevalences=wishes.prevalences, calibration_from=OF_THE_CONTRACT),
        training=subject.training_population,
    )
    return replace(evaluation, notes=(*table.notes, *_skipped(skipped), *evaluation.notes)), cases


def _dates(table: site_table.Table) -> tuple[str, str] | None:
    """First and last day; None unless every recording has one."""
    days = [row.time.date().isoformat() for row in table.rows if row.time is not None]
    return (min(days), max(days)) if len(days) == len(table.rows) else None


def _skipped(skipped: dict[str, str]) -> list[str]:
    return [f"{len(skipped)} recordings could not be used; evaluation.json has their names"] if skipped else []


def digest(path: Path, labs: Path | None) -> str:
    """SHA-256 of the table, followed by that of the laboratory values where there are any."""
    parts = [file_sha256(p) for p in (path, labs) if p is not None]
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def new_contract(
    subject: Subject, evaluation: Evaluation, cases: Cases, wishes: Wishes, path: Path, labs: Path | None
) -> Recalibrated:
    """Refit calibrations and decisions on the recordings of an evaluation, asked with age and sex alone too.

    Raises
    ------
    DatasetError
        If not one target has positives and negatives enough.
    """
    rule = wishes.rule or operating_points.parse(operating_points.DEFAULT_RULE)
    table = site_table.read(path, labs, subject.contract)
    reduced = on_table.ask(subject, table, path.parent, facts=decisions.AGE_AND_SEX).cases
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    new = recalibrate(subject, cases, cases.answered(reduced), rule, wishes.least_cases, evaluation.data.sha256, today)
    if not any(record.refitted for record in new.lineage.targets.values()):
        name, record = next(iter(new.lineage.targets.items()))
        raise DatasetError(f"no target can be recalibrated; {name}: {record.reason}")
    return new


def files_of(new: Recalibrated, model: Path, subject: Subject) -> Callable[[Path], None]:
    """Writer of the new contract, recalibration.json, and recalibrated.ecg2lab where the model is a bundle."""

    def write(folder: Path) -> None:
        new_contract_files.write_contract(folder, new.contract, subject.space)
        (folder / "recalibration.json").write_bytes(indented(new.lineage))
        if subject.kind == "bundle":
            out = folder / "recalibrated.ecg2lab"
            new_contract_files.write_bundle(out, model, new.contract, subject.space, _card_section(new))

    return write


def _card_section(new: Recalibrated) -> str:
    lineage = new.lineage
    refitted = [name for name, record in lineage.targets.items() if record.refitted]
    kept = [f"{name} ({record.reason})" for name, record in lineage.targets.items() if not record.refitted]
    reach = lineage.experience
    limits = "new, of the site's patients" if reach.refitted else f"kept ({reach.reason})"
    return (
        f"\n## Recalibration\n\n"
        f"On {lineage.date}, calibrations, decisions ({lineage.rule}) and limits of experience were fitted anew on "
        f"{counted(lineage.records, 'ECG')} of {counted(lineage.patients, 'patient')} of a site; the network is "
        f"unchanged. What is said above of calibration and decisions is of the parent.\n\n"
        f"- Parent: {lineage.parent_name}, SHA-256 `{lineage.parent_digest}`\n"
        f"- SHA-256 of the site's data: `{lineage.data_sha256}`\n"
        f"- Refitted: {', '.join(refitted)}\n"
        f"- Kept: {', '.join(kept) or 'none'}\n"
        f"- Limits of experience: {limits}\n"
    )
