"""Area under the ROC curve, and the decision threshold after Youden."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def auroc(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> float:
    """Probability that a positive scores above a negative, ties counting half (Mann-Whitney U by ranks).

    Parameters
    ----------
    scores
        (cases).
    labels
        (cases): 0, 1, or NaN where unknown.

    Returns
    -------
    float
        NaN without at least one positive and one negative.
    """
    known = ~np.isnan(labels)
    positive = labels[known] > 0.5
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(scores[known], return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # mean rank of each distinct score
    u = rank[place][positive].sum() - positives * (positives + 1) / 2
    return float(u / (positives * negatives))


def above_chance(scores: NDArray[np.floating], labels: NDArray[np.floating], errors: float = 2.0) -> bool:
    """Whether the scores tell positives from negatives, beyond what chance may show.

    The AUROC is held against 0.5 with the standard error that Mann and Whitney give for scores without any meaning,
    √((P + N + 1) / (12 P N)).

    Parameters
    ----------
    scores, labels
        As of `auroc`.
    errors
        Standard errors by which the AUROC must be above 0.5.
    """
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if not positives or not negatives:
        return False
    error = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    return auroc(scores, labels) >= 0.5 + errors * error


def per_target(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> Array:
    """AUROC of each column: (cases n), (cases n) → (n)."""
    return np.array([auroc(s, y) for s, y in zip(scores.T, labels.T, strict=True)])


def macro(areas: Array) -> float:
    """Mean over the targets that have an AUROC; NaN if none has."""
    known = areas[~np.isnan(areas)]
    return float(known.mean()) if known.size else float("nan")


def youden_threshold(scores: NDArray[np.floating], labels: NDArray[np.floating]) -> float | None:
    """Score from which a case counts as detected: where sensitivity + specificity is greatest.

    The threshold lies halfway between the two neighbouring scores, so that rounding does not decide.

    Returns
    -------
    float or None
        In (0, 1) for probabilities; None without at least one positive and one negative.
    """
    known = ~np.isnan(labels)
    positive = labels[known] > 0.5
    if not positive.any() or positive.all():
        return None
    values, place = np.unique(scores[known].astype(np.float64), return_inverse=True)
    hits = np.bincount(place, weights=positive, minlength=values.size)
    alarms = np.bincount(place, weights=~positive, minlength=values.size)
    # detected: every case that scores values[i] or more
    sensitivity = np.cumsum(hits[::-1])[::-1] / hits.sum()
    fall_out = np.cumsum(alarms[::-1])[::-1] / alarms.sum()
    best = int(np.argmax(sensitivity - fall_out))
    return float(values[best] if best == 0 else (values[best - 1] + values[best]) / 2)
