"""Operating points: the calibrated probability from which a case is flagged, and the rule that chooses it.

Glossary: N cases (recordings), n targets, C cuts.

Why not Youden by default: where sensitivity + specificity is greatest, the ROC's slope is 1, so that a case on the
threshold has no more than the base rate. A stated specificity bounds false alarms whatever the prevalence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import curves

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
Kind = Literal["specificity", "sensitivity", "ppv", "net-benefit", "youden", "none"]
DEFAULT_RULE = "specificity=0.90"
LEAST_FLAGGED = 20
"""Cases to be flagged before its PPV counts: of 20 its standard error is 11 % at most, of 3 it is noise."""
TURNS = 5
_NUMBERLESS = ("youden", "none")
_SLACK = 1e-9  # 0.9 · 10 may be a little more than 9


@dataclass(frozen=True)
class Rule:
    """What an operating point has to keep.

    Raises
    ------
    DatasetError
        If the kind has no such value.
    """

    kind: Kind
    value: float | None = None
    """Above 0 and below 1; None for `youden` and `none`."""

    def __post_init__(self) -> None:
        if self.kind in _NUMBERLESS:
            valid = self.value is None
        else:
            valid = self.kind in get_args(Kind) and self.value is not None and 0 < self.value < 1
        if not valid:
            raise _refusal(str(self))

    def __str__(self) -> str:
        """Text that `parse` reads back."""
        return self.kind if self.value is None else f"{self.kind}={self.value}"


def parse(text: str) -> Rule:
    """Read a rule.

    Parameters
    ----------
    text
        `specificity=0.90`, `sensitivity=0.9`, `ppv=0.5`, `net-benefit=0.1` (the threshold probability itself),
        `youden`, or `none`. Numbers lie above 0 and below 1: a sample cannot promise a specificity or sensitivity of 1.

    Raises
    ------
    DatasetError
        If it is none of these.
    """
    kind, equals, number = text.partition("=")
    try:
        return Rule(cast(Kind, kind), float(number) if equals else None)
    except (ValueError, DatasetError):
        raise _refusal(text) from None


def _refusal(text: str) -> DatasetError:
    return DatasetError(
        f"rule {text!r} is none of specificity=0.90, sensitivity=0.9, ppv=0.5, net-benefit=0.1 "
        "(or another number above 0 and below 1), youden, none"
    )


def choose(probabilities: Numbers, labels: Numbers, rule: Rule) -> float | None:
    """Choose the threshold of one target: a case is flagged if its probability is at least so much.

    =============== ===============================================================================================
    specificity=s   the lowest threshold whose specificity is at least s: the most sensitive one that keeps it
    sensitivity=s   the highest threshold whose sensitivity is at least s: the most specific one that keeps it
    ppv=v           the lowest threshold whose PPV is at least v, of those that flag `LEAST_FLAGGED` cases or more
    net-benefit=p   p: where probabilities are calibrated, flagging from p on has the greatest net benefit for those
                    who would accept (1 - p) / p false alarms for a right one (Vickers and Elkin 2006)
    youden          where sensitivity + specificity is greatest; the lowest of several
    none            no threshold
    =============== ===============================================================================================

    Equal probabilities are never parted. The threshold lies halfway between two neighbouring ones, of which 0 and 1
    are the outermost, so that rounding does not decide; above all of them nobody is flagged.

    Parameters
    ----------
    probabilities
        (cases), calibrated.
    labels
        (cases): 0, 1, or NaN where unknown.
    rule
        From `parse`.

    Returns
    -------
    float or None
        In (0, 1). None without at least one positive and one negative, and where no such threshold keeps the rule.
    """
    cuts = _cuts(curves.curve(probabilities, labels))
    if not cuts.positives or not cuts.negatives:
        return None
    return _CHOICES[rule.kind](cuts, 0.0 if rule.value is None else rule.value)  # no rule without a number looks at it


class _Cuts(NamedTuple):
    """Every way to part the cases by a threshold in (0, 1), which rises: (C)."""

    thresholds: Array
    hits: Array  # flagged positives
    alarms: Array  # flagged negatives
    positives: float
    negatives: float


def _cuts(cases: curves.Curve) -> _Cuts:
    hits, alarms = (np.append(flagged, 0.0) for flagged in cases.detected)
    below, above = np.append(0.0, cases.scores), np.append(cases.scores, 1.0)
    middle = (below + above) / 2
    thresholds = np.where(middle > below, middle, above)  # of two adjacent doubles, the middle may round to the lower
    inside = (thresholds > 0) & (thresholds < 1)  # all that score 1 are flagged, all that score 0 are not
    positives, negatives = float(cases.positives.sum()), float(cases.negatives.sum())
    return _Cuts(thresholds[inside], hits[inside], alarms[inside], positives, negatives)


def _first(cuts: _Cuts, kept: NDArray[np.bool_]) -> float | None:
    return float(cuts.thresholds[kept][0]) if kept.any() else None


def _specificity(cuts: _Cuts, value: float) -> float | None:
    return _first(cuts, cuts.alarms <= (1 - value) * cuts.negatives + _SLACK)


def _sensitivity(cuts: _Cuts, value: float) -> float | None:
    kept = cuts.hits >= value * cuts.positives - _SLACK
    return float(cuts.thresholds[kept][-1]) if kept.any() else None


def _ppv(cuts: _Cuts, value: float) -> float | None:
    flagged = cuts.hits + cuts.alarms
    return _first(cuts, (flagged >= LEAST_FLAGGED) & (cuts.hits >= value * flagged - _SLACK))


def _youden(cuts: _Cuts, _: float) -> float | None:
    # the index, times positives times negatives: whole numbers, so that ties are exact
    index = cuts.hits * cuts.negatives - cuts.alarms * cuts.positives
    return _first(cuts, index == index.max(initial=-np.inf))


_CHOICES: dict[Kind, Callable[[_Cuts, float], float | None]] = {
    "specificity": _specificity,
    "sensitivity": _sensitivity,
    "ppv": _ppv,
    "net-benefit": lambda _, value: value,
    "youden": _youden,
    "none": lambda *_: None,
}


def deal(patient_id: NDArray[Any], turns: int = TURNS, seed: int = 0) -> NDArray[np.int64]:
    """Deal patients into as many parts as there are turns, at least 2: (N) → (N) in which turn a case is judged."""
    if turns < 2:
        raise ValueError("turns: at least 2, or no patients are left to choose a threshold")
    patients, place = np.unique(patient_id, return_inverse=True)
    return np.asarray((np.random.default_rng(seed).permutation(patients.size) % turns)[place])


def out_of_fold(
    probabilities: Numbers, labels: Numbers, patient_id: NDArray[Any], rule: Rule, turns: int = TURNS, seed: int = 0
) -> Array:
    """Flag each case by a threshold that its patient had no part in.

    The patients are dealt into as many parts as there are turns; each part is judged by the thresholds of the others.
    `flags.measure_flags` of the result says how the rule, rather than one threshold, fares on other patients.

    Parameters
    ----------
    probabilities
        (N, n), calibrated.
    labels
        (N, n): 0, 1, or NaN where unknown.
    patient_id
        (N).
    rule
        From `parse`.
    turns, seed
        Of the deal (`deal`).

    Returns
    -------
    ndarray (N, n)
        1 flagged, 0 not, NaN where the label is unknown or the other patients give no threshold.
    """
    turn = deal(patient_id, turns, seed)
    flags = np.full(labels.shape, np.nan)
    for part in range(turns):
        judged = turn == part
        for column, (p, y) in enumerate(zip(probabilities.T, labels.T, strict=True)):
            threshold = choose(p[~judged], y[~judged], rule)
            if threshold is not None:
                flags[judged, column] = p[judged] >= threshold
    flags[np.isnan(labels)] = np.nan
    return flags
