"""From rounds of a bootstrap to an area with its interval, as JSON holds it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.evaluation.result import Area
from ecg2lab_training.measures import bootstrap


def number(value: float) -> float | None:
    """A number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else float(value)


def mean(values: list[float]) -> float | None:
    """Mean, or None of nothing."""
    return float(np.mean(values)) if values else None


def area(value: float, rounds: NDArray[np.float64]) -> Area:
    """An estimate with the 95 % percentile interval of its rounds: (R)."""
    if math.isnan(value):
        return Area()
    low, high = bootstrap.interval(rounds) or (None, None)
    return Area(value=float(value), low=low, high=high)
