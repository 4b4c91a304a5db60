"""How often flags are right: sensitivity, specificity, PPV and NPV, with intervals by one patient bootstrap.

Glossary: N cases (recordings), n targets, R rounds.

ECGs of one patient are alike, so an interval that counts each of them as news, as Wilson's does, is too narrow. At a
fixed threshold a case is in one of four cells, so a round of all targets is four matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import bootstrap, parts
from ecg2lab_training.measures.bootstrap import Estimate

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Figures:
    """Of one target at one operating point; PPV and NPV hold at the prevalence of these cases."""

    patients: int
    """Distinct ones with a flag and a label."""
    positives: int
    negatives: int
    flagged: int
    prevalence: float
    """Share of positives."""
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate


def flag(probabilities: Numbers, thresholds: Sequence[float | None]) -> Array:
    """Flag the cases: (N, n), n thresholds → (N, n) of 1, 0, and NaN where there is no threshold."""
    cut = np.array([np.nan if threshold is None else threshold for threshold in thresholds], dtype=np.float64)
    return np.where(np.isnan(cut), np.nan, (probabilities >= cut).astype(np.float64))


def measure(
    probabilities: Numbers, labels: Numbers, thresholds: Sequence[float | None], draws: bootstrap.Draws
) -> list[Figures | None]:
    """Measure all targets at fixed thresholds.

    Parameters
    ----------
    probabilities
        (N, n), calibrated.
    labels
        (N, n): 0, 1, or NaN where unknown.
    thresholds
        (n): a case is flagged if its probability is at least so much.
    draws
        Of the N cases, from `bootstrap.plan` with the unit "patients".

    Returns
    -------
    list
        (n); None where there is no threshold or no labelled case.
    """
    flagged = flag(probabilities, thresholds)
    return parts.measure(len(thresholds), lambda part: measure_flags(flagged[:, part], labels[:, part], draws))


def measure_flags(flags: Numbers, labels: Numbers, draws: bootstrap.Draws) -> list[Figures | None]:
    """Measure all targets by flags, as `operating_points.out_of_fold` gives them.

    Parameters
    ----------
    flags
        (N, n): 1, 0, or NaN where a case is not judged and does not count.
    labels, draws
        As of `measure`.

    Returns
    -------
    list
        (n); None where no case has both a flag and a label.
    """
    judged = ~(np.isnan(flags) | np.isnan(labels))
    columns = np.flatnonzero(judged.any(axis=0))
    if not columns.size:
        return [None] * judged.shape[1]
    cells = _cells(flags[:, columns], labels[:, columns], judged[:, columns])
    here = np.stack([cell.sum(axis=0, dtype=np.float64) for cell in cells])  # (4 n)
    values, drawn = _rates(here), _rates(bootstrap.sums(cells, draws))  # (4 n), (4 R n)
    patients = (np.unique(draws.group[judged[:, column]]).size for column in columns)
    each = zip(columns.tolist(), patients, here.T, values.T, drawn.T, strict=True)
    figures = {column: _figures(count, counts, rates, resampled.T) for column, count, counts, rates, resampled in each}
    return [figures.get(column) for column in range(judged.shape[1])]


def _cells(flags: Numbers, labels: Numbers, judged: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    """Whether each case is a true positive, false positive, true negative, false negative: four of (N n)."""
    flagged, positive = flags > 0.5, labels > 0.5
    cells = (flagged & positive, flagged & ~positive, ~flagged & ~positive, ~flagged & positive)
    return [(cell & judged).astype(np.float32) for cell in cells]


def _rates(cells: Numbers) -> Array:
    """Sensitivity, specificity, PPV, NPV of the four cells: (4 …) → (4 …), NaN where it is a share of nobody."""
    hits, alarms, cleared, missed = cells.astype(np.float64)
    right = np.stack([hits, cleared, hits, cleared])
    of = np.stack([hits + missed, cleared + alarms, hits + alarms, cleared + missed])
    return np.divide(right, of, out=np.full(right.shape, np.nan), where=of > 0)


def _figures(patients: int, cells: Array, values: Array, drawn: Array) -> Figures:
    """One target's, of the four cells, the four rates, and those of every round: (4), (4), (4 R)."""
    hits, alarms, cleared, missed = (int(cell) for cell in cells)
    estimates = [
        Estimate(None if np.isnan(value) else float(value), bootstrap.interval(rounds))
        for value, rounds in zip(values, drawn, strict=True)
    ]
    positives, negatives = hits + missed, alarms + cleared
    return Figures(patients, positives, negatives, hits + alarms, positives / (positives + negatives), *estimates)
