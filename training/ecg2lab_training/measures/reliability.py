"""How well probabilities agree with frequencies: Brier score, expected calibration error, reliability bins.

The bins are 15 of equal width (Guo et al. 2017, arXiv 1706.04599). An ECE measured on few records is above 0 even if
every probability is right, so what chance alone would give is stated beside it.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

BINS = 15
Array = NDArray[np.floating[Any]]


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Records whose probabilities are alike; empty bins are left out."""

    mean_probability: float
    frequency: float
    """Share of positives."""
    count: int


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """Agreement of probabilities with frequencies."""

    brier: float
    """Mean squared difference of probability and label."""
    ece: float
    """Mean over records of |mean probability - frequency| of the record's bin."""
    ece_by_chance: float
    """ECE to be expected on as many records if every probability were exactly right."""
    bins: tuple[Bin, ...]


def measure(probabilities: Array, labels: Array) -> Reliability | None:
    """Measure one target, or several joined end to end.

    Parameters
    ----------
    probabilities
        (cases).
    labels
        (cases): 0, 1, or NaN where unknown.

    Returns
    -------
    Reliability or None
        None without a known label.
    """
    labelled = ~np.isnan(labels)
    if not labelled.any():
        return None
    p, y = probabilities[labelled].astype(np.float64), labels[labelled].astype(np.float64)
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    count, expected, observed, variance = (
        np.bincount(place, weights=w, minlength=BINS) for w in (np.ones_like(p), p, y, p * (1 - p))
    )
    # the difference in a bin is nearly normal: its mean size is sqrt(2/π) standard deviations
    chance = math.sqrt(2 / math.pi) * np.sqrt(variance).sum() / p.size
    filled = np.flatnonzero(count)
    return Reliability(
        brier=float(np.mean((p - y) ** 2)),
        ece=float(np.abs(expected - observed).sum() / p.size),
        ece_by_chance=float(chance),
        bins=tuple(
            Bin(mean_probability=p_sum / records, frequency=positives / records, count=int(records))
            for records, p_sum, positives in np.stack([count, expected, observed], axis=1)[filled].tolist()
        ),
    )
