"""Which targets get an operating point: enough cases, better than chance, and flags that tell more than the base rate.

Any scores have a threshold that keeps a specificity, meaningless ones too, and a program that flags after it would be
believed. The gate sees the cases that chose the threshold; what the point is worth is measured on others.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import bootstrap, curves, flags, multiplicity, operating_points
from ecg2lab_training.measures.operating_points import Rule

Array = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
LEAST_CASES = 100
"""Positives, and negatives, that a measured operating point takes (Collins et al., Statistics in Medicine 2016)."""
ROUNDS = 2000
"""The least. The smallest p-value is then 1 / 2001: of 204 targets, one or two alone cannot pass at 5 %, three can."""
FALSE_DISCOVERY_RATE = 0.05
LEAST_LIFT = 1.25
"""Times the prevalence, by which the lower 95 % bound of the PPV has to be higher. A rule of our own: a flag that says
hardly more than the base rate is not worth showing. From a prevalence of 80 % on no target can pass."""


@dataclass(frozen=True)
class OperatingPoint:
    """Of one target: a threshold, or the reason why it has none."""

    threshold: float | None
    """In (0, 1); None where the gate is not passed."""
    reason: str | None
    """Why not, as a sentence without its full stop; None where the gate is passed."""
    auroc: float | None
    """Of these cases; None without both classes."""
    p_value: float | None
    """One-sided, of an AUROC above 0.5 by patient bootstrap; None for too few cases, which are not tested."""
    above_chance: bool | None
    """At the false-discovery rate after Benjamini and Hochberg, which decides; None where not tested."""
    above_chance_if_dependent: bool | None
    """The same after Benjamini and Yekutieli, for any dependence of the targets; it does not decide."""


def gate(
    probabilities: Numbers,
    labels: Numbers,
    rule: Rule,
    draws: bootstrap.Draws,
    least_cases: int = LEAST_CASES,
) -> list[OperatingPoint]:
    """Choose the thresholds of all targets, and keep those that pass on the same cases.

    1. A target has at least so many positives and as many negatives. Those with fewer are not tested.
    2. Its AUROC is above 0.5, at a false-discovery rate of 5 % over all that are tested.
    3. A threshold keeps the rule.
    4. The lower 95 % bound of its PPV, by patient bootstrap, is at least 1.25 times the prevalence.

    Parameters
    ----------
    probabilities
        (N, n), calibrated.
    labels
        (N, n): 0, 1, or NaN where unknown.
    rule
        From `operating_points.parse`.
    draws
        Of the N cases, from `bootstrap.plan` with the unit "patients" and at least 2000 rounds.
    least_cases
        Of each class, at least 1.

    Returns
    -------
    list
        (n).

    Raises
    ------
    DatasetError
        If the rounds or the least cases are fewer.
    """
    if draws.rounds < ROUNDS or least_cases < 1:
        raise DatasetError(f"the gate takes at least {ROUNDS} rounds and at least 1 case of each class")
    tests = _test(probabilities, labels, draws, least_cases)
    thresholds = [
        operating_points.choose(p, y, rule) if test is not None and test.above else None
        for p, y, test in zip(probabilities.T, labels.T, tests, strict=True)
    ]
    figures = flags.measure(probabilities, labels, thresholds, draws)
    targets = zip(thresholds, curves.per_target(probabilities, labels), tests, figures, labels.T, strict=True)
    return [
        _point(threshold, area, test, _why_not(area, test, one, y, rule, least_cases))
        for threshold, area, test, one, y in targets
    ]


class _Test(NamedTuple):
    p_value: float
    above: bool
    above_if_dependent: bool


def _test(probabilities: Numbers, labels: Numbers, draws: bootstrap.Draws, least_cases: int) -> list[_Test | None]:
    """Test the targets that have enough cases: (N n), (N n) → (n), None for the others."""
    tested = [target for target, y in enumerate(labels.T) if min(curves.counts(y)) >= least_cases]
    if not tested:
        return [None] * labels.shape[1]
    chances = p_values(bootstrap.areas(probabilities[:, tested], labels[:, tested], draws))
    above = multiplicity.benjamini_hochberg(chances, FALSE_DISCOVERY_RATE)
    if_dependent = multiplicity.benjamini_yekutieli(chances, FALSE_DISCOVERY_RATE)
    columns = zip(tested, chances, above, if_dependent, strict=True)
    tests = {target: _Test(float(p), bool(one), bool(other)) for target, p, one, other in columns}
    return [tests.get(target) for target in range(labels.shape[1])]


def _point(threshold: float | None, area: float, test: _Test | None, reason: str | None) -> OperatingPoint:
    tested = (None, None, None) if test is None else test
    return OperatingPoint(None if reason else threshold, reason, None if np.isnan(area) else float(area), *tested)


def p_values(areas: Array) -> Array:
    """Chance of AUROCs that are not above 0.5, one-sided: (1 + b) / (B + 1), b of B rounds being at or below 0.5.

    Parameters
    ----------
    areas
        (B, n) from `bootstrap.areas`. A round without both classes has none and speaks against the target.

    Returns
    -------
    ndarray (n)
    """
    return (1 + (~(areas > 0.5)).sum(axis=0)) / (len(areas) + 1)


def _why_not(
    area: float, test: _Test | None, figures: flags.Figures | None, labels: Numbers, rule: Rule, least_cases: int
) -> str | None:
    """Why the target does not pass: the first of the four that it fails; None if it passes."""
    if test is None:
        return _too_few(labels, least_cases)
    if not test.above:
        rate = f"false-discovery rate {100 * FALSE_DISCOVERY_RATE:g} %"
        return f"its AUROC of {area:.2f} is not above chance (p = {test.p_value:.2g}; {rate})"
    return _no_threshold(rule) if figures is None else _no_lift(figures)


def _too_few(labels: Numbers, least_cases: int) -> str:
    positives, negatives = curves.counts(labels)
    need = f"{least_cases} of each are" if least_cases > 1 else "1 of each is"
    return f"too few cases: {_count(positives, 'positive')} and {_count(negatives, 'negative')}; {need} needed"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _no_threshold(rule: Rule) -> str:
    if rule.kind == "none":
        return "no threshold is chosen (rule none)"
    among = f" and flags at least {operating_points.LEAST_FLAGGED} cases" if rule.kind == "ppv" else ""
    return f"no threshold keeps {rule}{among}"


def _no_lift(figures: flags.Figures) -> str | None:
    ppv, prevalence = figures.ppv, figures.prevalence
    if ppv.value is None or ppv.interval is None:
        return f"it flags {_count(figures.flagged, 'case')}, too few to tell how often a flag is right"
    low = ppv.interval[0]
    if low >= LEAST_LIFT * prevalence:
        return None
    least, base = _percents(low, prevalence)
    right = _natural_frequency(ppv.value)
    return (
        f"{right} flags would be right (at least {least} %), less than {LEAST_LIFT:g} times the base rate of {base} %"
    )


def _percents(low: float, prevalence: float) -> tuple[str, str]:
    """Both in percent, with as many digits as it takes that the sentence is true of what it shows."""
    for digits in range(2, 7):
        shown = [float(f"{100 * share:.{digits}g}") for share in (low, prevalence)]
        if shown[0] < LEAST_LIFT * shown[1]:
            break
    return f"{shown[0]:g}", f"{shown[1]:g}"


def _natural_frequency(share: float) -> str:
    """As people understand a share best: 3 of 10, 27 of 100; right to 2 % of itself and of its complement."""
    for base in (10**power for power in itertools.count(1)):
        if abs(round(share * base) / base - share) <= 0.02 * min(share, 1 - share):
            break
    return f"{round(share * base)} of {base}"
