"""Platt calibration: two numbers for each target, fitted on patients that did not train it.

q = sigmoid(slope · logit(p) + intercept), where p is the mean probability over the windows of a recording. The fit is
by penalised maximum likelihood: log(slope) has a normal prior around 0. Where there are dozens of positives the prior
hardly matters; where there are three, it keeps the slope from running away. An exponential is never negative: the
calibration cannot turn the order of patients around. Platt 1999, "Probabilistic outputs for support vector machines".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Calibration

Array = NDArray[np.float64]
PRIOR_WIDTH = 0.5
"""Standard deviation of log(slope) before anything is seen: 95 % of slopes between 0.38 and 2.7. Focal loss with γ = 2
pulls probabilities towards one half, which asks for a slope of about 2."""
_STEPS, _HALVINGS = 100, 40
_LEAST = 1e-9  # probability nearest to 0 and to 1: a logit must be finite


def logit(probabilities: NDArray[np.floating[Any]]) -> Array:
    """log(p / (1 - p)) with p kept inside [1e-9, 1 - 1e-9]."""
    inside = np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))


def fit(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.floating[Any]]) -> Calibration | None:
    """Fit one target's calibration.

    Parameters
    ----------
    probabilities
        (cases): mean over windows, not calibrated.
    labels
        (cases): 0, 1, or NaN where unknown.

    Returns
    -------
    Calibration or None
        None without at least one positive and one negative.
    """
    labelled = ~np.isnan(labels)
    y = labels[labelled].astype(np.float64)
    if not 0 < y.sum() < y.size:
        return None
    x = logit(probabilities[labelled])
    point = _Point(0.0, math.log(y.mean() / (1 - y.mean())) - float(x.mean()))
    for _ in range(_STEPS):
        step = _fisher_step(point, x, y)
        following = _descend(point, step, x, y)
        if following is None or math.hypot(*(b - a for a, b in zip(point, following, strict=True))) < 1e-10:
            break
        point = following
    return Calibration(slope=math.exp(point.log_slope), intercept=point.intercept)


class _Point(NamedTuple):
    log_slope: float
    intercept: float


def _cost(point: _Point, x: Array, y: Array) -> float:
    """Negative log posterior."""
    z = math.exp(point.log_slope) * x + point.intercept
    return float((np.logaddexp(0.0, z) - y * z).sum()) + (point.log_slope / PRIOR_WIDTH) ** 2 / 2


def _fisher_step(point: _Point, x: Array, y: Array) -> _Point:
    """Newton's step with the expected curvature, which is always positive."""
    slope = math.exp(point.log_slope)
    q = sigmoid(slope * x + point.intercept)
    weight = q * (1 - q)
    gradient = np.array([((q - y) * slope * x).sum() + point.log_slope / PRIOR_WIDTH**2, (q - y).sum()])
    cross = (weight * slope * x).sum()
    curvature = np.array([[(weight * (slope * x) ** 2).sum() + PRIOR_WIDTH**-2, cross], [cross, weight.sum()]])
    curvature[1, 1] += 1e-12  # all probabilities saturated: no curvature left
    step = -np.linalg.solve(curvature, gradient)
    return _Point(float(step[0]), float(step[1]))


def _descend(point: _Point, step: _Point, x: Array, y: Array) -> _Point | None:
    """The step, halved until the cost falls; None where it falls no more."""
    cost = _cost(point, x, y)
    for halving in range(_HALVINGS):
        share = 0.5**halving
        tried = _Point(point.log_slope + share * step.log_slope, point.intercept + share * step.intercept)
        if abs(tried.log_slope) < 20 and _cost(tried, x, y) < cost:  # 20: beyond all priors, short of overflow
            return tried
    return None


def calibrate(probabilities: NDArray[np.floating[Any]], calibration: Calibration | None) -> Array:
    """Calibrate one target's probabilities, of any shape; None leaves them as they are."""
    p = probabilities.astype(np.float64)
    return p if calibration is None else sigmoid(calibration.slope * logit(p) + calibration.intercept)


def apply(probabilities: NDArray[np.floating[Any]], calibrations: Sequence[Calibration | None]) -> Array:
    """Calibrate every target that has a calibration: (cases, n) → (cases, n)."""
    return np.stack([calibrate(p, c) for p, c in zip(probabilities.T, calibrations, strict=True)], axis=1)
