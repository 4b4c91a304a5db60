"""Bootstrap of AUROC over patients: how often each record is drawn, and the area in every round.

Glossary: R rounds, N records, n targets.

One round draws as many groups as there are, with replacement. A group is a patient with all of its ECGs (cluster
bootstrap), or one ECG, as in the paper. The draw is the same for all targets, so that a macro average has an interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.measures import parts

Array = NDArray[np.float64]
Unit = Literal["patients", "paper"]
"""What is drawn: patients, or single ECGs as in the paper."""
ROUNDS = 1000
_BLOCK = 512  # rounds at once: two arrays of records x 512 x 4 bytes in each thread, 164 MB for 40,000 records
_COUNTED = 64  # rounds


class Estimate(NamedTuple):
    """A number of these cases, and its 95 % percentile interval over the rounds."""

    value: float | None
    """None where it is not defined, as a share of nobody."""
    interval: tuple[float, float] | None
    """None where more than one round in ten has no value."""


class Draws(NamedTuple):
    """A seeded plan of resampling; the counts are made block by block, for all of them need not fit into memory."""

    group: NDArray[np.int64]  # (N) number of each record's group
    rounds: int
    seed: int

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield how often each record counts: blocks of (N, at most _BLOCK rounds), whole numbers."""
        rng = np.random.default_rng(self.seed)
        groups = int(self.group.max()) + 1
        for start in range(0, self.rounds, _BLOCK):
            yield _counts(rng, groups, min(_BLOCK, self.rounds - start))[self.group]


def _counts(rng: np.random.Generator, groups: int, rounds: int) -> NDArray[np.float32]:
    """How often each group is drawn in each round: (groups, rounds)."""
    counts = np.empty((groups, rounds), np.float32)
    for start in range(0, rounds, _COUNTED):  # numbers of 64 bits, eight times the result
        some = min(_COUNTED, rounds - start)
        place = rng.integers(groups, size=(some, groups)) + groups * np.arange(some)[:, None]
        drawn = np.bincount(place.ravel(), minlength=some * groups).reshape(some, groups)
        counts[:, start : start + some] = drawn.T
    return counts


def plan(patient_id: NDArray[Any], unit: Unit, rounds: int, seed: int) -> Draws:
    """Plan the resampling of records.

    Parameters
    ----------
    patient_id
        (N); records of one patient are drawn together, unless `unit` is "paper".
    unit
        "patients" or "paper".
    rounds
        How many.
    seed
        Of the draws: the same plan gives the same rounds.
    """
    records = len(patient_id)
    group = np.arange(records) if unit == "paper" else np.unique(patient_id, return_inverse=True)[1]
    return Draws(group.astype(np.int64), rounds, seed)


def sums(cells: Sequence[NDArray[np.float32]], draws: Draws) -> NDArray[np.float32]:
    """Count the records of each kind in every round.

    All partial sums are whole numbers below 2²⁴, up to some ten million records: single precision holds them exactly.

    Parameters
    ----------
    cells
        K kinds, each (N, n): 1 where a record is of that kind, else 0.
    draws
        From `plan`.

    Returns
    -------
    ndarray (K, R, n)
    """
    rounds = (np.stack([counts.T @ cell for cell in cells]) for counts in draws.blocks())
    return np.concatenate(list(rounds), axis=1)


def areas(scores: NDArray[np.floating[Any]], labels: NDArray[np.floating[Any]], draws: Draws) -> Array:
    """AUROC of every target in every round, ties counting half.

    Parameters
    ----------
    scores
        (N, n).
    labels
        (N, n): 0, 1, or NaN where unknown.
    draws
        From `plan`.

    Returns
    -------
    ndarray (R, n)
        NaN in a round that drew no positive or no negative of the target.
    """
    n = labels.shape[1]
    each: list[Array] = parts.measure(n, lambda part: _areas(scores[:, part], labels[:, part], draws))
    return np.array(each).reshape(n, draws.rounds).T


def _areas(scores: NDArray[np.floating[Any]], labels: NDArray[np.floating[Any]], draws: Draws) -> Array:
    ranked = [_rank(s, y) for s, y in zip(scores.T, labels.T, strict=True)]
    blocks = [np.stack([target.areas(counts) for target in ranked]) for counts in draws.blocks()]
    return np.concatenate(blocks, axis=1)  # (n, R)


class _Ranked(NamedTuple):
    """One target's records, sorted once for all rounds.

    The rarer class is looked up among the commoner: the sum runs over few positives rather than over all records.
    """

    rare: NDArray[np.int64]  # records of the rarer class, by rising score
    segments: sparse.csr_array  # (edges, N) which records of the other class lie between an edge and the next
    below: NDArray[np.int64]  # for each rare one: the edge of those that score lower
    through: NDArray[np.int64]  # for each rare one: the edge of those that score lower or the same
    tied: bool
    rare_is_positive: bool

    def areas(self, counts: NDArray[np.float32]) -> Array:
        """(N, rounds) counts → (rounds) AUROC."""
        if not self.rare.size or not self.segments.nnz:
            return np.full(counts.shape[1], np.nan)
        total = _sums_below(self.segments @ counts)  # (edges + 1, rounds); the last is that of all
        weight = counts.take(self.rare, axis=0)
        beaten = (total[self.below] + total[self.through]) / 2 if self.tied else total[self.below]
        wins = (weight * beaten).sum(axis=0, dtype=np.float64)
        pairs = weight.sum(axis=0, dtype=np.float64) * total[-1].astype(np.float64)
        with np.errstate(invalid="ignore"):  # a round without one of the classes: 0 / 0
            area = wins / pairs
        return area if self.rare_is_positive else 1 - area


def _rank(scores: NDArray[np.floating[Any]], labels: NDArray[np.floating[Any]]) -> _Ranked:
    positive, negative = (_by_score(scores, np.flatnonzero(labels == value)) for value in (1, 0))
    rare_is_positive = len(positive) <= len(negative)
    rare, common = (positive, negative) if rare_is_positive else (negative, positive)
    cuts = [np.searchsorted(scores[common], scores[rare], side) for side in ("left", "right")]
    edges = np.unique(np.concatenate([[0], *cuts])).astype(np.int64)
    below, through = (np.searchsorted(edges, cut) for cut in cuts)
    segment = np.searchsorted(edges, np.arange(len(common)), side="right") - 1
    ones = np.ones(len(common), np.float32)
    segments = sparse.csr_array((ones, (segment, common)), shape=(len(edges), len(scores)))
    return _Ranked(rare, segments, below, through, bool((below != through).any()), rare_is_positive)


def _by_score(scores: NDArray[np.floating[Any]], records: NDArray[np.int64]) -> NDArray[np.int64]:
    return records[np.argsort(scores[records], kind="stable")]


def _sums_below(segments: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of the first 0, 1, … rows: (rows, rounds) → (rows + 1, rounds).

    The sums are whole numbers below 2²⁴: single precision holds them exactly.
    """
    return np.concatenate([np.zeros((1, segments.shape[1]), np.float32), np.cumsum(segments, axis=0)])


def macro(areas: Array) -> Array:
    """Mean over the targets that have an AUROC in the round: (R, n) → (R); NaN where none has."""
    defined = ~np.isnan(areas)
    count = defined.sum(axis=1)
    total = np.where(defined, areas, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(areas), np.nan), where=count > 0)


def interval(values: Array, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of the rounds that have a value; None if fewer than nine in ten have one.

    Parameters
    ----------
    values
        (R).
    level
        Of confidence.
    """
    defined = values[~np.isnan(values)]
    if not defined.size or defined.size < 0.9 * values.size:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)
