"""Simulated patients alone: the ideal observer beside the model, and labels that must not be predictable."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import Estimate, number
from ecg2lab_training.evaluation.result import Ideal, Nowhere
from ecg2lab_training.measures import bootstrap, curves

Array = NDArray[np.float64]


class Observed:
    """Areas of the ideal observer and of the model, in the same rounds."""

    def __init__(self, cases: Cases, model_rounds: Array, draws: bootstrap.Draws) -> None:
        """Measure both on the records where the ideal observer has an answer."""
        if cases.ideal is None:
            raise TypeError("these cases have no ideal observer")
        labels = np.where(np.isnan(cases.ideal), np.nan, cases.labels)
        same = np.array_equal(labels, cases.labels, equal_nan=True)
        scores = cases.probabilities()
        self.model = curves.per_target(scores, labels)
        self.ideal = curves.per_target(cases.ideal, labels)
        self.model_rounds = model_rounds if same else bootstrap.areas(scores, labels, draws)
        self.ideal_rounds = bootstrap.areas(cases.ideal, labels, draws)

    def gap(self, column: int) -> Estimate:
        """Ideal observer less model, for one target."""
        rounds = self.ideal_rounds[:, column] - self.model_rounds[:, column]
        return Estimate.of(float(self.ideal[column] - self.model[column]), rounds)


def compare(observed: Observed, names: tuple[str, ...], planted: Mapping[str, str]) -> Ideal:
    """Summarise over the targets planted in the ECG, and check those planted nowhere.

    Parameters
    ----------
    observed
        Areas by target.
    names
        Of the targets.
    planted
        Target → "ecg", "tabular" or "nowhere".
    """
    both = ~np.isnan(observed.model) & ~np.isnan(observed.ideal)
    chosen = both & np.array([planted.get(name) == "ecg" for name in names])
    rounds = bootstrap.macro(observed.ideal_rounds[:, chosen]) - bootstrap.macro(observed.model_rounds[:, chosen])
    model, ideal = curves.macro(observed.model[chosen]), curves.macro(observed.ideal[chosen])
    nowhere = [column for column, name in enumerate(names) if planted.get(name) == "nowhere"]
    checks = tuple(_check(observed, column, names[column], len(nowhere)) for column in nowhere)
    verdicts = [check.contains_half for check in checks if check.contains_half is not None]
    return Ideal(
        targets=int(chosen.sum()),
        macro_model=number(model),
        macro_ideal=number(ideal),
        macro_gap=Estimate.of(ideal - model, rounds),
        nowhere=checks,
        nowhere_contains_half=all(verdicts) if verdicts else None,
    )


def _check(observed: Observed, column: int, name: str, family: int) -> Nowhere:
    """Interval at 1 - 0.05/family, from the bootstrap's standard error.

    A percentile that far out in the tail would rest on a handful of rounds; the error of an AUROC is nearly normal.
    """
    rounds = observed.model_rounds[:, column]
    rounds = rounds[~np.isnan(rounds)]
    value = observed.model[column]
    if np.isnan(value) or rounds.size < 2:
        return Nowhere(target=name, low=None, high=None, contains_half=None)
    half = NormalDist().inv_cdf(1 - 0.025 / family) * float(rounds.std(ddof=1))
    low, high = float(value - half), float(value + half)
    return Nowhere(target=name, low=low, high=high, contains_half=low <= 0.5 <= high)
