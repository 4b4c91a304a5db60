"""Forecasts against the last laboratory value before the ECG: new onset, persistence, and what that value says alone.

A forecast that potassium will be low is easy where it was low an hour ago. So cases whose last value was normal are
measured apart from those whose last value was abnormal already, and the last value is itself a score to be beaten.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import curves

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]


class Split(NamedTuple):
    """Labels of each kind of case, (N, n), NaN elsewhere: every labelled case is in exactly one."""

    new_onset: Numbers
    """The last value was normal: positive means that the abnormality is new."""
    persistence: Numbers
    """The last value was abnormal on the side of the target: positive means that it stayed or came back."""
    other_side: Numbers
    """The last value was abnormal on the other side: neither of both."""
    no_value: Numbers
    """There is no value before the ECG."""


def split(labels: Numbers, last_state: Numbers, side: NDArray[np.integer[Any]]) -> Split:
    """Split labels by the last laboratory value before the ECG.

    Parameters
    ----------
    labels
        (N, n): 0, 1, or NaN where unknown.
    last_state
        (N, n), of the laboratory value of each target: -1 low, 0 normal, 1 high, NaN if there is none.
    side
        (n): -1 for targets below a limit, 1 for those above one.
    """
    toward = _toward(labels, last_state, side)
    masks = (toward == 0, toward == 1, toward == -1, np.isnan(toward))
    return Split(*(np.where(mask, labels, np.nan).astype(labels.dtype, copy=False) for mask in masks))


def last_value_scores(last_state: Numbers, side: NDArray[np.integer[Any]]) -> Array:
    """Score cases by the last value: 1 abnormal on the side of the target, 0 normal, -1 on the other side, NaN none.

    Parameters
    ----------
    last_state, side
        As of `split`.

    Returns
    -------
    ndarray (N, n)
        For `bootstrap.areas` give 0 for NaN, together with the labels of `with_last_value`.
    """
    return last_state.astype(np.float64) * side


def with_last_value(labels: Numbers, last_state: Numbers) -> Numbers:
    """Labels of the cases that have a last value, NaN elsewhere: (N, n), on which model and last value compare."""
    return np.where(np.isnan(last_state), np.nan, labels).astype(labels.dtype, copy=False)


def last_value_auroc(labels: Numbers, last_state: Numbers, side: NDArray[np.integer[Any]]) -> Array:
    """AUROC of the last value as a score, ties counting half.

    Parameters
    ----------
    labels, last_state, side
        As of `split`. Cases without a last value do not count: hold against it the model's AUROC on the labels of
        `with_last_value`.

    Returns
    -------
    ndarray (n)
        NaN without at least one positive and one negative.
    """
    scores = np.nan_to_num(_toward(labels, last_state, side))
    return curves.per_target(scores, with_last_value(labels, last_state))


def _toward(labels: Numbers, last_state: Numbers, side: NDArray[np.integer[Any]]) -> Array:
    if labels.shape != last_state.shape or side.shape != labels.shape[1:]:
        raise ValueError(
            f"labels {labels.shape}, states {last_state.shape} and sides {side.shape} are of other targets"
        )
    return last_value_scores(last_state, side)
