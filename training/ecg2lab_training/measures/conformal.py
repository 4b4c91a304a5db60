"""Conformal sets: whether a probability leaves *abnormal*, *not abnormal*, both or neither possible.

Class-conditional (Mondrian) inductive conformal prediction: Vovk, Machine Learning 2013, doi 10.1007/s10994-013-5355-6.
Of n positives that are exchangeable with the next one, the k-th lowest probability with k = ⌊(n + 1) error⌋ is above
that of the next one with a chance of at most k / (n + 1) ≤ error; likewise of the negatives, from above. So either
class is covered by itself, whatever the model, its calibration and the prevalence are. ECGs of one patient are not
exchangeable with those of others: of each patient one of either class is drawn.

Glossary: N recordings, n targets, R rounds, P patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import bootstrap
from ecg2lab_training.measures.bootstrap import Estimate
from ecg2lab_training.measures.operating_points import TURNS, deal

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
ERROR = 0.1
"""Share of either class whose set may lack the true answer."""


class Cutoffs(NamedTuple):
    """Of one target, on its calibrated probability."""

    positive_from: float
    """From here on the set holds *abnormal*."""
    negative_to: float
    """Up to here it holds *not abnormal*."""


class Sets(NamedTuple):
    """What the sets of recordings hold."""

    positive: Array
    """(N, n): 1 where the set holds *abnormal*, 0 where it does not; NaN where there is none."""
    negative: Array
    """(N, n), of *not abnormal*."""


@dataclass(frozen=True)
class Worth:
    """Of the sets of one target."""

    coverage_positive: Estimate
    """Share of the positives whose set holds *abnormal*."""
    coverage_negative: Estimate
    unsure: Estimate
    """Share of the labelled recordings that are: not flagged, and their set holds both answers or neither."""


def one_each(patient_id: NDArray[Any], seed: int = 0) -> NDArray[np.int64]:
    """Draw a recording of each patient: (N) → (P) rows."""
    order = np.random.default_rng(seed).permutation(len(patient_id))
    return np.asarray(order[np.unique(patient_id[order], return_index=True)[1]])


def fit(
    probabilities: Numbers, labels: Numbers, patient_id: NDArray[Any], error: float = ERROR, seed: int = 0
) -> list[Cutoffs | None]:
    """Choose the cutoffs of all targets.

    Parameters
    ----------
    probabilities
        (N, n), calibrated.
    labels
        (N, n): 0, 1, or NaN where unknown.
    patient_id
        (N).
    error
        Above 0 and below 1.
    seed
        Of the draw of one ECG a patient and class.

    Returns
    -------
    list
        (n); None where a class has fewer patients than 1 / error - 1: no probability would be a bound.

    Raises
    ------
    DatasetError
        If there are no patients.
    """
    if not len(patient_id):
        raise DatasetError("conformal sets are fitted on patients, and there are none")
    order = np.random.default_rng(seed).permutation(len(patient_id))
    patients, patient = np.unique(patient_id[order], return_inverse=True)
    drawn = _Drawn(order, patient, len(patients))
    columns = zip(probabilities.T, labels.T, strict=True)
    return [_cutoffs(drawn.of(p, y == 1), drawn.of(p, y == 0), error) for p, y in columns]


class _Drawn(NamedTuple):
    """One recording of each patient of a class: the first in a random order."""

    order: NDArray[np.int64]  # (N)
    patient: NDArray[np.int64]  # (N) of each recording, in that order
    patients: int

    def of(self, values: Numbers, chosen: NDArray[np.bool_]) -> Numbers:
        """(N), (N) → (patients that have a chosen one)."""
        places = np.flatnonzero(chosen[self.order])[::-1]
        first = np.full(self.patients, -1)
        first[self.patient[places]] = places  # of several the last one counts here, which comes first in the order
        return values[self.order[first[first >= 0]]]


def _cutoffs(positives: Numbers, negatives: Numbers, error: float) -> Cutoffs | None:
    ranks = [rank(len(own), error) for own in (positives, negatives)]
    if not all(ranks):
        return None
    lowest = np.partition(positives, ranks[0] - 1)[ranks[0] - 1]
    return Cutoffs(float(lowest), float(-np.partition(-negatives, ranks[1] - 1)[ranks[1] - 1]))


def rank(cases: int, error: float) -> int:
    """Of the outermost value that may be exceeded: ⌊(n + 1) error⌋; 0: there are too few."""
    return int(np.floor((cases + 1) * error + 1e-9))  # 10 · 0.1 may be a little less than 1


def sets(probabilities: Numbers, cutoffs: Sequence[Cutoffs | None]) -> Sets:
    """The sets of recordings: (N, n) calibrated probabilities, n cutoffs."""
    bounds = np.array([(np.nan, np.nan) if one is None else one for one in cutoffs], np.float64).reshape(-1, 2)
    low, high = bounds.T
    known = np.where(np.isnan(low), np.nan, 0.0)
    return Sets((probabilities >= low) + known, (probabilities <= high) + known)


def out_of_fold(probabilities: Numbers, labels: Numbers, patient_id: NDArray[Any], error: float = ERROR) -> Sets:
    """The sets of recordings by cutoffs that their patients had no part in (`operating_points.deal`)."""
    turn = deal(patient_id)
    held = np.full((2, *labels.shape), np.nan)
    for part in range(TURNS):
        judged = turn == part
        if not judged.any() or judged.all():
            continue
        cutoffs = fit(probabilities[~judged], labels[~judged], patient_id[~judged], error)
        held[:, judged] = sets(probabilities[judged], cutoffs)
    return Sets(*held)


def measure(own: Sets, flags: Numbers, labels: Numbers, draws: bootstrap.Draws) -> list[Worth | None]:
    """Measure coverage of either class, and how many are unsure, with intervals by patient bootstrap.

    Parameters
    ----------
    own
        Sets of the recordings.
    flags
        (N, n): 1, 0, or NaN where a case is not judged: what is flagged is not unsure.
    labels
        (N, n): 0, 1, or NaN where unknown.
    draws
        Of the N recordings.

    Returns
    -------
    list
        (n); None where no recording has set, flag and label.
    """
    judged = ~(np.isnan(own.positive) | np.isnan(flags) | np.isnan(labels))
    columns = np.flatnonzero(judged.any(axis=0))
    if not columns.size:
        return [None] * judged.shape[1]
    parts = own.positive[:, columns], own.negative[:, columns], flags[:, columns], labels[:, columns]
    cells = _cells(*parts, judged[:, columns])
    here = _shares(np.stack([cell.sum(axis=0, dtype=np.float64) for cell in cells]))  # (3 n)
    drawn = _shares(bootstrap.sums(cells, draws))  # (3 R n)
    worth: dict[int, Worth] = {}
    for place, column in enumerate(columns.tolist()):
        each = zip(here[:, place], drawn[:, :, place], strict=True)
        worth[column] = Worth(
            *(Estimate(None if np.isnan(v) else float(v), bootstrap.interval(rounds)) for v, rounds in each)
        )
    return [worth.get(column) for column in range(judged.shape[1])]


def _cells(
    positive: Numbers, negative: Numbers, flags: Numbers, labels: Numbers, judged: NDArray[np.bool_]
) -> list[NDArray[np.float32]]:
    """Whether each recording is a covered positive, a positive, a covered negative, a negative, unsure: five (N n)."""
    abnormal, normal = labels > 0.5, labels < 0.5
    unsure = (positive == negative) & (flags < 0.5)
    cells = ((positive > 0.5) & abnormal, abnormal, (negative > 0.5) & normal, normal, unsure)
    return [(cell & judged).astype(np.float32) for cell in cells]


def _shares(cells: Numbers) -> Array:
    """Coverage of positives and of negatives, and share of unsure ones: (5 …) → (3 …), NaN where it is of nobody."""
    covered, positives, right, negatives, unsure = cells.astype(np.float64)
    parts, of = np.stack([covered, right, unsure]), np.stack([positives, negatives, positives + negatives])
    return np.divide(parts, of, out=np.full(parts.shape, np.nan), where=of > 0)
