"""`ecg2lab evaluate` on a data set: the whole report, written as one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab_export.experience import Space
from ecg2lab_training.data import dataset as datasets
from ecg2lab_training.data import imputation
from ecg2lab_training.data.dataset import Dataset, Part
from ecg2lab_training.evaluation import (
    assess,
    baseline,
    experience,
    forecasts,
    on_dataset,
    plots,
    population,
    result,
)
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.result import Data, Evaluation, Model, Settings
from ecg2lab_training.evaluation.subgroups import groups, window_counts
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.evaluation.table import table
from ecg2lab_training.files import new_folder
from ecg2lab_training.measures import curves, decisions, operating_points
from ecg2lab_training.measures.bootstrap import ROUNDS, Unit
from ecg2lab_training.measures.gate import LEAST_CASES
from ecg2lab_training.measures.operating_points import Rule
from ecg2lab_training.progress import Progress, silent


@dataclass(frozen=True)
class Wishes:
    """What the user asked for."""

    bootstrap: Unit = "patients"
    rounds: int = ROUNDS
    seed: int = 0
    rule: Rule | None = None
    """None: the decisions of the contract."""
    least_cases: int = LEAST_CASES
    """Positives, and negatives, that a new operating point takes."""
    prevalences: Mapping[str, float] = field(default_factory=dict)

    def settings(self, rule: str) -> Settings:
        """What an evaluation says of how it was made; `rule` is that of its decisions."""
        return Settings(bootstrap=self.bootstrap, rounds=self.rounds, seed=self.seed, rule=rule)


class Fitted(NamedTuple):
    """A contract with the calibrations and decisions that are judged."""

    contract: Contract
    calibration_from: str
    rule: str
    """Of the thresholds, and where they were chosen."""
    space: Space | None = None
    """Of features, which the contract has limits of distance from."""
    notes: tuple[str, ...] = ()


def on_data_set(
    subject: Subject, data: Dataset, wishes: Wishes, progress: Progress = silent, fitted: Fitted | None = None
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
    fitted
        What `fit` made; None: it is made here.

    Raises
    ------
    DatasetError
        If the data set does not fit the model or lacks a fold that is needed.
    """
    contract, origin, rule, space, notes = fitted or fit(subject, data, wishes)
    cases = on_dataset.ask(subject, data, "test", progress, space)
    boosted = _baseline(contract, data, progress)
    planted = data.description.planted or {}
    evaluation = judge(
        subject,
        contract,
        cases,
        data=Data(
            kind="data set",
            description=data.description.description,
            synthetic=data.description.synthetic,
            sha256=data.digest,
            part="test fold",
            records=len(cases.labels),
            patients=cases.patients,
        ),
        settings=wishes.settings(rule),
        beside=assess.Beside(boosted, planted, wishes.prevalences, origin),
        training=_training_population(subject, data),
    )
    return replace(evaluation, notes=(*_notes(subject, data, boosted), *notes, *evaluation.notes)), cases


def _notes(subject: Subject, data: Dataset, boosted: Array | None) -> Iterator[str]:
    yield from on_dataset.differences(subject.contract, data)
    if subject.dataset_sha256 not in (None, data.digest):
        yield "the data set is not the one that the run was trained on"
    if boosted is None:
        yield "no tabular baseline: the data set has no training folds"


def judge(
    subject: Subject,
    contract: Contract,
    cases: Cases,
    *,
    data: Data,
    settings: Settings,
    beside: assess.Beside,
    training: result.Population | None,
) -> Evaluation:
    """Measure everything about answers and labels.

    Parameters
    ----------
    subject
        The model.
    contract
        Its contract, with the calibrations and thresholds that are judged.
    cases
        Its answers, and the labels.
    data, settings
        Where the cases are from, and how they are judged.
    beside
        What stands beside the model.
    training
        Whom it was trained on, where that is stated.
    """
    assessment = assess.assess(cases, contract, settings, beside)
    compared, not_compared = groups(cases, contract, settings)
    here = population.summarise(contract, cases.continuous, cases.categorical, cases.labels)
    return Evaluation(
        model=_describe(subject),
        data=data,
        settings=settings,
        overall=assessment.overall,
        targets=assessment.targets,
        groups=compared,
        not_compared=not_compared,
        windows=window_counts(cases, settings),
        outside=experience.share_outside(cases, contract, settings),
        baseline=assessment.baseline,
        ideal=assessment.ideal,
        forecasts=assessment.forecasts,
        training_population=training,
        population=here,
        shift=_shift(subject.contract, training, here),
        notes=(*_without_area(assessment.targets), *_without_last_values(cases, contract, data)),
    )


