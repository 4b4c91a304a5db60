"""All measures of a model on labelled recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Target
from ecg2lab.contract.claims import ConformalSet
from ecg2lab_training.evaluation import baseline as boosting
from ecg2lab_training.evaluation import forecasts, ideal
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import Agreement, Curve, Estimate, NetBenefit, brief, number
from ecg2lab_training.evaluation.result import (
    AtPrevalence,
    Baseline,
    Calibrated,
    Conformal,
    Decision,
    Ideal,
    Medians,
    Overall,
    Settings,
    TargetResult,
)
from ecg2lab_training.measures import (
    agreement,
    bootstrap,
    calibration_curve,
    conformal,
    curves,
    decision_curve,
    flags,
    parts,
    platt,
    rates,
    reliability,
)
from ecg2lab_training.measures.conformal import Worth
from ecg2lab_training.measures.decisions import Setting, conformal_of, threshold_of
from ecg2lab_training.measures.flags import Figures
from ecg2lab_training.measures.reliability import Reliability

Array = NDArray[np.float64]
Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Assessment:
    """What `assess` found."""

    overall: Overall
    targets: tuple[TargetResult, ...]
    baseline: Baseline | None
    ideal: Ideal | None
    forecasts: forecasts.Forecasts | None


@dataclass(frozen=True)
class Beside:
    """What stands beside the model, where there is any."""

    baseline: Array | None = None
    """(N, n) scores of the tabular baseline."""
    planted: Mapping[str, str] = field(default_factory=dict)
    """Of simulated patients: target → "ecg", "tabular", "nowhere"."""
    prevalences: Mapping[str, float] = field(default_factory=dict)
    """Stated by the user, by target."""
    calibration_from: str = "contract"


def assess(cases: Cases, contract: Contract, settings: Settings, beside: Beside | None = None) -> Assessment:
    """Measure all targets on the same rounds of one bootstrap.

    Parameters
    ----------
    cases
        Answers and labels.
    contract
        With the calibrations and thresholds that are judged.
    settings
        Of the bootstrap, and what the thresholds were chosen by.
    beside
        Baseline, ideal observer's plan, stated prevalences.
    """
    beside = beside or Beside()
    draws = bootstrap.plan(cases.patient_id, settings.bootstrap, settings.rounds, settings.seed)
    raw = cases.probabilities()
    calibrated = platt.apply(raw, [target.calibration for target in contract.targets])
    areas, rounds = curves.per_target(raw, cases.labels), bootstrap.areas(raw, cases.labels, draws)
    observed = None if cases.ideal is None else ideal.Observed(cases, rounds, draws)
    boosted = None if beside.baseline is None else _areas(beside.baseline, cases.labels)
    setting = Setting(cases.windows.shape[1], "all")
    thresholds = [threshold_of(target, setting) for target in contract.targets]
    figures = flags.measure(calibrated, cases.labels, thresholds, draws)
    sets = [conformal_of(target, setting) for target in contract.targets]
    worth = _sets(calibrated, cases.labels, sets, thresholds, draws)
    agreements = _each_target(agreement.measure, calibrated, cases.labels, draws)
    smooth = _each_target(calibration_curve.measure, calibrated, cases.labels, draws)
    beside_last = forecasts.compare(cases, contract, draws)
    benefits = _each_target(decision_curve.measure, calibrated, cases.labels, draws)
    results = []
    for column, target in enumerate(contract.targets):
        labels = cases.labels[:, column]
        before, after = raw[:, column], calibrated[:, column]
        result = TargetResult(
            name=target.name,
            criterion=target.criterion,
            **_counts(labels),
            auroc=Estimate.of(float(areas[column]), rounds[:, column]),
            auprc=curves.auprc(before, labels),
            calibration=target.calibration,
            before=reliability.measure(before, labels),
            after=reliability.measure(after, labels),
            agreement=Agreement.of(agreements[column]),
            curve=Curve.of(smooth[column]),
            net_benefit=NetBenefit.of(benefits[column]),
            decision=_decision(target, thresholds[column], figures[column], settings, beside.prevalences),
            conformal=_conformal(sets[column], worth[column]),
            baseline=None if boosted is None else number(boosted[column]),
            planted=beside.planted.get(target.name),
            ideal=None if observed is None else number(observed.ideal[column]),
            gap=None if observed is None else observed.gap(column),
            forecast=None if beside_last is None else beside_last.targets.get(target.name),
        )
        results.append(result)
    overall = Overall(
        macro_auroc=Estimate.of(curves.macro(areas), bootstrap.macro(rounds)),
        targets=int((~np.isnan(areas)).sum()),
        before=_calibrated([r.before for r in results], raw, cases.labels),
        after=_calibrated([r.after for r in results], calibrated, cases.labels),
        medians=_medians(results),
        calibration_from=beside.calibration_from,
    )
    compared = None if observed is None else ideal.compare(observed, contract.target_names, beside.planted)
    boosting_too = _baseline(beside, cases, areas, rounds, draws, contract)
    return Assessment(
        overall, tuple(results), boosting_too, compared, None if beside_last is None else beside_last.overall
    )


def _each_target(
    measure: Callable[[Array, NDArray[np.float32], bootstrap.Draws], Sequence[Measured]],
    probabilities: Array,
    labels: NDArray[np.float32],
    draws: bootstrap.Draws,
) -> list[Measured]:
    """What a measure gives for each target, on all cores."""
    return parts.measure(labels.shape[1], lambda part: measure(probabilities[:, part], labels[:, part], draws))


def _areas(scores: Array, labels: NDArray[np.float32]) -> Array:
    """AUROC by target; NaN where a score is missing."""
    return curves.per_target(scores, np.where(np.isnan(scores), np.nan, labels))


def _counts(labels: NDArray[np.float32]) -> dict[str, Any]:
    positives, negatives = curves.counts(labels)
    labelled = positives + negatives
    return {"positives": positives, "negatives": negatives, "prevalence": positives / labelled if labelled else None}


def _decision(
    target: Target, threshold: float | None, figures: Figures | None, settings: Settings, stated: Mapping[str, float]
) -> Decision | None:
    if threshold is None or figures is None:
        return None
    measured = figures.sensitivity, figures.specificity, figures.ppv, figures.npv
    sensitivity, specificity, ppv, npv = map(Estimate.measured, measured)
    here = AtPrevalence(prevalence=figures.prevalence, source="these records", ppv=ppv.value, npv=npv.value)
    elsewhere = _at(sensitivity, specificity, stated[target.name]) if target.name in stated else None
    return Decision(
        threshold=threshold,
        rule=target.decision.rule if target.decision else settings.rule,
        chosen_on=target.decision.chosen_on if target.decision else None,
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=ppv,
        npv=npv,
        predictive_values=(here,) if elsewhere is None else (here, elsewhere),
    )


def _sets(
    p: Array,
    labels: NDArray[np.float32],
    sets: Sequence[ConformalSet | None],
    thresholds: Sequence[float | None],
    draws: bootstrap.Draws,
) -> list[Worth | None]:
    """What the conformal sets of all targets are worth."""
    cutoffs = [None if one is None else conformal.Cutoffs(one.positive_from, one.negative_to) for one in sets]
    held, flagged = conformal.sets(p, cutoffs), flags.flag(p, thresholds)

    def measure(part: slice) -> list[Worth | None]:
        own = conformal.Sets(held.positive[:, part], held.negative[:, part])
        return conformal.measure(own, flagged[:, part], labels[:, part], draws)

    return parts.measure(len(cutoffs), measure)


def _conformal(own: ConformalSet | None, worth: Worth | None) -> Conformal | None:
    if own is None or worth is None:
        return None
    names = ("coverage_positive", "coverage_negative", "unsure")
    return Conformal(error=own.error, **{name: Estimate.measured(getattr(worth, name)) for name in names})


def _at(sensitivity: Estimate, specificity: Estimate, prevalence: float) -> AtPrevalence:
    if sensitivity.value is None or specificity.value is None:
        return AtPrevalence(prevalence=prevalence, source="stated", ppv=None, npv=None)
    ppv, npv = rates.predictive_values(sensitivity.value, specificity.value, prevalence)
    return AtPrevalence(prevalence=prevalence, source="stated", ppv=ppv, npv=npv)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _medians(results: list[TargetResult]) -> Medians:
    agreements = [r.agreement for r in results if r.agreement]
    slopes = [a.slope.value for a in agreements if a.slope]
    return Medians(
        targets=len(agreements),
        intercept=_median([a.intercept.value for a in agreements]),
        slope=_median(slopes),
        average_error=_median([r.curve.average_error for r in results if r.curve]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    return brief(float(np.median(np.array(values, dtype=np.float64)))) if values else None


def _calibrated(measured: list[Reliability | None], p: Array, labels: NDArray[np.float32]) -> Calibrated:
    pooled = reliability.measure(p.ravel(), labels.ravel())
    targets = [m for m in measured if m is not None]
    return Calibrated(
        mean_ece=_mean([m.ece for m in targets]),
        mean_ece_by_chance=_mean([m.ece_by_chance for m in targets]),
        pooled_ece=pooled.ece if pooled else None,
        pooled_ece_by_chance=pooled.ece_by_chance if pooled else None,
        mean_brier=_mean([m.brier for m in targets]),
    )


def _baseline(
    beside: Beside, cases: Cases, areas: Array, rounds: Array, draws: bootstrap.Draws, contract: Contract
) -> Baseline | None:
    """Model and baseline over the targets that both have, in the same rounds."""
    if beside.baseline is None:
        return None
    without = np.isnan(beside.baseline).any(axis=0)
    own = _areas(beside.baseline, cases.labels)
    own_rounds = bootstrap.areas(beside.baseline, cases.labels, draws)
    both = ~without & ~np.isnan(areas)
    macro_rounds, model = bootstrap.macro(own_rounds[:, both]), curves.macro(areas[both])
    macro_own = curves.macro(own[both])
    return Baseline(
        description=boosting.DESCRIPTION,
        macro_auroc=Estimate.of(macro_own, macro_rounds),
        macro_model=number(model),
        gain=Estimate.of(model - macro_own, bootstrap.macro(rounds[:, both]) - macro_rounds),
        targets_without=tuple(np.array(contract.target_names)[without].tolist()),
    )
