"""From a patient to the numbers and codes that the network takes, as the contract orders them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.contract import CategoricalFeature, ContinuousFeature, Contract
from ecg2lab.errors import PatientError
from ecg2lab.patient import Patient


class Features(NamedTuple):
    """Inputs of the static branch, missing flags among them where the contract has any."""

    continuous: NDArray[np.float32]  # (columns)
    categorical: NDArray[np.int64]  # (columns)
    imputed: dict[str, float | str]
    """Features that were not given, with what stood in for them."""
    unused: tuple[str, ...]
    """Facts that were given and that the contract does not want."""


def encode(patient: Patient, contract: Contract) -> Features:
    """Check a patient against the contract, order its facts, and impute what is missing.

    Raises
    ------
    PatientError
        If a value is outside its range or unknown, the patient is outside the intended population, or a value is
        missing for which the contract has no substitute; all such values are named.
    """
    _check_population(patient, contract)
    known = _derived(patient)
    numbers = np.array([_number(known.get(f.name), f) for f in contract.continuous], dtype=np.float32)
    codes = np.array([_code(known.get(f.name), f) for f in contract.categorical], dtype=np.int64)
    medians = np.array([np.nan if f.median is None else f.median for f in contract.continuous], dtype=np.float32)
    substitutes = [-1 if f.missing_code is None else f.missing_code for f in contract.categorical]

    numbers, number_imputed, number_impossible = _core.impute_continuous(numbers, medians)
    codes, code_imputed, code_impossible = _core.impute_categorical(codes, np.array(substitutes, dtype=np.int64))

    impossible = [contract.continuous[i].name for i in number_impossible]
    impossible += [contract.categorical[i].name for i in code_impossible]
    if impossible:
        raise PatientError(
            f"missing input{'s' if len(impossible) > 1 else ''}: {', '.join(impossible)} "
            "(this model has no substitutes for missing values: give them all)"
        )
    imputed: dict[str, float | str] = {}
    for number, flag in zip(contract.continuous, number_imputed, strict=True):
        if flag and number.median is not None:
            imputed[number.name] = number.median
    for category, code, flag in zip(contract.categorical, codes, code_imputed, strict=True):
        if flag:
            imputed[category.name] = category.categories[code]
    numbers, codes = with_missing_flags(numbers, codes, number_imputed, contract)
    return Features(numbers, codes, imputed, _unused(patient, contract))


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


def _check_population(patient: Patient, contract: Contract) -> None:
    youngest = contract.population.minimum_age
    if patient.age is not None and 0 <= patient.age < youngest:
        raise PatientError(f"this model is for patients of {youngest:g} years and older")


_SOURCES = {"temperature_c": "temperature_f", "height_cm": "bmi", "weight_kg": "bmi"}
"""Facts from which a feature of another name can follow."""


def _unused(patient: Patient, contract: Contract) -> tuple[str, ...]:
    wanted = contract.feature_names
    return tuple(name for name in patient.given() if name not in wanted and _SOURCES.get(name) not in wanted)


def _derived(patient: Patient) -> dict[str, float | str]:
    known: dict[str, float | str] = patient.given()
    if patient.temperature_c is not None:
        known["temperature_f"] = patient.temperature_c * 9 / 5 + 32
    height, weight = patient.height_cm, patient.weight_kg
    # below a centimetre the square may vanish; the height is refused by its own range
    if patient.bmi is None and height is not None and weight is not None and height > 1:
        known["bmi"] = weight / (height / 100) ** 2
    return known


def _number(value: float | str | None, feature: ContinuousFeature) -> float:
    if value is None:
        return float("nan")
    number = float(value)
    if not feature.minimum <= number <= feature.maximum:
        hint = " (°C is temperature_c, °F is temperature_f)" if feature.name == "temperature_f" else ""
        raise PatientError(f"{feature.name} is outside {feature.minimum:g} to {feature.maximum:g} {feature.unit}{hint}")
    code = feature.top_code
    return code.value if code and number > code.above else number


def _code(value: float | str | None, feature: CategoricalFeature) -> int:
    if value is None:
        return -1
    if value not in feature.categories:
        raise PatientError(f"{feature.name} must be one of {', '.join(feature.categories)}")
    return feature.categories.index(str(value))
