"""Logistic regressions of few coefficients on all cases, and once more in every round of a bootstrap.

Glossary: N records, C labelled cases of one target, B bins, K coefficients, R rounds.

A thousand rounds of 204 targets on 40,000 records each would take hours. So the cases of one target are put into bins
of similar logit, once, and a round is fitted on the bins' counts. That alone would cost accuracy; therefore the
gradient at the fit on all cases is summed over the cases themselves, and the bins only say how it changes from there:

    gradient(b) = sum of c x (y - p) over the cases, at the fit + sum of c x (p - q(b)) over the bins

where c says how often a case was drawn, p is its fitted probability and q(b) that of the coefficients b. The solution
of a round that draws every case once is the fit on all cases, to the last digit; how far the others are from their
exact solutions is a fraction of their distance from the fit, of the size of (width of a bin / spread of logits)² / 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]
from scipy.special import expit  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.measures import platt
from ecg2lab_training.measures.bootstrap import Draws

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
_BINS = 192
_STEPS = 25  # as a rule five are enough; separated classes move on by about 1 in each, far from where rounding ends it
_QUARTILES = 1.349  # distance of the quartiles of a normal distribution, in standard deviations
_LONGEST = 2.0  # change of a logit in one step: from further off, Newton's steps may swing ever wider
_CLOSE = 1e-4  # change of a logit in the last step: the error is of the order of its square
_UNDECIDED = 1e-3  # least sum of p (1 - p): with less, the classes are separated and the coefficients run away


class Cases(NamedTuple):
    """The labelled cases of one target, with both classes among them."""

    place: NDArray[np.int64]  # (C) row of each among all records
    logits: Array  # (C) of the model's probability
    positive: Array  # (C) 0 or 1
    records: int  # N, with those that have no label
    bins: sparse.csr_array  # (B, N) 1 where the record is in the bin

    def means(self, columns: Array) -> Array:
        """Means in each bin: (C, columns) → (B, columns)."""
        own = self.bins[:, self.place]
        return (own @ columns) / own.sum(axis=1)[:, None]


class Regression(NamedTuple):
    """One target's regression on all of its cases, and what its repetition needs."""

    coefficients: Array  # (K)
    sums: NDArray[np.float32]  # (1 + K, N) of each record: whether positive; its gradient at the coefficients
    bins: sparse.csr_array  # (B, N) those of the cases
    design: Array  # (B, K) mean of the cases in the bin
    offset: Array  # (B)


def cases(probabilities: Numbers, labels: Numbers, least: int = 1) -> Cases | None:
    """Choose the labelled cases of one target.

    Parameters
    ----------
    probabilities
        (N).
    labels
        (N): 0, 1, or NaN where unknown.
    least
        Cases that either class must have; at least 1.

    Returns
    -------
    Cases or None
        None where a class has fewer.
    """
    place = np.flatnonzero(~np.isnan(labels))
    positive = labels[place].astype(np.float64)
    if min(positive.sum(), place.size - positive.sum()) < max(least, 1):
        return None
    logits = platt.logit(probabilities[place])
    return Cases(place, logits, positive, len(labels), _bins(logits, place, len(labels)))


def _bins(logits: Array, place: NDArray[np.int64], records: int) -> sparse.csr_array:
    """Which record is in which bin: (B, N), none of the bins empty.

    The edges are quantiles of a logistic distribution whose scale is the standard deviation of the cases, were they
    normal. Errors are least if bins are as dense as the cube root of the cases (Panter & Dite 1951, Proc IRE 39(1)
    44-48); for normal ones that is a normal distribution √3 times as wide, to which the logistic one is close. Its long
    tails make room for cases that are far out.
    """
    first, middle, last = np.quantile(logits, (0.25, 0.5, 0.75))
    scale = (last - first) / _QUARTILES or logits.std() or 1.0
    number = np.unique((expit((logits - middle) / scale) * _BINS).astype(np.int64), return_inverse=True)[1]
    ones = np.ones(len(place), np.float32)
    return sparse.csr_array((ones, (number, place)), shape=(int(number.max()) + 1, records))


def line(logits: Array) -> Array:
    """Design of a straight line: (C) → (C, 2), intercept and slope."""
    return np.column_stack([np.ones_like(logits), logits])


