"""Vital signs and body measures as a chart has them: noisy, rounded, partly missing, sometimes mistyped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecg2lab_training.simulation import population
from ecg2lab_training.simulation.population import Floats, Visits, sigmoid


@dataclass(frozen=True)
class Sign:
    """One vital sign: mean and deviation given the latents."""

    name: str  # column of the table `vitalsign`
    digits: int
    deviation: float
    own: Callable[[Visits], Floats]
    """Mean, but for inflammation and shock."""
    inflammation: float = 0.0  # what a step of each adds to the mean
    shock: float = 0.0

    def mean(self, visits: Visits, inflammation: Floats, shock: Floats) -> Floats:
        """Mean; the arguments broadcast. Of the pressure `dbp` it is the mean given nothing of `sbp`."""
        return self.own(visits) + self.inflammation * inflammation + self.shock * shock


def _systolic(v: Visits) -> Floats:
    return 133 + 0.2 * (v.ageing - 60)


SYSTOLIC_DEVIATION, SYSTOLIC_SHOCK = 16.0, -15.0  # mmHg
DIASTOLIC = 0.55  # of the systolic pressure; the deviation of `dbp` is around this share of the charted patient's own
SIGNS = (
    Sign("temperature", 1, 0.6, lambda v: np.full(v.age.shape, 98.1), inflammation=0.6),
    Sign("heartrate", 0, 9.0, lambda v: v.heart_rate),
    Sign("resprate", 0, 3.0, lambda v: 16.5 + v.heart_failure + v.lung_disease, inflammation=1.8, shock=1.8),
    Sign("o2sat", 0, 1.5, lambda v: 97.3 - 0.6 * v.heart_failure - v.lung_disease, inflammation=-0.6),
    Sign("sbp", 0, SYSTOLIC_DEVIATION, _systolic, shock=SYSTOLIC_SHOCK),
    Sign("dbp", 0, 8.0, lambda v: DIASTOLIC * _systolic(v), shock=DIASTOLIC * SYSTOLIC_SHOCK),
)
HIGHEST_SATURATION = 100.0
UNKNOWN = -1.4  # log-odds that a well patient lacks a vital sign
SEVERITY_WEIGHT = -0.4  # the iller, the more closely watched: not missing at random
MISTYPED = 0.002
UNKNOWN_BODY = {"height_cm": -1.2, "weight_kg": -1.6, "bmi": -1.0}


def missing(severity: Floats) -> Floats:
    """Probability that a vital sign is missing."""
    return sigmoid(UNKNOWN + SEVERITY_WEIGHT * severity)


def chart(v: Visits, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw the charted vital signs: column → (V) in the units of MIMIC-IV-ED, NaN where missing."""
    lacking = missing(population.severity(v, v.inflammation, v.shock))
    columns: dict[str, Floats] = {}
    systolic = np.empty(0)
    for sign in SIGNS:
        mean = sign.mean(v, v.inflammation, v.shock)
        true = (DIASTOLIC * systolic if sign.name == "dbp" else mean) + rng.normal(0, sign.deviation, len(v))
        if sign.name == "sbp":
            systolic = true
        if sign.name == "o2sat":
            true = np.minimum(true, HIGHEST_SATURATION)
        columns[sign.name] = np.where(rng.random(len(v)) < lacking, np.nan, np.round(true, sign.digits))
    return columns


def mistype(columns: dict[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """Two lost decimal points here and there: far beyond any limit, so that a rule must drop them."""
    return {name: np.where(rng.random(len(x)) < MISTYPED, 100 * x, x) for name, x in columns.items()}


def body(v: Visits, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw the charted body measures: feature → (V) in metric units, NaN where missing."""
    true = {"height_cm": v.height_cm, "weight_kg": v.weight_kg, "bmi": v.bmi}
    return {
        name: np.where(rng.random(len(v)) < 1 / (1 + np.exp(-UNKNOWN_BODY[name])), np.nan, np.round(x, 1))
        for name, x in true.items()
    }
