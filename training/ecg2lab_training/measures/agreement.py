"""Agreement of probabilities with labels: calibration intercept and slope, with intervals over patients.

- Intercept, or calibration in the large: a in logit(P) = a + logit(p). Above 0, probabilities are too low on average.
- Slope: b in logit(P) = a' + b · logit(p). Below 1, probabilities are too extreme, as from a model that is overfitted.

Cox 1958, Biometrika 45(3/4) 562-565; van Calster et al. 2016, J Clin Epidemiol 74, 167-176, doi
10.1016/j.jclinepi.2015.12.005; van Calster et al. 2025, Lancet Digital Health 7(12) 100916.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import bootstrap, logistic
from ecg2lab_training.measures.bootstrap import Draws, Estimate
from ecg2lab_training.measures.logistic import Cases, Regression

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
LEAST_OF_CLASS = 10
"""Positives, and negatives, that a target must have: ten for the one number that the intercept is."""


class Agreement(NamedTuple):
    """Of one target."""

    positives: int
    negatives: int
    intercept: Estimate
    """0 if probabilities are right on average."""
    slope: Estimate | None
    """1 if they are neither too extreme nor too moderate; None if the classes are separated or all p the same."""


def measure(
    probabilities: Numbers, labels: Numbers, draws: Draws, least: int = LEAST_OF_CLASS
) -> list[Agreement | None]:
    """Measure the calibration intercept and slope of every target, on the same rounds of one bootstrap.

    Parameters
    ----------
    probabilities
        (N, n); kept inside [1e-9, 1 - 1e-9].
    labels
        (N, n): 0, 1, or NaN where unknown.
    draws
        From `bootstrap.plan`.
    least
        Positives, and negatives, below which a target has no agreement.

    Returns
    -------
    list
        For each target; None where a class has fewer cases than `least`, or all probabilities are 0 or 1 and right.
    """
    columns = zip(probabilities.T, labels.T, strict=True)
    targets = [logistic.cases(p, y, least) for p, y in columns]
    pairs = [(_intercept(own), _slope(own)) if own else (None, None) for own in targets]
    rounds = iter(logistic.refit([one for pair in pairs for one in pair if one], draws))
    estimates = [[_estimate(one, next(rounds)) if one else None for one in pair] for pair in pairs]
    return [_agreement(own, *pair) if own else None for own, pair in zip(targets, estimates, strict=True)]


def _intercept(own: Cases) -> Regression | None:
    return logistic.fit(own, np.ones((own.logits.size, 1)), own.logits, (0.0,))


def _slope(own: Cases) -> Regression | None:
    return logistic.fit(own, logistic.line(own.logits), np.zeros_like(own.logits), (0.0, 1.0))


def _estimate(one: Regression, rounds: Array) -> Estimate:
    """The last coefficient: of the slope's regression that is the slope."""
    return Estimate(float(one.coefficients[-1]), bootstrap.interval(rounds[:, -1]))


def _agreement(own: Cases, intercept: Estimate | None, slope: Estimate | None) -> Agreement | None:
    positives = int(own.positive.sum())
    return None if intercept is None else Agreement(positives, own.positive.size - positives, intercept, slope)
