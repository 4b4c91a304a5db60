"""What the laboratory measures: which labs, how they follow from the latents, and when blood is drawn.

On its scale (natural logarithm or unit), a value is its mean given the latents, plus what nothing explains, plus a
drift after the ECG that nothing foretells, plus the assay's error; it is then rounded as laboratories round.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ecg2lab_training.simulation.population import Floats, Visits, sigmoid

Planted = str
"""Where a lab's cause can be seen: ecg, tabular (vital signs, and what of them the heart rate shows) or nowhere."""


@dataclass(frozen=True)
class LabModel:
    """One laboratory test of the simulated hospital."""

    slug: str
    low: float  # reference limits
    high: float
    digits: int  # of a reported value
    planted: Planted
    logarithmic: bool
    deviation: float  # on the scale, of what nothing explains
    own: Callable[[Visits], Floats]
    """Mean on the scale, but for inflammation and shock."""
    inflammation: float = 0.0  # what a step of each adds to the mean
    shock: float = 0.0
    ordered: float = 2.5  # log-odds that a well patient has it measured; the default is that of a routine panel
    drift: float = 0.0  # on the scale, deviation of the change over HORIZON minutes
    later: float = 0.0  # mean number of values in the HORIZON minutes after the ECG

    def mean(self, visits: Visits, inflammation: Floats, shock: Floats) -> Floats:
        """Mean on the scale; the arguments broadcast."""
        return self.own(visits) + self.inflammation * inflammation + self.shock * shock


def _male(v: Visits, yes: float, no: float) -> Floats:
    return np.where(v.male, yes, no)


def _older(v: Visits) -> Floats:
    return v.ageing - 60


def _below(limit: float, x: Floats) -> Floats:
    return np.maximum(0.0, limit - x)


def _nt_probnp(v: Visits) -> Floats:
    return 4.2 + 1.25 * v.heart_failure + 0.9 * v.fibrillation + 0.02 * _older(v) + 0.5 * v.clearance


def _creatinine(v: Visits) -> Floats:
    return np.log(_male(v, 0.95, 0.75)) + v.clearance


def _urea_nitrogen(v: Visits) -> Floats:
    return math.log(13) + 0.85 * v.clearance


def _hemoglobin(v: Visits) -> Floats:
    return _male(v, 14.7, 13.3) - v.anaemia - 0.025 * _below(60, v.filtration) + 1.4 * v.lung_disease


def _potassium(v: Visits) -> Floats:
    return 4.2 + 0.42 * v.potassium + 0.012 * _below(70, v.filtration)


def _calcium(v: Visits) -> Floats:
    return 9.3 + 0.5 * v.calcium - 0.01 * _below(45, v.filtration)


def _sodium(v: Visits) -> Floats:
    return 139.5 - 2.0 * v.heart_failure


def _albumin(v: Visits) -> Floats:
    return 4.2 - 0.3 * v.heart_failure - 0.006 * _older(v)


def _inr(v: Visits) -> Floats:
    """Anticoagulation is what atrial fibrillation brings with it: the ECG sees the reason, not the value."""
    return np.where(v.fibrillation, 0.52, 0.02)


def _constant(value: float) -> Callable[[Visits], Floats]:
    return lambda v: np.full(v.age.shape, value)


LAB_MODELS = (
    LabModel("nt_probnp", 0, 353, 0, "ecg", True, 1.1, _nt_probnp, ordered=-0.3),
    LabModel("creatinine", 0.5, 1.2, 1, "ecg", True, 0.5, _creatinine),
    LabModel("urea_nitrogen", 6, 20, 0, "ecg", True, 0.5, _urea_nitrogen, shock=0.05),
    LabModel("hemoglobin", 12.0, 17.5, 1, "ecg", False, 1.5, _hemoglobin, inflammation=-0.4, drift=0.8, later=1.8),
    LabModel("potassium", 3.3, 5.1, 1, "ecg", False, 0.45, _potassium, shock=0.12, drift=0.4, later=2.0),
    LabModel("calcium", 8.4, 10.3, 1, "ecg", False, 0.55, _calcium, inflammation=-0.2, ordered=1.3),
    LabModel("sodium", 133, 145, 0, "ecg", False, 3.2, _sodium, inflammation=-0.8),
    LabModel("albumin", 3.5, 5.2, 1, "ecg", False, 0.42, _albumin, inflammation=-0.35, ordered=0.6),
    LabModel("inr", 0.9, 1.1, 1, "ecg", True, 0.25, _inr, inflammation=0.03, ordered=0.9),
    LabModel(
        "lactate", 0.5, 2.0, 1, "tabular", True, 0.35, _constant(0.15), shock=0.6, ordered=-0.2, drift=0.25, later=1.8
    ),
    LabModel("white_blood_cells", 4.0, 11.0, 1, "tabular", True, 0.27, _constant(math.log(7.4)), inflammation=0.34),
    LabModel("platelet_count", 150, 440, 0, "nowhere", False, 90.0, _constant(250)),
    LabModel("magnesium", 1.6, 2.6, 1, "nowhere", False, 0.3, _constant(2.05)),
)
HORIZON = 120  # min
AROUND = 55  # min: the draw that belongs to the ECG lies within this before it
ASSAY = 0.05  # of the deviation: the assay's error
MOST_LATER = 8
SEVERITY_WEIGHT = 0.6  # log-odds of being measured, for each step of severity


def measured(model: LabModel, severity: Floats) -> Floats:
    """Probability that the lab is measured at the ECG: the ill are measured more often (not missing at random)."""
    return sigmoid(model.ordered + SEVERITY_WEIGHT * severity)


@dataclass(frozen=True)
class Draws:
    """Blood draws of one lab around each visit's ECG; NaN where there was none."""

    minutes: Floats  # (V 1+MOST_LATER) after the ECG, ascending after the first
    offset: Floats  # (V 1+MOST_LATER) on the lab's scale, of the value from its mean

    def values(self, model: LabModel, mean: Floats) -> Floats:
        """Reported values, (V 1+MOST_LATER)."""
        scaled = mean[:, None] + self.offset
        amount: Floats = np.maximum(np.exp(scaled) if model.logarithmic else scaled, 10.0**-model.digits)
        return amount.round(model.digits)


def draw(model: LabModel, present: np.ndarray, rng: np.random.Generator) -> Draws:
    """Draw times and what nothing explains.

    Parameters
    ----------
    model
        The lab.
    present
        (V) whether the lab is measured at the ECG.
    rng
        Source of chance.
    """
    count = len(present)
    first = rng.uniform(-AROUND, 0, count).round()
    number = np.minimum(rng.poisson(model.later, count), MOST_LATER)
    # whole minutes, as charts have them; 0 is the ECG's own
    later = np.sort(rng.integers(1, HORIZON + 1, (count, MOST_LATER)), axis=1).astype(np.float64)
    later[np.arange(MOST_LATER) >= number[:, None]] = np.nan
    minutes = np.column_stack([np.where(present, first, np.nan), later])
    own, slope = rng.normal(0, model.deviation, (count, 1)), rng.normal(0, model.drift, (count, 1))
    error = rng.normal(0, ASSAY * model.deviation, minutes.shape)
    offset = own + slope * np.maximum(minutes, 0) / HORIZON + error
    return Draws(minutes, np.where(np.isnan(minutes), np.nan, offset))
