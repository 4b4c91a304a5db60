"""What stands in for a missing value: medians of the training folds, which go into the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab.contract import CategoricalFeature, ContinuousFeature, Contract
from ecg2lab.errors import DatasetError
from ecg2lab.patient.features import with_missing_flags
from ecg2lab_training.data.dataset import Dataset

Values = TypeVar("Values", NDArray[np.float64], NDArray[np.int64])


def learn(dataset: Dataset) -> Contract:
    """Return the data set's contract with medians and missing codes of its training folds.

    Raises
    ------
    DatasetError
        If a feature is missing in every training record.
    """
    rows = dataset.rows("train")
    contract = dataset.contract
    continuous = (
        replace(feature, median=_median(feature, dataset.continuous[rows, column]))
        for column, feature in enumerate(contract.continuous)
    )
    categorical = (
        replace(feature, missing_code=_median_code(feature, dataset.categorical[rows, column]))
        for column, feature in enumerate(contract.categorical)
    )
    return replace(contract, continuous=tuple(continuous), categorical=tuple(categorical))


def _median(feature: ContinuousFeature, values: NDArray[np.float64]) -> float:
    return float(np.median(_present(feature, values, ~np.isnan(values))))


def _median_code(feature: CategoricalFeature, codes: NDArray[np.int64]) -> int:
    """Code in the middle; the lower one of two, for a median must be a category."""
    return int(np.quantile(_present(feature, codes, codes >= 0), 0.5, method="lower"))


def _present(feature: ContinuousFeature | CategoricalFeature, values: Values, present: NDArray[np.bool_]) -> Values:
    if not present.any():
        raise DatasetError(f"feature {feature.name!r} is missing in every training record")
    return values[present]


def only(dataset: Dataset, features: Collection[str]) -> Dataset:
    """Return the data set as if no other features were known of the patients."""
    kinds = dataset.contract.continuous, dataset.contract.categorical
    numbers, words = ([feature.name not in features for feature in kind] for kind in kinds)
    continuous, categorical = dataset.continuous.copy(), dataset.categorical.copy()
    continuous[:, numbers] = np.nan
    categorical[:, words] = -1
    return dataclasses.replace(dataset, continuous=continuous, categorical=categorical)


def count_missing(continuous: NDArray[np.float64], categorical: NDArray[np.int64]) -> NDArray[np.int64]:
    """Features that are not known of each record: (N, features) NaN, (N, features) -1 → (N)."""
    return np.isnan(continuous).sum(axis=1) + (categorical < 0).sum(axis=1)


def fill(dataset: Dataset, contract: Contract) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of all records with the contract's stand-ins for what is missing.

    Returns
    -------
    continuous
        (records, features) float32.
    categorical
        (records, features) codes.
    """
    medians = np.array([f.median for f in contract.continuous], dtype=np.float64)
    codes = np.array([f.missing_code for f in contract.categorical], dtype=np.int64)
    missing = np.isnan(dataset.continuous)
    continuous = np.where(missing, medians, dataset.continuous)
    categorical = np.where(dataset.categorical < 0, codes, dataset.categorical)
    return with_missing_flags(continuous, categorical, missing, contract)
