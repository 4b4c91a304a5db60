"""Calibrations and decisions of a contract, fitted on labelled answers.

An operating point holds as it was measured, so it is chosen and measured in each setting in which a model answers: on
the mean over a recording's windows and on a single one, with all facts that the data have and with age and sex alone.
Calibrations are fitted once, on the mean over all windows with all facts.

Glossary: N recordings, W windows of a recording, n targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab.contract import Calibration, Contract, Target
from ecg2lab.contract.claims import ConformalSet, Decision, Measured, OperatingPoint
from ecg2lab_training.measures import bootstrap, conformal, curves, flags, gate, operating_points, platt
from ecg2lab_training.measures.conformal import Cutoffs, Worth
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.measures.flags import Figures
from ecg2lab_training.measures.operating_points import Rule

Array = NDArray[np.float64]
Labels = NDArray[np.floating[Any]]
Facts = Literal["all", "age and sex"]
AGE_AND_SEX = ("age", "sex")
_COMMON = 0.95
"""Share of recordings that lack no more facts than an operating point allows."""
_DIGITS = 4


class Setting(NamedTuple):
    """How a model is asked."""

    windows: int
    """Over which a probability is a mean."""
    facts: Facts


@dataclass(frozen=True)
class Answers:
    """Of a model to the same recordings in one setting."""

    probabilities: Array
    """(N, n), not calibrated."""
    labels: Labels
    """(N, n): 0, 1, or NaN where unknown."""
    patient_id: NDArray[Any]
    """(N)."""
    missing: NDArray[np.integer[Any]]
    """(N) features that were not known."""
    distances: Array | None = None
    """(N) of their features from those of the training folds; None: not measured."""


Answered = Mapping[Setting, Answers]


def answered(
    windows: Mapping[Facts, Array],
    labels: Labels,
    patient_id: NDArray[Any],
    missing: NDArray[np.integer[Any]],
    distances: Mapping[Facts, Distances | None] | None = None,
) -> dict[Setting, Answers]:
    """Sort a model's answers by the settings that they are of.

    Parameters
    ----------
    windows
        By what was known, (N, W, n) probability of each window, not calibrated; NaN where a recording has fewer.
    labels
        (N, n): 0, 1, or NaN where unknown.
    patient_id
        (N).
    missing
        (N) features that are not known of those that the model takes.
    distances
        By what was known, from the training folds; None: they were not measured.

    Returns
    -------
    dict
        For a single window one of each recording, not always the same; for the mean those recordings that have as many
        windows as most.
    """
    settings: dict[Setting, Answers] = {}
    for facts, each in windows.items():
        counts = (~np.isnan(each[:, :, 0])).sum(axis=1)
        whole = int(np.bincount(counts).argmax())
        rows = np.flatnonzero(counts == whole)
        one = np.arange(len(each)), np.arange(len(each)) % counts
        far = (distances or {}).get(facts)
        alone, together = (None, None) if far is None else (far.windows[one], far.mean[rows])
        settings[Setting(1, facts)] = Answers(each[one], labels, patient_id, missing, alone)
        mean = each[rows, :whole].mean(axis=1)
        settings[Setting(whole, facts)] = Answers(mean, labels[rows], patient_id[rows], missing[rows], together)
    return settings


@dataclass(frozen=True)
class Sources:
    """Words for where a decision is from."""

    chosen_on: str
    measured_on: str


def calibrate(contract: Contract, answers: Answered) -> Contract:
    """Return the contract with calibrations fitted anew, on all windows and facts.

    A target without both classes gets none.
    """
    main = answers[main_setting(answers)]
    fits = (platt.fit(p, y) for p, y in zip(main.probabilities.T, main.labels.T, strict=True))
    targets = (replace(target, calibration=fit) for target, fit in zip(contract.targets, fits, strict=True))
    return replace(contract, targets=tuple(targets))


def main_setting(answers: Answered) -> Setting:
    """All facts, and the most windows."""
    return max(setting for setting in answers if setting.facts == "all")


def decide(
    contract: Contract,
    chosen: Answered,
    measured: Answered | None,
    rule: Rule,
    sources: Sources,
    least_cases: int = gate.LEAST_CASES,
) -> Contract:
    """Return the contract with decisions for every target, calibrations as they are.

    Parameters
    ----------
    contract
        Of the model.
    chosen
        Answers that thresholds are chosen on, and that say whether a target has one (`gate.gate`).
    measured
        Answers that the figures are of; None: those by thresholds of other patients (`operating_points.out_of_fold`).
    rule
        Of the thresholds.
    sources
        What to call them.
    least_cases
        Positives, and negatives, that an operating point takes.
    """
    calibrations = [target.calibration for target in contract.targets]
    features = len(contract.feature_names)
    columns: list[list[OperatingPoint]] = []
    for setting in in_order(chosen):
        own = chosen[setting]
        others = None if measured is None else measured[setting]
        points = _points(own, others, calibrations, rule, least_cases)
        missing = most_missing(own if others is None else others, setting, features)
        columns.append([_point(point, setting, missing, sources) for point in points])
    decisions = (
        Decision(rule=str(rule), chosen_on=sources.chosen_on, measured_on=sources.measured_on, points=tuple(points))
        for points in zip(*columns, strict=True)
    )
    return replace(
        contract,
        targets=tuple(
            replace(target, decision=decision, decision_threshold=None)
            for target, decision in zip(contract.targets, decisions, strict=True)
        ),
    )


def in_order(answers: Answered) -> list[Setting]:
    """Of the settings: the most windows first."""
    return sorted(answers, key=lambda setting: (-setting.windows, setting.facts))


def most_missing(answers: Answers, setting: Setting, features: int) -> int:
    """Features, of so many that the model takes, that nearly all of these recordings lack at most."""
    if setting.facts == "age and sex":
        return max(features - len(AGE_AND_SEX), 0)
    return int(np.quantile(answers.missing, _COMMON, method="higher"))


class _Gated(NamedTuple):
    """A threshold or the reason for none, and what it was worth."""

    threshold: float | None
    reason: str | None
    figures: Figures | None
    cutoffs: Cutoffs | None  # of the conformal sets
    worth: Worth | None
    labels: Labels  # (N) that the figures are of
    patient_id: NDArray[Any]


def _points(
    own: Answers, others: Answers | None, calibrations: Sequence[Calibration | None], rule: Rule, least_cases: int
) -> Iterator[_Gated]:
    """Gate all targets on one set of answers, and measure them on another."""
    draws = bootstrap.plan(own.patient_id, "patients", gate.ROUNDS, seed=0)
    p = platt.apply(own.probabilities, calibrations)
    gated = gate.gate(p, own.labels, rule, draws, least_cases)
    cutoffs = conformal.fit(p, own.labels, own.patient_id)
    if others is None:
        others = own
        flagged = operating_points.out_of_fold(p, own.labels, own.patient_id, rule)
        flagged[:, [point.threshold is None for point in gated]] = np.nan
        sets = conformal.out_of_fold(p, own.labels, own.patient_id)
    else:
        draws = bootstrap.plan(others.patient_id, "patients", gate.ROUNDS, seed=0)
        p = platt.apply(others.probabilities, calibrations)
        flagged = flags.flag(p, [point.threshold for point in gated])
        sets = conformal.sets(p, cutoffs)
    figures = flags.measure_flags(flagged, others.labels, draws)
    worth = conformal.measure(sets, flagged, others.labels, draws._replace(rounds=bootstrap.ROUNDS))
    targets = zip(gated, figures, cutoffs, worth, others.labels.T, strict=True)
    for point, figure, cutoff, one, labels in targets:
        yield _Gated(point.threshold, point.reason, figure, cutoff, one, labels, others.patient_id)


def _point(gated: _Gated, setting: Setting, most_missing: int, sources: Sources) -> OperatingPoint:
    positives, negatives = curves.counts(gated.labels)
    labelled = positives + negatives
    rates = _rates(gated.figures)
    threshold, reason = gated.threshold, gated.reason
    if threshold is not None and (rates["sensitivity"] is None or rates["specificity"] is None):
        threshold = None
        reason = f"{positives} positives and {negatives} negatives on {sources.measured_on}: too few to measure it"
    return OperatingPoint(
        windows=setting.windows,
        facts=setting.facts,
        most_missing=most_missing,
        threshold=threshold,
        reason=reason,
        patients=len(np.unique(gated.patient_id[~np.isnan(gated.labels)])),
        positives=positives,
        negatives=negatives,
        prevalence=round(positives / labelled, _DIGITS) if labelled else None,
        conformal=None if threshold is None else _conformal(gated),
        **(rates if threshold is not None else {}),
    )


def _conformal(gated: _Gated) -> ConformalSet | None:
    """None where a class has too few patients."""
    if gated.cutoffs is None:
        return None
    worth = gated.worth
    return ConformalSet(
        error=conformal.ERROR,
        positive_from=gated.cutoffs.positive_from,
        negative_to=gated.cutoffs.negative_to,
        coverage_positive=None if worth is None else _measured(worth.coverage_positive),
        coverage_negative=None if worth is None else _measured(worth.coverage_negative),
        unsure=None if worth is None else _measured(worth.unsure),
    )


def _rates(figures: Figures | None) -> dict[str, Measured | None]:
    names = ("sensitivity", "specificity", "ppv", "npv")
    return {name: None if figures is None else _measured(getattr(figures, name)) for name in names}


def _measured(estimate: bootstrap.Estimate) -> Measured | None:
    if estimate.value is None or estimate.interval is None:
        return None
    value, low, high = (round(x, _DIGITS) for x in (estimate.value, *estimate.interval))
    return Measured(value=value, low=low, high=high)


def threshold_of(target: Target, setting: Setting) -> float | None:
    """From which probability on a target is flagged in a setting; None: there is no decision."""
    if target.decision is None:
        return target.decision_threshold
    point = _point_of(target.decision, setting)
    return None if point is None else point.threshold


def conformal_of(target: Target, setting: Setting) -> ConformalSet | None:
    """When a target counts as unsure in a setting; None: never."""
    point = None if target.decision is None else _point_of(target.decision, setting)
    return None if point is None else point.conformal


def _point_of(decision: Decision, setting: Setting) -> OperatingPoint | None:
    return next((p for p in decision.points if (p.windows, p.facts) == tuple(setting)), None)