def fit(own: Cases, design: Array, offset: Array, start: Sequence[float]) -> Regression | None:
    """Fit logit(P(positive)) = offset + design · coefficients by maximum likelihood.

    Parameters
    ----------
    own
        Cases.
    design
        (C, K).
    offset
        (C): what has no coefficient.
    start
        (K) coefficients to begin with.

    Returns
    -------
    Regression or None
        None where the likelihood has no single maximum: the classes are separated, or the columns depend on each other.
    """
    binned = own.means(np.column_stack([design, offset]))
    if np.linalg.matrix_rank(binned[:, :-1]) < design.shape[1]:
        return None
    first = np.array(start, dtype=np.float64)[:, None]
    once = np.ones((len(design), 1))
    coefficients = _newton(design, offset, once, design.T @ own.positive[:, None], first)[:, 0]
    if np.isnan(coefficients).any():
        return None
    residuals = own.positive - expit(offset + design @ coefficients)
    sums = np.zeros((1 + design.shape[1], own.records), np.float32)
    sums[:, own.place] = np.vstack([own.positive, design.T * residuals])
    return Regression(coefficients, sums, own.bins, binned[:, :-1], binned[:, -1])


def refit(regressions: Sequence[Regression], draws: Draws) -> list[Array]:
    """Repeat regressions in every round.

    Parameters
    ----------
    regressions
        Of the same N records. Those of the same cases stand side by side: their bins are counted once.
    draws
        From `bootstrap.plan`.

    Returns
    -------
    list of ndarray (R, K)
        For each regression; NaN in rounds that have no solution, as those that drew one class alone.
    """
    if not regressions:
        return []
    sums = np.concatenate([one.sums for one in regressions])  # one product for all: that is what BLAS is fast at
    blocks = [list(_block(regressions, sums @ counts, counts)) for counts in draws.blocks()]
    return [np.concatenate(parts, axis=1).T for parts in zip(*blocks, strict=True)]


def _block(
    regressions: Sequence[Regression], sums: NDArray[np.float32], counts: NDArray[np.float32]
) -> Iterator[Array]:
    """(N, rounds) counts and the sums of all regressions, one below the other → for each (K, rounds) coefficients."""
    ends = np.cumsum([len(one.sums) for one in regressions])
    bins, totals = None, np.empty(0)
    for one, own in zip(regressions, np.split(sums.astype(np.float64), ends[:-1]), strict=True):
        if one.bins is not bins:
            bins, totals = one.bins, (one.bins @ counts).astype(np.float64)
        yield _round(one, totals, own[0], own[1:])


def _round(one: Regression, totals: Array, positives: Array, gradient: Array) -> Array:
    """(B, rounds), (rounds), (K, rounds) → (K, rounds) coefficients."""
    fitted = expit(one.offset + one.design @ one.coefficients)[:, None]
    start = np.repeat(one.coefficients[:, None], totals.shape[1], axis=1)
    solved = _newton(one.design, one.offset, totals, gradient + one.design.T @ (totals * fitted), start)
    # without one class the coefficients are infinite, but the bins need not tell
    return np.where((positives > 0) & (positives < totals.sum(axis=0)), solved, np.nan)


def _newton(design: Array, offset: Array, totals: Array, moments: Array, start: Array) -> Array:
    """Solve designᵀ (totals · p) = moments for the coefficients of p, in all rounds at once.

    design (B, K), offset (B), totals (B, R), moments (K, R), start (K, R) → (K, R), NaN where there is no solution.
    """
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    coefficients, logits = start, offset[:, None] + design @ start
    for _ in range(_STEPS):
        p = expit(logits)
        weight = totals * p * (1 - p)
        step = _solve(products.T @ weight, moments - design.T @ (totals * p))
        change = design @ step
        longest = np.abs(change).max(axis=0)
        share = np.minimum(1.0, _LONGEST / np.maximum(longest, _CLOSE))
        coefficients, logits = coefficients + share * step, logits + share * change
        if (longest < _CLOSE).all():
            break
    return np.where((longest < _CLOSE) & (weight.sum(axis=0) > _UNDECIDED), coefficients, np.nan)


def _solve(curvature: Array, gradient: Array) -> Array:
    """(K², R), (K, R) → (K, R); what LAPACK would do matrix by matrix, for all rounds at once where K is small."""
    size, rounds = gradient.shape
    curvature = curvature.copy()
    diagonal = curvature[:: size + 1]
    # beyond rounding, far below what changes a solution: a round may leave a column without any curvature
    diagonal += np.where(diagonal > 0, 1e-10 * diagonal, 1.0)
    if size == 1:
        return gradient / curvature
    if size == 2:
        a, b, _, d = curvature
        return np.stack([d * gradient[0] - b * gradient[1], a * gradient[1] - b * gradient[0]]) / (a * d - b * b)
    matrices = curvature.T.reshape(rounds, size, size)
    return np.linalg.solve(matrices, gradient.T[:, :, None])[:, :, 0].T
