"""From a patient to the numbers and codes that the network takes, as the contract orders them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract
from ecg2lab.patient import OutOfRange, Patient

Features = _core.Features
"""Inputs of the static branch, missing flags among them where the contract has any, and what stood in for what."""
Encode = Callable[[Patient], Features]
"""`encode` for one contract, with one rule for what is out of range."""


def encode(patient: Patient, contract: Contract, out_of_range: OutOfRange = "refuse") -> Features:
    """Check a patient against the contract, order its facts, and impute what is missing.

    Parameters
    ----------
    patient, contract
        The facts, and what the model wants of them.
    out_of_range
        "impute": a number outside its range counts as not given, as in training, if there is a substitute for it.

    Raises
    ------
    PatientError
        If numbers are outside their range, words are unknown, the patient is outside the intended population, or values
        are missing for which the contract has no substitute; all such values are named.
    """
    numbers, words = patient.numbers_and_words()
    return _core.encode(numbers, words, contract.native, out_of_range == "impute")


def with_missing_flags(
    continuous: NDArray[np.floating[Any]],
    categorical: NDArray[np.integer[Any]],
    missing: NDArray[Any],
    contract: Contract,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Append the missing flags to the input that the contract has them in, if it has any.

    Parameters
    ----------
    continuous
        (…, features) nothing missing any more.
    categorical
        (…, categories) codes.
    missing
        (…, features) of the continuous ones: 1 where a stand-in took the place of a missing value.
    contract
        Of the model.

    Returns
    -------
    continuous, categorical
        As `contract.static_inputs` names their columns.
    """
    if contract.missing_flags == "continuous":
        continuous = np.concatenate([continuous, missing], axis=-1)
    elif contract.missing_flags == "categorical":
        categorical = np.concatenate([categorical, missing], axis=-1)
    return continuous.astype(np.float32), categorical.astype(np.int64)
