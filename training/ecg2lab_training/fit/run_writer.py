"""The RUN folder: what a training run leaves behind.

model.safetensors         weights of the best epoch, in the key names of the published checkpoint
contract.json             the data set's contract with medians of the training folds, calibrations and thresholds of the
                          validation fold, and what these are worth in the test fold
experience.safetensors    mean and whitening of the features of the training folds; absent where the validation fold has
                          fewer than 99 patients
run.json                  configuration, data set's digest and measured AUROC
metrics.csv               loss and validation AUROC after each epoch
logs/                     the same and more, for TensorBoard and as CSV
calibration.safetensors   labelled windows of the validation fold, on which export measures a reduced precision; absent
                          where the fold has fewer than 16 records
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab_export.checkpoint.run_folder import CALIBRATION_FILE, CONTRACT_FILE, RECORD_FILE, WEIGHTS_FILE
from ecg2lab_export.experience import FILE as EXPERIENCE_FILE
from ecg2lab_export.experience import Space, encode
from ecg2lab_export.network import cardiolab
from ecg2lab_export.precision import calibration
from ecg2lab_export.precision.calibration import CalibrationSet
from ecg2lab_training.data import imputation
from ecg2lab_training.data.crops import Recordings
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.files import indented
from ecg2lab_training.fit.answers import training_features, window_answers
from ecg2lab_training.fit.config import Config
from ecg2lab_training.measures import curves, decisions, experience, operating_points
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.network.model import FusionModel

if TYPE_CHECKING:
    from ecg2lab_training.fit.learner import Learner

METRICS_FILE = "metrics.csv"
_CALIBRATION_WINDOWS = 512


class TargetMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Of one target; None where the fold has no positive or no negative."""

    auroc_validation: float | None
    auroc_test: float | None
    positives_test: int
    negatives_test: int


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Window-averaged probabilities in fold 18 (validation) and fold 19 (test)."""

    macro_auroc_validation: float | None
    macro_auroc_test: float | None
    best_epoch: int
    targets: dict[str, TargetMetrics]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """run.json."""

    schema_version: Literal[1] = 1
    statement: str
    """What the run is, in plain words."""
    synthetic_weights: bool
    """Whether it was trained on simulated patients."""
    training_data: str
    dataset_sha256: str
    config: Config
    metrics: Metrics


def write_run(folder: Path, config: Config, dataset: Dataset, learner: Learner) -> Run:
    """Test the best model and write everything about it."""
    model = learner.restore_best()
    validation, test = Recordings(dataset, "validation"), Recordings(dataset, "test")
    space = experience.learn(training_features(model, Recordings(dataset, "train")))
    chosen, measured = _ask(model, dataset, validation, space), _ask(model, dataset, test, space)
    contract = _contract(config, dataset, space, chosen, measured)
    metrics = _metrics(contract, learner.best_epoch, _scored(chosen), _scored(measured))
    run = Run(
        statement=_statement(dataset, metrics),
        synthetic_weights=dataset.description.synthetic,
        training_data=dataset.description.description,
        dataset_sha256=dataset.digest,
        config=config,
        metrics=metrics,
    )
    cardiolab.write(model.to_network(), folder / WEIGHTS_FILE)
    (folder / CONTRACT_FILE).write_bytes(contracts.encode(contract))
    if contract.experience:
        (folder / EXPERIENCE_FILE).write_bytes(encode(space))
    (folder / RECORD_FILE).write_bytes(indented(run))
    _write_history(folder / METRICS_FILE, learner.history)
    if len(validation) >= calibration.FEWEST_WINDOWS:
        calibration.write(folder / CALIBRATION_FILE, _calibration_set(validation))
    return run


Scored = tuple[NDArray[np.float64], NDArray[np.floating[Any]]]  # (records n) probabilities, labels


def _ask(model: FusionModel, dataset: Dataset, recordings: Recordings, space: Space) -> decisions.Answered:
    """Answers to one part of a data set, in every setting."""
    reduced = Recordings(dataset, recordings.part, decisions.AGE_AND_SEX)
    asked: dict[decisions.Facts, Recordings] = {"all": recordings, "age and sex": reduced}
    windows: dict[decisions.Facts, NDArray[np.float64]] = {}
    distances: dict[decisions.Facts, Distances | None] = {}
    for facts, each in asked.items():
        windows[facts], distances[facts] = window_answers(model, each, space)
    return decisions.answered(windows, recordings.labels, recordings.patient_id, recordings.missing, distances)


def _scored(answers: decisions.Answered) -> Scored:
    main = answers[decisions.main_setting(answers)]
    return main.probabilities, main.labels


def _contract(
    config: Config, dataset: Dataset, space: Space, chosen: decisions.Answered, measured: decisions.Answered
) -> Contract:
    """Medians of the training folds, calibrations and thresholds of the validation fold, figures of the test fold."""
    contract = decisions.calibrate(imputation.learn(dataset), chosen)
    rule = operating_points.parse(config.decide)
    sources = decisions.Sources(dataset.called("validation"), dataset.called("test"))
    contract = decisions.decide(contract, chosen, measured, rule, sources, config.least_cases)
    synthetic = " (simulated patients)" if dataset.description.synthetic else ""
    numbers, called = dataset.continuous[dataset.rows("train")], (dataset.called("train"), dataset.called("validation"))
    reach = experience.of_folds(contract, space, numbers, chosen, *called)
    return replace(contract, name=config.name + synthetic, experience=reach)


def _metrics(contract: Contract, best_epoch: int, validation: Scored, test: Scored) -> Metrics:
    areas_validation, areas_test = curves.per_target(*validation), curves.per_target(*test)
    columns = zip(contract.target_names, areas_validation, areas_test, map(curves.counts, test[1].T), strict=True)
    return Metrics(
        macro_auroc_validation=_rounded(curves.macro(areas_validation)),
        macro_auroc_test=_rounded(curves.macro(areas_test)),
        best_epoch=best_epoch,
        targets={
            name: TargetMetrics(
                auroc_validation=_rounded(area_validation),
                auroc_test=_rounded(area_test),
                positives_test=positives,
                negatives_test=negatives,
            )
            for name, area_validation, area_test, (positives, negatives) in columns
        },
    )


def _calibration_set(recordings: Recordings) -> CalibrationSet:
    """The first window of each recording, or of evenly spaced ones where there are more than 512.

    One window of each, because a second one of the same patient tells little about the order of patients.
    """
    count = min(len(recordings), _CALIBRATION_WINDOWS)
    rows = np.linspace(0, len(recordings) - 1, count).round().astype(int).tolist()
    first = recordings.windows(rows)[0]
    signal, continuous, categorical, labels = (tensor.numpy() for tensor in first)
    return CalibrationSet(
        signal.astype(np.float32),
        continuous.astype(np.float32),
        categorical.astype(np.int64),
        labels.astype(np.float32),
        "validation fold",
    )


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def _statement(dataset: Dataset, metrics: Metrics) -> str:
    area = metrics.macro_auroc_test
    tested = sum(target.auroc_test is not None for target in metrics.targets.values())
    measured = "not one target" if area is None else f"macro AUROC {area:.3f} over {tested} targets"
    data = "simulated patients: synthetic weights" if dataset.description.synthetic else "patients"
    return f"Trained on {data}. Tested on patients held out: {measured}. Not for clinical use."


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, fieldnames=list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
