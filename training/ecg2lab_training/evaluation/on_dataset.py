"""A model asked about the recordings of a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab_export.experience import Space
from ecg2lab_training.data import imputation
from ecg2lab_training.data.dataset import Dataset, Part
from ecg2lab_training.evaluation import last_values
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.subject import Outputs, Subject
from ecg2lab_training.measures import experience
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.measures.platt import sigmoid
from ecg2lab_training.progress import Progress, silent

_RECORDS = 64  # asked at once


def ask(
    subject: Subject, dataset: Dataset, part: Part, progress: Progress = silent, space: Space | None = None
) -> Cases:
    """Ask a model about one part of a data set.

    What is missing is imputed with the model's medians, not with those of the data set.

    Parameters
    ----------
    subject
        The model.
    dataset
        With at least one of the model's targets.
    part
        "validation" or "test"; "train" holds what the model has seen.
    progress
        Told after each batch of recordings.
    space
        Of features, that distances are measured from; None: they are not.

    Raises
    ------
    DatasetError
        If the part is empty, or the data set does not fit the model (`require_fit`).
    """
    require_fit(subject.contract, dataset)
    rows = dataset.rows(part)
    continuous, categorical = imputation.fill(dataset, subject.contract)
    windows, distances = [], []
    for start in range(0, len(rows), _RECORDS):
        chosen = rows[start : start + _RECORDS]
        signals = np.asarray(dataset.signals[chosen])
        logits, features = _each_window(subject, signals, continuous[chosen], categorical[chosen])
        windows.append(sigmoid(logits.astype(np.float64)))
        if space is not None and features is not None:
            distances.append(Distances.of(space, features))
        progress(min(start + _RECORDS, len(rows)), len(rows), "recordings")
    column_of = places(subject.contract, dataset.contract)
    return Cases(
        windows=np.concatenate(windows),
        labels=columns(dataset.labels[rows], column_of).astype(np.float32),
        patient_id=dataset.patient_id[rows],
        continuous=dataset.continuous[rows],
        categorical=dataset.categorical[rows],
        ideal=None if dataset.ideal is None else columns(dataset.ideal[rows], column_of),
        last=last_values.of_data_set(dataset, rows, column_of),
        distances=Distances.join(distances) if distances else None,
    )


def training_features(subject: Subject, dataset: Dataset) -> NDArray[np.floating[Any]]:
    """Features of at most `experience.MOST_RECORDINGS` of the training folds, one window of each: (N, F).

    Raises
    ------
    DatasetError
        If there are no training folds, they do not fit the model, or it gives no features.
    """
    require_fit(subject.contract, dataset)
    rows = experience.evenly(dataset.rows("train"))
    continuous, categorical = imputation.fill(dataset, subject.contract)
    length = subject.contract.signal.window_samples
    starts = np.arange(len(rows)) % (dataset.signals.shape[2] // length) * length
    found = []
    for first in range(0, len(rows), _RECORDS):
        part = slice(first, first + _RECORDS)
        pairs = zip(rows[part], starts[part], strict=True)
        signals = np.stack([dataset.signals[row, :, start : start + length] for row, start in pairs])
        features = subject.outputs(signals, continuous[rows[part]], categorical[rows[part]])[1]
        if features is None:
            raise DatasetError("the model gives no features: it was exported by an older ecg2lab; export it again")
        found.append(features)
    return np.concatenate(found)


def _each_window(
    subject: Subject, signals: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
) -> Outputs:
    """(B, leads, samples) → (B, W, n) and (B, W, F); a remainder shorter than a window is left out."""
    length = subject.contract.signal.window_samples
    starts = range(0, signals.shape[2] - length + 1, length)
    crops = (np.ascontiguousarray(signals[:, :, start : start + length]) for start in starts)
    logits, features = zip(*(subject.outputs(crop, continuous, categorical) for crop in crops), strict=True)
    return np.stack(logits, axis=1), None if features[0] is None else np.stack(features, axis=1)


def require_fit(contract: Contract, dataset: Dataset) -> None:
    """Check that a data set holds what a model wants, prepared as it wants it.

    Raises
    ------
    DatasetError
        Naming the first thing that differs: signal, preprocessing, features, or no target in common.
    """
    other = dataset.contract
    pairs = {
        "signal (leads, sampling rate, window)": (contract.signal, other.signal),
        "preprocessing": (contract.preprocessing, other.preprocessing),
        "features": (contract.feature_names, other.feature_names),
        "categories": ([f.categories for f in contract.categorical], [f.categories for f in other.categorical]),
    }
    for what, (own, theirs) in pairs.items():
        if own != theirs:
            raise DatasetError(f"the data set does not fit the model: {what}: {theirs}, the model wants {own}")
    if not set(contract.target_names) & set(other.target_names):
        raise DatasetError(
            f"the data set has none of the model's targets, such as {contract.target_names[0]!r}; "
            f"it has {', '.join(other.target_names[:3])} …"
        )


def differences(contract: Contract, dataset: Dataset) -> tuple[str, ...]:
    """What a reader must know where targets of model and data set differ, in sentences."""
    theirs = {target.name: target for target in dataset.contract.targets}
    notes = [f"target {name}: the data set has no such label" for name in contract.target_names if name not in theirs]
    notes += [f"target {name}: the model does not have it" for name in theirs if name not in contract.target_names]
    for target in contract.targets:
        other = theirs.get(target.name)
        if other is not None and other.criterion != target.criterion:
            notes.append(f"target {target.name}: the model means {target.criterion}, the data set {other.criterion}")
    return tuple(notes)


def places(contract: Contract, data: Contract) -> list[int | None]:
    """Column of the data set for each target of the model; None: it has none."""
    column = {name: index for index, name in enumerate(data.target_names)}
    return [column.get(name) for name in contract.target_names]


def columns(values: NDArray[np.floating[Any]], places: list[int | None]) -> Array:
    """Pick columns, NaN where there is none: (N, …) → (N, n)."""
    nothing = np.full(len(values), np.nan)
    return np.stack([nothing if place is None else values[:, place] for place in places], axis=1).astype(np.float64)
