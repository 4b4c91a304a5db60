"""What a reduced precision costs in AUROC, with labels and without.

Glossary: B windows, n targets, s score (a logit), y label, p probability that the fp32 model gives.

**With labels** the AUROC is the fraction of pairs (i positive, j negative) that the scores put in order, ties counting
half (Mann & Whitney, Annals of Mathematical Statistics 1947):

    A(s) = Σ_{i,j} y_i (1 - y_j) [s_i > s_j] / Σ_{i,j} y_i (1 - y_j)

**Without labels** let them be drawn as the fp32 model says, y_i ~ Bernoulli(p_i), independently. For i ≠ j the mean of
y_i (1 - y_j) is p_i (1 - p_j), and for i = j it is 0 in every draw. Taking the mean above and below the line gives the
AUROC to be expected if the fp32 probabilities were right,

    A(s) = Σ_{i≠j} p_i (1 - p_j) [s_i > s_j] / Σ_{i≠j} p_i (1 - p_j)

(a ratio of means, which is the mean of the ratio up to terms of order 1/B). Of two windows, p_i (1 - p_j) is the
greater one where p_i > p_j; no scores therefore reach a higher value than fp32's own, the loss is never negative, and a
pair that changes places costs in proportion to p_i - p_j: nothing where fp32 itself saw no difference. This needs
neither labels nor a target that occurs in the windows; what it cannot know is whether the fp32 model is right. A
model trained with focal loss is less sure than it should be, and the loss then comes out too small: p is therefore
the calibrated probability where the contract has a calibration, and the logits have a limit of their own (`gate`).

Both are one formula with weights for and against: (y, 1 - y), 0 where unknown, or (p, 1 - p).

**Which one decides.** A loss by labels has a chance part: pairs near each other change places in either direction. Its
standard error comes from the placements of the cases (DeLong, DeLong & Clarke-Pearson, Biometrics 1988), here of their
differences between the two precisions. Labels decide where they can tell a loss from chance: where four standard errors
are no more than the default limit, or no more than the loss itself. Four, because two hundred targets are looked at.
Elsewhere, and with fewer than ten positives or negatives, the expected loss decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Target

Array = NDArray[np.float64]
Basis = Literal["labels", "expected"]

LARGEST_AUROC_LOSS = 0.002
"""Of a target, unless the user gives another limit."""
_FEWEST_CASES = 10
_STANDARD_ERRORS = 4


@dataclass(frozen=True)
class TargetLoss:
    """Of one target."""

    target: str
    basis: Basis | None
    """None: not measured."""
    auroc: float
    """Of fp32."""
    loss: float
    """That AUROC less the one of the reduced precision."""
    logit_error: float
    """Median over the windows of the absolute difference."""


def weighted_auroc(scores: Array, positive: Array, negative: Array) -> Array:
    """AUROC of cases that are positive and negative with weights.

    Parameters
    ----------
    scores
        (B n).
    positive, negative
        (B n), not negative. A case is no pair with itself.

    Returns
    -------
    ndarray (n)
        NaN where no pair has weight.
    """
    return _ratio((positive * _weight_below(scores, negative)).sum(axis=0), _pairs(positive, negative))


def losses(
    reference: Array, reduced: Array, labels: NDArray[np.float32] | None, targets: tuple[Target, ...]
) -> tuple[TargetLoss, ...]:
    """AUROC loss of each target: by labels where there are enough of both kinds, else expected.

    Parameters
    ----------
    reference, reduced
        (B n) logits in fp32 and in the reduced precision.
    labels
        (B n): 0, 1, NaN; None: there are none.
    targets
        Of the contract, with their calibration.
    """
    belief = calibrated(reference, targets)
    auroc, loss, _ = _compare(reference, reduced, _sigmoid(belief), _sigmoid(-belief))
    bases: list[Basis] = ["expected"] * len(targets)
    if labels is not None:
        positive, negative = (labels == 1).astype(np.float64), (labels == 0).astype(np.float64)
        by_labels = _compare(reference, reduced, positive, negative)
        enough = np.minimum(positive.sum(axis=0), negative.sum(axis=0)) >= _FEWEST_CASES
        tellable = np.fmax(LARGEST_AUROC_LOSS, np.abs(by_labels.loss)) >= _STANDARD_ERRORS * by_labels.standard_error
        decisive = enough & tellable
        auroc, loss = np.where(decisive, by_labels.auroc, auroc), np.where(decisive, by_labels.loss, loss)
        bases = ["labels" if x else "expected" for x in decisive]
    errors = np.median(np.abs(reduced - reference), axis=0)
    return tuple(
        TargetLoss(target.name, basis if np.isfinite(lost) else None, float(before), float(lost), float(error))
        for target, basis, before, lost, error in zip(targets, bases, auroc, loss, errors, strict=True)
    )


def calibrated(logits: Array, targets: tuple[Target, ...]) -> Array:
    """Platt's line of each target that has one: (B n) → (B n)."""
    lines = [(t.calibration.slope, t.calibration.intercept) if t.calibration else (1.0, 0.0) for t in targets]
    slope, intercept = np.array(lines).T
    return slope * logits + intercept


