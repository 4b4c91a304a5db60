"""Smooth calibration curve: how often cases of a probability are positive, and how far that is from the probability.

Logistic regression on a restricted cubic spline of logit(p): a curve without bins, straight beyond its outer knots
(Harrell 2015, Regression Modeling Strategies, 2nd ed., sections 2.4.5 and 2.4.6). E_avg, the integrated calibration
index, and E_max: Austin & Steyerberg 2019, Stat Med 38(21) 4051-4065, doi 10.1002/sim.8281.

A curve is drawn from 200 labelled cases on, and its band says how little few of them tell. Van Calster et al. 2016, J
Clin Epidemiol 74, 167-176, doi 10.1016/j.jclinepi.2015.12.005, ask for more: 200 positives and 200 negatives. That is
`of_class=200`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.measures import logistic
from ecg2lab_training.measures.bands import band
from ecg2lab_training.measures.bootstrap import Draws
from ecg2lab_training.measures.logistic import Cases, Regression

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
LEAST = 200
"""Labelled cases that a curve needs, both classes together."""
LEAST_OF_CLASS = 10
"""And cases of the rarer class: five for each coefficient, but the intercept, of a spline with three knots."""
_POINTS = 50
_QUANTILES = {3: (0.1, 0.5, 0.9), 4: (0.05, 0.35, 0.65, 0.95)}  # Harrell's places of the knots
_RARE = 100  # cases of the rarer class from which there are four knots


class CalibrationCurve(NamedTuple):
    """Of one target."""

    grid: Array  # (G) probabilities of the model, from its 1st to its 99th percentile
    frequency: Array  # (G) estimated share of positives at that probability
    low: Array  # (G) lower end of the 95 % interval, of each point by itself
    high: Array  # (G)
    average_error: float
    """E_avg: mean of |frequency - p| over the cases."""
    largest_error: float
    """E_max: the largest of these, at any case: also at those outside the grid."""


class Distribution(NamedTuple):
    """How many cases have which probability."""

    edges: Array  # (bins + 1)
    positives: NDArray[np.int64]  # (bins)
    negatives: NDArray[np.int64]  # (bins)


class _Spline(NamedTuple):
    """One target's curve, before its band."""

    own: Cases
    knots: Array
    regression: Regression

    def frequency(self, logits: Array, coefficients: Array) -> Array:
        """(points), (..., K) → (..., points)."""
        return expit(coefficients @ basis(logits, self.knots).T)


def measure(
    probabilities: Numbers, labels: Numbers, draws: Draws, least: int = LEAST, of_class: int = LEAST_OF_CLASS
) -> list[CalibrationCurve | None]:
    """Draw the curve of every target that has enough cases, on the same rounds of one bootstrap.

    The knots are those of all cases in every round.

    Parameters
    ----------
    probabilities
        (N, n); kept inside [1e-9, 1 - 1e-9].
    labels
        (N, n): 0, 1, or NaN where unknown.
    draws
        From `bootstrap.plan`.
    least
        Labelled cases that a target needs.
    of_class
        And cases of either class.

    Returns
    -------
    list
        For each target; None where cases are too few or all alike, the classes are separated, or one round in ten has
        no curve.
    """
    splines = [_fit(p, y, least, of_class) for p, y in zip(probabilities.T, labels.T, strict=True)]
    rounds = iter(logistic.refit([one.regression for one in splines if one], draws))
    return [_curve(one, next(rounds)) if one else None for one in splines]


def _fit(probabilities: Numbers, labels: Numbers, least: int, of_class: int) -> _Spline | None:
    own = logistic.cases(probabilities, labels, of_class)
    if own is None or own.logits.size < least:
        return None
    rarer = min(own.positive.sum(), (1 - own.positive).sum())
    knots = np.unique(np.quantile(own.logits, _QUANTILES[4 if rarer >= _RARE else 3]))
    design = basis(own.logits, knots)
    start = (0.0, 1.0, *[0.0] * (design.shape[1] - 2))
    regression = logistic.fit(own, design, np.zeros_like(own.logits), start)
    return _Spline(own, knots, regression) if regression else None


def basis(x: Array, knots: Sequence[float] | Array) -> Array:
    """Columns of a restricted cubic spline, in the unit of x (Harrell 2015, section 2.4.5).

    Parameters
    ----------
    x
        (points).
    knots
        At least three, rising; with fewer there is a straight line.

    Returns
    -------
    ndarray (points, K)
        1, x, and one column less than two for each knot.
    """
    if len(knots) < 3:
        return logistic.line(x)
    inner, (before, last) = knots[:-2], knots[-2:]
    cubes = {float(knot): np.maximum(x - knot, 0) ** 3 for knot in knots}
    columns = [
        cubes[knot] - cubes[before] * (last - knot) / (last - before) + cubes[last] * (before - knot) / (last - before)
        for knot in map(float, inner)
    ]
    return np.column_stack([logistic.line(x), *(column / (last - knots[0]) ** 2 for column in columns)])


def _curve(one: _Spline, rounds: Array) -> CalibrationCurve | None:
    first, last = np.quantile(one.own.logits, (0.01, 0.99))
    grid = np.linspace(first, last, _POINTS)
    interval = band(one.frequency(grid, rounds))
    if interval is None:
        return None
    coefficients = one.regression.coefficients
    errors = np.abs(one.frequency(one.own.logits, coefficients) - expit(one.own.logits))
    frequency = one.frequency(grid, coefficients)
    return CalibrationCurve(expit(grid), frequency, *interval, float(errors.mean()), float(errors.max()))


def distribution(probabilities: Numbers, labels: Numbers, bins: int = 50) -> Distribution:
    """Count the cases of one target in bins of equal width from 0 to 1, by class.

    Parameters
    ----------
    probabilities
        (N).
    labels
        (N): 0, 1, or NaN where unknown; the latter are not counted.
    bins
        How many; the last holds 1, too.
    """
    edges = np.linspace(0, 1, bins + 1)
    positives, negatives = (np.histogram(probabilities[labels == value], edges)[0] for value in (1, 0))
    return Distribution(edges, positives.astype(np.int64), negatives.astype(np.int64))
