"""Population stability index (PSI): how far a distribution lies from a reference, beside what chance alone would give.

PSI is the sum of (p - q)·ln(p / q) over bins, with p and q the shares of the two samples. Between two samples of one
population it is about (1/n + 1/m)·χ² with B - 1 degrees of freedom, n and m their sizes and B the bins: Yurdakul &
Naranjo, *Statistical properties of the population stability index*, Journal of Risk Model Validation 14, 2020.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 100
"""Answers of either sample below which no PSI is stated: by chance alone it would be 0.2 and more."""
_SMOOTHING = 0.5
"""Added to each count, so that an empty bin has a share."""
_ONE_IN_A_HUNDRED = 2.3263
"""Of the standard normal distribution."""
Counts = NDArray[np.int64]


class Psi(NamedTuple):
    """A PSI, and how to read it."""

    value: float
    chance: float
    """To be expected between two samples of one population."""
    rare: float
    """Exceeded by chance once in a hundred."""


def decile_edges(values: NDArray[Any]) -> tuple[float, ...]:
    """Upper ends of all bins but the last, at the deciles; where values repeat, bins are fewer.

    Parameters
    ----------
    values
        (n,) NaN: not given.
    """
    given = values[~np.isnan(values)]
    if not given.size:
        return ()
    return tuple(np.unique(np.quantile(given, np.arange(0.1, 0.95, 0.1), method="inverted_cdf")).tolist())


def counted(values: NDArray[Any], edges: tuple[float, ...]) -> Counts:
    """How many values lie in each bin, (len(edges) + 2,); the last bin is of those that were not given."""
    missing = np.isnan(values)
    places = np.where(missing, len(edges) + 1, np.searchsorted(np.asarray(edges), values, side="left"))
    return np.bincount(places, minlength=len(edges) + 2)


def psi(reference: Counts, counts: Counts) -> Psi:
    """PSI of counts against those of a reference, by the same bins; those that are empty in both are none."""
    used = (reference + counts) > 0
    p, q = _shares(counts[used]), _shares(reference[used])
    scale, freedom = 1 / counts.sum() + 1 / reference.sum(), max(int(used.sum()) - 1, 1)
    return Psi(float(((p - q) * np.log(p / q)).sum()), float(freedom * scale), float(_chi_square(freedom) * scale))


def _shares(counts: Counts) -> NDArray[np.float64]:
    smooth = counts + _SMOOTHING
    shares: NDArray[np.float64] = smooth / smooth.sum()
    return shares


def _chi_square(freedom: int) -> float:
    """Its quantile 0.99, by the cube of Wilson & Hilferty (1931)."""
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + _ONE_IN_A_HUNDRED * spread**0.5) ** 3)