class _Comparison(NamedTuple):
    """Of each target: (n)."""

    auroc: Array
    loss: Array
    standard_error: Array


def _compare(reference: Array, reduced: Array, positive: Array, negative: Array) -> _Comparison:
    """Both precisions on the same weights. The standard error holds for labels, where weights are 0 or 1."""
    auroc = weighted_auroc(reference, positive, negative)
    # What each positive loses among the negatives below it, and each negative among the positives above it.
    change_positive = _weight_below(reference, negative) - _weight_below(reduced, negative)
    change_negative = _weight_below(-reference, positive) - _weight_below(-reduced, positive)
    loss = _ratio((positive * change_positive).sum(axis=0), _pairs(positive, negative))
    cases = positive.sum(axis=0), negative.sum(axis=0)
    variance = _variance_of_mean(_ratio(change_positive, cases[1]), positive)
    variance += _variance_of_mean(_ratio(change_negative, cases[0]), negative)
    return _Comparison(auroc, loss, np.sqrt(variance))


def _variance_of_mean(values: Array, weights: Array) -> Array:
    """Over the cases whose weight is 1: (B n), (B n) → (n); NaN for fewer than two."""
    count = weights.sum(axis=0)
    deviation = weights * (values - _ratio((weights * values).sum(axis=0), count))
    return _ratio((deviation**2).sum(axis=0), count * (count - 1))


def _pairs(positive: Array, negative: Array) -> Array:
    return positive.sum(axis=0) * negative.sum(axis=0) - (positive * negative).sum(axis=0)


def _ratio(part: Array, whole: Array) -> Array:
    """NaN where there is no whole."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _weight_below(scores: Array, weights: Array) -> Array:
    """For each case the weight of the others that score lower, ties counting half: (B n), (B n) → (B n)."""
    order = np.argsort(scores, axis=0, kind="stable")
    own = np.take_along_axis(weights, order, axis=0)
    first, behind = _ties(np.take_along_axis(scores, order, axis=0))
    total = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(own, axis=0)])  # (B+1 n)
    lower, not_higher = (np.take_along_axis(total, bound, axis=0) for bound in (first, behind))
    below = np.empty_like(own)
    np.put_along_axis(below, order, lower + (not_higher - lower - own) / 2, axis=0)
    return below


def _ties(scores: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of sorted scores (B n): where each case's group of equals begins, and where it has ended; both (B n)."""
    count = len(scores)
    index = np.arange(count)[:, None]
    new = np.ones(scores.shape, dtype=bool)
    new[1:] = scores[1:] != scores[:-1]
    last = np.ones(scores.shape, dtype=bool)
    last[:-1] = new[1:]
    first = np.maximum.accumulate(np.where(new, index, 0), axis=0)
    behind = np.minimum.accumulate(np.where(last, index + 1, count)[::-1], axis=0)[::-1]
    return first, behind


def _sigmoid(x: Array) -> Array:
    """Without overflow, and exact in its small end."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
