"""How well scores tell positive from negative cases: ROC, precision and recall.

All of them are read off one table, the cases at each distinct score.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]


class Curve(NamedTuple):
    """Cases at each distinct score, which rises: (S)."""

    scores: Array
    positives: Array
    negatives: Array

    @property
    def detected(self) -> tuple[Array, Array]:
        """Positives, and negatives, that score at least so much: (S), (S)."""
        return np.cumsum(self.positives[::-1])[::-1], np.cumsum(self.negatives[::-1])[::-1]

    def threshold(self, index: int) -> float:
        """Halfway between a score and the next lower one, so that rounding does not decide."""
        return float(self.scores[max(index - 1, 0) : index + 1].mean())


def curve(scores: Numbers, labels: Numbers) -> Curve:
    """Count cases by score.

    Parameters
    ----------
    scores
        (cases).
    labels
        (cases): 0, 1, or NaN where unknown.
    """
    labelled = ~np.isnan(labels)
    positive = labels[labelled] > 0.5
    values, place = np.unique(scores[labelled].astype(np.float64), return_inverse=True)
    positives, negatives = (np.bincount(place, weights=kind, minlength=values.size) for kind in (positive, ~positive))
    return Curve(values, positives.astype(np.float64), negatives.astype(np.float64))


def counts(labels: Numbers) -> tuple[int, int]:
    """Positives and negatives of one target: (cases) of 0, 1, or NaN where unknown."""
    return int((labels == 1).sum()), int((labels == 0).sum())


def auroc(scores: Numbers, labels: Numbers) -> float:
    """Probability that a positive scores above a negative, ties counting half (Mann-Whitney U).

    Parameters
    ----------
    scores, labels
        As of `curve`.

    Returns
    -------
    float
        NaN without at least one positive and one negative.
    """
    _, positives, negatives = curve(scores, labels)
    pairs = positives.sum() * negatives.sum()
    beaten = np.cumsum(negatives) - negatives / 2
    return float((positives * beaten).sum() / pairs) if pairs else float("nan")


def auprc(scores: Numbers, labels: Numbers) -> float | None:
    """Average precision: the area under the precision-recall curve as steps, equal scores taken together.

    Parameters
    ----------
    scores, labels
        As of `curve`.

    Returns
    -------
    float or None
        None without a positive.
    """
    hits, alarms = (cases[::-1] for cases in curve(scores, labels).detected)  # highest score first
    if not hits.size or not hits[-1]:
        return None
    return float((np.diff(hits / hits[-1], prepend=0.0) * hits / (hits + alarms)).sum())


def roc(scores: Numbers, labels: Numbers) -> tuple[Array, Array]:
    """False and true positive rate at every threshold, from (0, 0) to (1, 1)."""
    hits, alarms = curve(scores, labels).detected
    return np.append(alarms / alarms[0], 0)[::-1], np.append(hits / hits[0], 0)[::-1]


def per_target(scores: Numbers, labels: Numbers) -> Array:
    """AUROC of each column: (cases n), (cases n) → (n)."""
    return np.array([auroc(s, y) for s, y in zip(scores.T, labels.T, strict=True)])


def macro(areas: Array) -> float:
    """Mean over the targets that have an AUROC; NaN if none has."""
    defined = areas[~np.isnan(areas)]
    return float(defined.mean()) if defined.size else float("nan")