def fit(subject: Subject, data: Dataset, wishes: Wishes) -> Fitted:
    """Make what the contract lacks, or what the user wants anew; nothing is ever fitted on the test fold.

    Parameters
    ----------
    subject
        The model.
    data
        With a validation fold and a test fold, if anything is to be made.
    wishes
        Rule of new decisions, if any.
    """
    contract = subject.contract
    calibrated = any(target.calibration for target in contract.targets)
    if calibrated and wishes.rule is None:
        return Fitted(contract, "of the model's contract", "of the model's contract", subject.space)
    found = experience.space_of(subject, data)
    chosen, measured = (in_every_setting(subject, data, part, found.space) for part in ("validation", "test"))
    _require_classes(contract, chosen, data.called("validation"))
    contract = contract if calibrated else decisions.calibrate(contract, chosen)
    rule = wishes.rule or operating_points.parse(operating_points.DEFAULT_RULE)
    sources = decisions.Sources(data.called("validation"), data.called("test"))
    decided = decisions.decide(contract, chosen, measured, rule, sources, wishes.least_cases)
    reach = experience.on_data_set(contract, data, found, chosen)
    return Fitted(
        replace(decided, experience=reach.experience),
        "of the model's contract" if calibrated else "fitted here on the validation fold",
        f"{rule} on the validation fold",
        found.space if reach.experience else None,
        () if reach.note is None else (reach.note,),
    )


def _require_classes(contract: Contract, chosen: decisions.Answered, where: str) -> None:
    """Refuse a calibration set in which nothing can be calibrated."""
    labels = chosen[decisions.main_setting(chosen)].labels
    counted = [curves.counts(y) for y in labels.T]
    if not any(min(counts) for counts in counted):
        positives, negatives = counted[0]
        raise DatasetError(
            f"nothing can be decided on {where}: not one target has both classes there; {contract.target_names[0]} has "
            f"{positives} positives and {negatives} negatives"
        )


def in_every_setting(subject: Subject, data: Dataset, part: Part, space: Space | None = None) -> decisions.Answered:
    """Answers of a model to one part of a data set, with all facts and with age and sex alone."""
    cases = on_dataset.ask(subject, data, part, space=space)
    reduced = on_dataset.ask(subject, imputation.only(data, decisions.AGE_AND_SEX), part, space=space)
    return cases.answered(reduced)


def _baseline(contract: Contract, data: Dataset, progress: Progress) -> Array | None:
    """Scores of the baseline in the model's order of targets; None without training folds."""
    if not (data.fold < datasets.VALIDATION_FOLD).any():
        return None
    places = on_dataset.places(contract, data.contract)
    return on_dataset.columns(baseline.scores(data, "test", progress), places)


def _training_population(subject: Subject, data: Dataset) -> result.Population | None:
    """Whom the model was trained on: from the training folds of its own data set, or from its card."""
    if subject.dataset_sha256 != data.digest:
        return subject.training_population
    rows = data.rows("train")
    places = on_dataset.places(subject.contract, data.contract)
    labels = on_dataset.columns(data.labels[rows], places)
    return population.summarise(subject.contract, data.continuous[rows], data.categorical[rows], labels)


def _shift(contract: Contract, training: result.Population | None, here: result.Population) -> tuple[str, ...]:
    """Sentences on what differs from the training population, and on what is not known of it."""
    if training is not None:
        return population.differences(training, here)
    unknown = "the model does not state its training population; only its medians could be compared"
    return (*population.differences_of_medians(contract, here), unknown)


def _describe(subject: Subject) -> Model:
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


def _without_area(targets: tuple[result.TargetResult, ...]) -> tuple[str, ...]:
    """Sentences on targets that could not be judged."""
    return tuple(
        f"target {t.name}: no AUROC, {t.positives} positives and {t.negatives} negatives"
        for t in targets
        if t.auroc.value is None
    )


def _without_last_values(cases: Cases, contract: Contract, data: Data) -> tuple[str, ...]:
    if cases.last is not None or not forecasts.are_asked(contract).any():
        return ()
    return (f"forecasts against the last value: not measured, {forecasts.NOT_MEASURED[data.kind]}",)


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
