"""Decision curve: what flagging by a model is worth, beside flagging everybody or nobody.

Glossary: N records, n targets, T thresholds, R rounds.

Whoever flags from the probability t on counts t / (1 - t) false alarms as one hit. The net benefit at t is the share
of hits less that of false alarms in this currency; flagging nobody is worth 0. Vickers & Elkin 2006, Med Decis Making
26(6) 565-574, doi 10.1177/0272989X06295361.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.measures import curves
from ecg2lab_training.measures.bands import band
from ecg2lab_training.measures.bootstrap import Draws

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
_LOWEST, _HIGHEST, _CEILING = 1 / 5, 3.0, 0.9


class DecisionCurve(NamedTuple):
    """Of one target; flagging nobody has the net benefit 0."""

    thresholds: Array  # (T)
    model: Array  # (T) net benefit of flagging from the threshold on
    low: Array  # (T) lower end of its 95 % interval, of each point by itself
    high: Array  # (T)
    treat_all: Array  # (T) net benefit of flagging everybody
    prevalence: float
    """Among the labelled cases, at which all of it holds."""


class _Counted(NamedTuple):
    """One target's cases, sorted by thresholds once for all rounds."""

    thresholds: Array  # (T)
    prevalence: float
    hits: sparse.csr_array  # (1 + T, N): 1 where the record is a positive that reaches so many thresholds
    alarms: sparse.csr_array  # (1 + T, N): the same for negatives

    def net_benefit(self, counts: NDArray[np.float32]) -> Array:
        """(N, rounds) counts → (T, rounds); NaN in a round without a case."""
        hits, alarms = (np.cumsum((kind @ counts)[::-1], axis=0)[::-1] for kind in (self.hits, self.alarms))
        benefit, cases = hits[1:] - alarms[1:] * _odds(self.thresholds)[:, None], hits[0] + alarms[0]
        return np.divide(benefit, cases, out=np.full(benefit.shape, np.nan), where=cases > 0)


def range_of_use(prevalence: float, points: int = 41) -> Array:
    """Propose thresholds at which a decision about an abnormality may be taken.

    From a fifth of the prevalence, where few would be spared, to three times the prevalence but 0.9 at most. That is a
    convention of our own, for want of a stated cost of a false alarm: clinicians' thresholds for acting on a warning
    lie around the prevalence, and models of moderate discrimination give few probabilities beyond it. The steps are
    equal on a logarithmic scale, on which the cost of a false alarm is read.

    Parameters
    ----------
    prevalence
        In (0, 1).
    points
        How many thresholds.

    Returns
    -------
    ndarray (points)
        Rising, inside (0, 1).

    Raises
    ------
    ValueError
        If the prevalence is 0, 1 or none.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence {prevalence} is not between 0 and 1: give that of the cases")
    return np.geomspace(prevalence * _LOWEST, min(prevalence * _HIGHEST, _CEILING), points)


def net_benefit(probabilities: Numbers, labels: Numbers, thresholds: Array) -> Array:
    """Net benefit of flagging from each threshold on, at the prevalence of the cases.

    Parameters
    ----------
    probabilities
        (N), calibrated.
    labels
        (N): 0, 1, or NaN where unknown.
    thresholds
        (T), rising, inside (0, 1).

    Returns
    -------
    ndarray (T)
        NaN without a label.
    """
    return _once(_count(probabilities, labels, thresholds))


def measure(
    probabilities: Numbers, labels: Numbers, draws: Draws, thresholds: Sequence[Array] | None = None
) -> list[DecisionCurve | None]:
    """Draw the decision curve of every target, on the same rounds of one bootstrap.

    Parameters
    ----------
    probabilities
        (N, n), calibrated.
    labels
        (N, n): 0, 1, or NaN where unknown.
    draws
        From `bootstrap.plan`.
    thresholds
        For each target (T), rising, inside (0, 1); `range_of_use` of its prevalence if left out.

    Returns
    -------
    list
        For each target; None without at least one positive and one negative.
    """
    stated: Sequence[Array | None] = [None] * labels.shape[1] if thresholds is None else thresholds
    columns = zip(probabilities.T, labels.T, stated, strict=True)
    targets = [_target(p, y, grid) for p, y, grid in columns]
    rounds = _rounds([one for one in targets if one], draws)
    return [_curve(one, next(rounds)) if one else None for one in targets]


def _rounds(targets: Sequence[_Counted], draws: Draws) -> Iterator[Array]:
    """(R, T) net benefit of each target."""
    blocks = [[one.net_benefit(counts) for one in targets] for counts in draws.blocks()]
    for parts in zip(*blocks, strict=True):
        yield np.concatenate(parts, axis=1).T


def _once(one: _Counted) -> Array:
    """(T) net benefit where every case counts once."""
    return one.net_benefit(np.ones((one.hits.shape[1], 1), np.float32))[:, 0]


def _target(probabilities: Numbers, labels: Numbers, thresholds: Array | None) -> _Counted | None:
    positives, negatives = curves.counts(labels)
    if not positives or not negatives:
        return None
    grid = range_of_use(positives / (positives + negatives)) if thresholds is None else thresholds
    return _count(probabilities, labels, grid)


def _count(probabilities: Numbers, labels: Numbers, thresholds: Array) -> _Counted:
    passed = np.searchsorted(thresholds, probabilities.astype(np.float64), side="right")  # thresholds at or below
    hits, alarms = (_places(passed, np.flatnonzero(labels == value), thresholds) for value in (1, 0))
    positives, negatives = curves.counts(labels)
    return _Counted(thresholds, positives / max(positives + negatives, 1), hits, alarms)


def _places(passed: NDArray[np.int64], records: NDArray[np.int64], thresholds: Array) -> sparse.csr_array:
    ones = np.ones(records.size, np.float32)
    return sparse.csr_array((ones, (passed[records], records)), shape=(1 + thresholds.size, passed.size))


def _odds(thresholds: Array) -> Array:
    return thresholds / (1 - thresholds)


def _curve(one: _Counted, rounds: Array) -> DecisionCurve | None:
    interval = band(rounds)
    if interval is None:
        return None
    treat_all = one.prevalence - (1 - one.prevalence) * _odds(one.thresholds)
    return DecisionCurve(one.thresholds, _once(one), *interval, treat_all, one.prevalence)
