"""Whom a set of records is of, and how two populations differ."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab_training.evaluation.result import NumberSummary, Population

_CARD_BLOCK = re.compile(r"```json training-population\n(.*?)\n```", re.DOTALL)


def summarise(
    contract: Contract,
    continuous: NDArray[np.float64],
    categorical: NDArray[np.int64],
    labels: NDArray[np.floating[Any]],
) -> Population:
    """Summarise records: quartiles, missing shares, categories, prevalences.

    Parameters
    ----------
    contract
        Names of the columns.
    continuous
        (N, features), NaN: missing.
    categorical
        (N, features) codes, -1: missing.
    labels
        (N, targets): 0, 1, NaN.
    """
    numbers = zip(contract.continuous, continuous.T, strict=True)
    categories = zip(contract.categorical, categorical.T, strict=True)
    return Population(
        records=len(labels),
        numbers={feature.name: _number(values) for feature, values in numbers},
        categories={feature.name: _shares(codes, feature.categories) for feature, codes in categories},
        prevalences={name: _prevalence(y) for name, y in zip(contract.target_names, labels.T, strict=True)},
    )


def _number(values: NDArray[np.float64]) -> NumberSummary:
    present = values[~np.isnan(values)]
    low, middle, high = np.quantile(present, (0.25, 0.5, 0.75)) if present.size else (0.0, 0.0, 0.0)
    quartiles = (_brief(low), _brief(middle), _brief(high)) if present.size else None
    return NumberSummary(quartiles=quartiles, missing=_brief(1 - present.size / values.size))


def _shares(codes: NDArray[np.int64], categories: tuple[str, ...]) -> dict[str, float]:
    present = codes[codes >= 0]
    shares = {name: _brief((present == code).mean()) for code, name in enumerate(categories)} if present.size else {}
    return {**shares, "missing": _brief(1 - present.size / codes.size)}


def _prevalence(labels: NDArray[np.floating[Any]]) -> float | None:
    present = labels[~np.isnan(labels)]
    return _brief(present.mean()) if present.size else None


def _brief(value: float | np.floating[Any]) -> float:
    """Four decimals: a summary must not lead back to a patient."""
    return round(float(value), 4)


def to_card(population: Population) -> str:
    """Block of a model card that `from_card` reads."""
    return f"```json training-population\n{msgspec.json.encode(population).decode()}\n```"


def from_card(card: str) -> Population | None:
    """Training population of a model card; None if the card states none.

    Raises
    ------
    DatasetError
        If the block is damaged.
    """
    block = _CARD_BLOCK.search(card)
    if block is None:
        return None
    try:
        return msgspec.json.decode(block[1], type=Population)
    except msgspec.DecodeError as error:
        raise DatasetError(f"the training population in the model card is damaged: {error}") from None


def differences_of_medians(contract: Contract, here: Population) -> tuple[str, ...]:
    """Sentences on numbers whose training median, which the contract has, lies outside the quartiles here."""
    notes = []
    for feature in contract.continuous:
        now, median = here.numbers.get(feature.name), feature.median
        if median is not None and now and now.quartiles and not now.quartiles[0] <= median <= now.quartiles[2]:
            notes.append(f"{feature.name}: median {now.quartiles[1]:.4g}, in training {median:.4g}")
    return tuple(notes)


def differences(training: Population, here: Population) -> tuple[str, ...]:
    """Sentences on what differs much, most telling first in each kind; none: nothing differs much.

    Much is: a median outside the other's quartiles; a missing share or a category's share apart by 0.10 or more; a
    prevalence that is more than twice or less than half. Shares and prevalences must differ by three standard errors
    as well, so that few records do not raise an alarm by chance.
    """
    return (
        *_numbers(training, here),
        *_categories(training, here),
        *_prevalences(training, here),
    )


def _numbers(training: Population, here: Population) -> list[str]:
    notes = []
    for name, then in training.numbers.items():
        now = here.numbers.get(name)
        if now is None:
            continue
        if then.quartiles and now.quartiles and not then.quartiles[0] <= now.quartiles[1] <= then.quartiles[2]:
            low, _, high = then.quartiles
            notes.append(
                f"{name}: median {now.quartiles[1]:.4g}; in training half lay between {low:.4g} and {high:.4g}"
            )
        if abs(now.missing - then.missing) >= 0.1 and _beyond_chance(now.missing, then.missing, here):
            notes.append(f"{name}: missing in {now.missing:.0%} of the records, in training in {then.missing:.0%}")
    return notes


def _categories(training: Population, here: Population) -> list[str]:
    notes = []
    for name, shares in training.categories.items():
        for category, then in shares.items():
            now = here.categories.get(name, {}).get(category, 0.0)
            if abs(now - then) >= 0.1 and _beyond_chance(now, then, here):
                notes.append(f"{name} {category}: {now:.0%} of the records, in training {then:.0%}")
    return notes


def _prevalences(training: Population, here: Population) -> list[str]:
    notes = []
    for name, then in training.prevalences.items():
        now = here.prevalences.get(name)
        if now is None or then is None or then / 2 <= now <= then * 2:
            continue
        if _beyond_chance(now, then, here):
            notes.append(f"{name}: prevalence {now:.1%}, in training {then:.1%}")
    return notes


def _beyond_chance(now: float, then: float, here: Population) -> bool:
    """Whether two shares differ by three standard errors of the records here, and by more than one record."""
    error = math.sqrt(max(now * (1 - now), then * (1 - then)) / here.records)
    return abs(now - then) > max(3 * error, 1 / here.records)
