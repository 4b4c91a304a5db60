"""The baseline to beat: gradient boosting on the tabular features, without the ECG.

One classifier for each target, trained on folds 0-17 of the data set; a missing value is seen as missing. If the model
is no better than this, its ECG branch adds nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.data.dataset import Dataset, Part
from ecg2lab_training.progress import Progress, silent

Array = NDArray[np.float64]
_FEW_RECORDS = 50_000
SETTINGS: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
"""Small trees and few of them: most labels have few positives, and the time stays bounded."""
DESCRIPTION = (
    f"scikit-learn HistGradientBoostingClassifier on the tabular features, {SETTINGS['max_iter']} trees of at most "
    f"{SETTINGS['max_leaf_nodes']} leaves for each target, trained on folds 0-17"
)


def scores(dataset: Dataset, part: Part = "test", progress: Progress = silent) -> Array:
    """Train one classifier per target and ask it about a part of the data set.

    Parameters
    ----------
    dataset
        With training folds.
    part
        Whom to ask about.
    progress
        Told after each target.

    Returns
    -------
    ndarray (records, targets)
        Probabilities, in the data set's order of targets; NaN for a target whose training labels have one class only.

    Raises
    ------
    DatasetError
        If either part is empty.
    """
    train, asked = dataset.rows("train"), dataset.rows(part)
    x, is_category = _table(dataset)
    answers = np.full((len(asked), dataset.labels.shape[1]), np.nan)
    with _threads(len(train)):
        for column, labels in enumerate(dataset.labels[train].T):
            labelled = ~np.isnan(labels)
            if 0 < labels[labelled].sum() < labelled.sum():
                answers[:, column] = _train(x[train][labelled], labels[labelled], is_category).predict_proba(x[asked])[
                    :, 1
                ]
            progress(column + 1, dataset.labels.shape[1], "baselines")
    return answers


def _threads(records: int) -> AbstractContextManager[Any]:
    """One thread for a small data set: its loops are so short that threads mostly wait for each other."""
    import sklearn.ensemble  # type: ignore[import-untyped, unused-ignore]  # noqa: F401  # its threads must be there to be limited
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]  # scikit-learn needs it

    return threadpool_limits(1 if records < _FEW_RECORDS else None, user_api="openmp")


def _table(dataset: Dataset) -> tuple[Array, list[bool]]:
    """Features side by side, NaN where missing; and which columns are categories."""
    categories = np.where(dataset.categorical < 0, np.nan, dataset.categorical.astype(np.float64))
    is_category = [False] * dataset.continuous.shape[1] + [True] * categories.shape[1]
    return np.concatenate([dataset.continuous, categories], axis=1), is_category


def _train(x: Array, labels: NDArray[np.float32], is_category: list[bool]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped, unused-ignore]

    seen = ~np.isnan(x).all(axis=0)  # a column without any value has nothing to be split by
    x = np.where(seen, x, 0.0)
    return HistGradientBoostingClassifier(categorical_features=is_category, **SETTINGS).fit(x, labels > 0.5)
