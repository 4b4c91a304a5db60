"""Forecasts against the last laboratory value before the ECG: what it says alone, new onset, persistence.

A forecast that potassium will be low is easy where it was low an hour ago. So the last value is itself a score to be
beaten, and cases whose last value was normal are measured apart from those whose last value was abnormal already.

Glossary: N cases (recordings), n targets, R rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import bootstrap, curves, flags, parts

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]


class Last(NamedTuple):
    """The last value before the ECG as each target sees it: (N, n), NaN where there is none."""

    beyond: Numbers
    """How far it lies beyond the target's limit: the further, the more abnormal; negative on the normal side."""
    state: Numbers
    """1 abnormal as the target asks, 0 normal, -1 abnormal on the other side."""
    minutes: Numbers
    """From the value to the ECG."""

    def take(self, cases: NDArray[Any]) -> Last:
        """Some of the cases, by number or by Booleans."""
        return Last(*(values[cases] for values in self))


class Split(NamedTuple):
    """Labels of each kind of case, (N, n), NaN elsewhere: every labelled case is in exactly one."""

    new_onset: Numbers
    """The last value was normal: positive means that the abnormality is new."""
    persistence: Numbers
    """The last value was abnormal as the target asks: positive means that it stayed or came back."""
    other_side: Numbers
    """The last value was abnormal on the other side: neither of both."""
    no_value: Numbers
    """There is no value before the ECG."""


@dataclass(frozen=True)
class Area:
    """How well a score tells one target's labelled cases of one kind apart."""

    positives: int
    negatives: int
    area: float
    """AUROC; NaN without both classes."""
    rounds: Array  # (R)


@dataclass(frozen=True)
class Forecast:
    """One target."""

    model: Area
    """Among the cases with a last value."""
    last_value: Area
    """The last value as the score, among the same cases."""
    new_onset: Area
    """The model, among the cases whose last value was normal."""
    no_value: Area
    """The model, among the cases without a last value."""
    persistence: bootstrap.Estimate
    """Share of the positives with a last value that were abnormal already."""


def measure(scores: Numbers, labels: Numbers, last: Last, draws: bootstrap.Draws) -> list[Forecast]:
    """Measure all targets on the same rounds.

    Parameters
    ----------
    scores
        (N, n) of the model.
    labels
        (N, n): 0, 1, or NaN where unknown.
    last
        Of the same cases and targets.
    draws
        From `bootstrap.plan`.
    """
    kinds, known = split(labels, last.state), with_last_value(labels, last.state)
    beyond = np.nan_to_num(last.beyond)
    pairs = ((scores, known), (beyond, known), (scores, kinds.new_onset), (scores, kinds.no_value))
    model, last_value, new_onset, no_value = (_areas(own, of, draws) for own, of in pairs)
    already = np.where(np.isnan(last.state), np.nan, (last.state == 1).astype(np.float64))
    figures = parts.measure(labels.shape[1], lambda part: flags.measure_flags(already[:, part], labels[:, part], draws))
    nobody = bootstrap.Estimate(None, None)
    shares = [nobody if own is None else own.sensitivity for own in figures]
    return list(map(Forecast, model, last_value, new_onset, no_value, shares))


def _areas(scores: Numbers, labels: Numbers, draws: bootstrap.Draws) -> list[Area]:
    areas, rounds = curves.per_target(scores, labels), bootstrap.areas(scores, labels, draws)
    counts = map(curves.counts, labels.T)
    return [Area(*own, float(area), of) for own, area, of in zip(counts, areas, rounds.T, strict=True)]


def split(labels: Numbers, state: Numbers) -> Split:
    """Split labels by the last laboratory value before the ECG.

    Parameters
    ----------
    labels
        (N, n): 0, 1, or NaN where unknown.
    state
        (N, n), of `Last`.
    """
    if labels.shape != state.shape:
        raise ValueError(f"labels {labels.shape} and states {state.shape} are of other targets")
    masks = (state == 0, state == 1, state == -1, np.isnan(state))
    return Split(*(np.where(mask, labels, np.nan).astype(labels.dtype, copy=False) for mask in masks))


def with_last_value(labels: Numbers, state: Numbers) -> Numbers:
    """Labels of the cases that have a last value, NaN elsewhere: (N, n), on which model and last value compare."""
    return np.where(np.isnan(state), np.nan, labels).astype(labels.dtype, copy=False)
