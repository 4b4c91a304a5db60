"""From a patient to the numbers and codes that the network takes, in the contract's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract
from ecg2lab.patient import OutOfRange, Patient

Features = _core.Features
"""Inputs of the static branch, including missing flags if the contract has any, and which values were imputed."""
Encode = Callable[[Patient], Features]
"""`encode` with fixed `contract` and `out_of_range`."""


def encode(patient: Patient, contract: Contract, out_of_range: OutOfRange = "refuse") -> Features:
    """Check a patient against the contract, order its facts, and impute what is missing.

    Parameters
    ----------
    patient, contract
        The facts, and the contract of the model.
    out_of_range
        "impute": treat a number outside its range as not given, as in training, if the contract has a substitute.

    Raises
    ------
    PatientError
        If numbers are outside their range, words are unknown, the patient is outside the intended population, or values
        are missing for which the contract has no substitute; the message names all of them.
    """
    numbers, words = patient.numbers_and_words()
    return _core.encode(numbers, words, contract.native, out_of_range == "impute")


def with_missing_flags(
    continuous: NDArray[np.floating[Any]],
    categorical: NDArray[np.integer[Any]],
    missing: NDArray[Any],
    contract: Contract,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Append the missing flags to the input where the contract has them, if it has any.

    Parameters
    ----------
    continuous
        (…, features) with missing values already imputed.
    categorical
        (…, categories) codes.
    missing
        (…, features) 1 where a continuous value was missing and imputed.
    contract
        Of the model.

    Returns
    -------
    continuous, categorical
        With the columns that `contract.static_inputs` names.
    """
    if contract.missing_flags == "continuous":
        continuous = np.concatenate([continuous, missing], axis=-1)
    elif contract.missing_flags == "categorical":
        categorical = np.concatenate([categorical, missing], axis=-1)
    return continuous.astype(np.float32), categorical.astype(np.int64)
