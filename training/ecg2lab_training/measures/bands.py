"""Pointwise intervals of a curve over the rounds of a bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def band(rounds: Array, level: float = 0.95) -> tuple[Array, Array] | None:
    """Percentile interval at each point of a curve, from the rounds that have one.

    Parameters
    ----------
    rounds
        (R, points): NaN in rounds without a curve.
    level
        Of confidence, of each point by itself.

    Returns
    -------
    tuple of ndarray (points), or None
        Lower and upper ends; None if fewer than nine rounds in ten have a curve, as of `bootstrap.interval`.
    """
    defined = rounds[~np.isnan(rounds).any(axis=1)]
    if not len(defined) or len(defined) < 0.9 * len(rounds):
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, (tail, 1 - tail), axis=0)
    return low, high
