"""`ecg2lab evaluate` on a data set: the whole report, written as one folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from ecg2lab.contract import Contract
from ecg2lab_training.data import dataset as datasets
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.evaluation import assess, baseline, on_dataset, plots, population, result
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.result import Data, Evaluation, Model, Settings
from ecg2lab_training.evaluation.subgroups import groups, window_counts
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.evaluation.table import table
from ecg2lab_training.files import new_folder
from ecg2lab_training.measures import thresholds
from ecg2lab_training.measures.decisions import decide
from ecg2lab_training.progress import Progress, silent


@dataclass(frozen=True)
class Wishes:
    """What the user asked for."""

    bootstrap: str = "patients"
    rounds: int = 1000
    seed: int = 0
    threshold: str | None = None
    """None: the thresholds of the contract."""
    prevalences: Mapping[str, float] = field(default_factory=dict)


def on_data_set(
    subject: Subject, data: Dataset, wishes: Wishes, progress: Progress = silent
) -> tuple[Evaluation, Cases]:
    """Judge a model on the test fold of a data set.

    Parameters
    ----------
    subject
        The model.
    data
        With a test fold. Calibration and thresholds that the contract lacks come from its validation fold; the baseline
        from its training folds.
    wishes
        Options.
    progress
        Told while the model answers.

    Raises
    ------
    DatasetError
        If the data set does not fit the model or lacks a fold that is needed.
    """
    cases = on_dataset.ask(subject, data, "test", progress)
    contract, origin, rule = _with_decisions(subject, data, wishes)
    settings = settings_of(wishes, rule)
    notes = list(on_dataset.differences(contract, data))
    if subject.dataset_sha256 not in (None, data.digest):
        notes.append("the data set is not the one that the run was trained on")
    boosted = _baseline(contract, data, notes, progress)
    training = training_population(subject, data)
    here = population.summarise(contract, cases.continuous, cases.categorical, cases.labels)
    planted = data.description.planted or {}
    beside = assess.Beside(boosted, planted, wishes.prevalences, origin)
    found = assess.assess(cases, contract, settings, beside)
    evaluation = Evaluation(
        model=describe(subject),
        data=Data(
            kind="data set",
            description=data.description.description,
            synthetic=data.description.synthetic,
            sha256=data.digest,
            part="test fold",
            records=len(cases.labels),
            patients=len(np.unique(cases.patient_id)),
        ),
        settings=settings,
        overall=found.overall,
        targets=found.targets,
        groups=groups(cases, contract, settings),
        windows=window_counts(cases, settings),
        baseline=found.baseline,
        ideal=found.ideal,
        training_population=training,
        population=here,
        shift=tuple(shift_from_training(subject, training, here)),
        notes=(*notes, *without_area(found.targets)),
    )
    return evaluation, cases


def _with_decisions(subject: Subject, data: Dataset, wishes: Wishes) -> tuple[Contract, str, str]:
    """The contract with calibrations and thresholds; where the calibration is from; the thresholds' rule.

    Nothing is ever fitted on the test fold.
    """
    contract = subject.contract
    calibrated = any(target.calibration for target in contract.targets)
    if calibrated and wishes.threshold is None:
        return contract, "of the model's contract", "of the model's contract"
    validation = on_dataset.ask(subject, data, "validation")
    rule = thresholds.parse(wishes.threshold or "youden")
    fitted = decide(contract, validation.probabilities(), validation.labels, rule, refit=not calibrated)
    origin = "of the model's contract" if calibrated else "fitted here on the validation fold"
    return fitted, origin, f"{rule} on the validation fold"


def settings_of(wishes: Wishes, rule: str) -> Settings:
    """What an evaluation says of how it was made."""
    return Settings(bootstrap=wishes.bootstrap, rounds=wishes.rounds, seed=wishes.seed, threshold=rule)  # type: ignore[arg-type]


def _baseline(contract: Contract, data: Dataset, notes: list[str], progress: Progress) -> Array | None:
    """Scores of the baseline in the model's order of targets."""
    if not (data.fold < datasets.VALIDATION_FOLD).any():
        notes.append("no tabular baseline: the data set has no training folds")
        return None
    places = on_dataset.places(contract, data.contract)
    return on_dataset.columns(baseline.scores(data, "test", progress), places)


def training_population(subject: Subject, data: Dataset | None = None) -> result.Population | None:
    """Whom the model was trained on: from the training folds of its own data set, or from a bundle's card.

    Returns
    -------
    Population or None
        None where neither is at hand.
    """
    if data is not None and subject.dataset_sha256 == data.digest:
        rows = data.rows("train")
        places = on_dataset.places(subject.contract, data.contract)
        labels = on_dataset.columns(data.labels[rows], places)
        return population.summarise(subject.contract, data.continuous[rows], data.categorical[rows], labels)
    return population.from_card(subject.card) if subject.card else None


def shift_from_training(subject: Subject, training: result.Population | None, here: result.Population) -> list[str]:
    """Sentences on what differs from the training population, and on what is not known of it."""
    if training is not None:
        return list(population.differences(training, here))
    unknown = "the model does not state its training population; only its medians could be compared"
    return [*population.differences_of_medians(population.from_medians(subject.contract), here), unknown]


def describe(subject: Subject) -> Model:
    """What an evaluation says of the model."""
    contract = subject.contract
    return Model(
        name=contract.name,
        kind=subject.kind,
        weights_sha256=subject.weights_sha256,
        digest=subject.digest,
        synthetic_weights=subject.synthetic_weights,
        training_data=subject.training_data,
        leads=contract.signal.leads,
        sampling_rate_hz=contract.signal.sampling_rate_hz,
        window_s=contract.signal.window_samples / contract.signal.sampling_rate_hz,
        features=contract.feature_names,
        minimum_age=contract.population.minimum_age,
    )


def without_area(targets: tuple[result.TargetResult, ...]) -> list[str]:
    """Sentences on targets that could not be judged."""
    return [
        f"target {t.name}: no AUROC, {t.positives} positives and {t.negatives} negatives"
        for t in targets
        if t.auroc.value is None
    ]


def write(out: Path, evaluation: Evaluation, cases: Cases, more: Callable[[Path], None] | None = None) -> Evaluation:
    """Write evaluation.json, table.md, card.md, roc.png and reliability.png; whole or not at all.

    Parameters
    ----------
    out
        New or empty folder.
    evaluation
        What was measured.
    cases
        On what, for the curves.
    more
        Writes further files into the folder that it is given.

    Returns
    -------
    Evaluation
        As written: with notes on the figures.

    Raises
    ------
    OutputError
        If the folder is taken or cannot be written.
    """
    with new_folder(out) as folder:
        missing = plots.write(folder, evaluation, cases)
        evaluation = replace(evaluation, notes=(*evaluation.notes, *missing))
        (folder / result.FILE).write_bytes(result.encode(evaluation))
        (folder / "table.md").write_text(table(evaluation), encoding="utf-8")
        (folder / "card.md").write_text(card(evaluation), encoding="utf-8")
        if more is not None:
            more(folder)
    return evaluation
