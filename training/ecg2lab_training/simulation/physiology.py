"""The hidden state of one simulated patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

RACES = ("asian", "black", "hispanic", "other", "white")
RACE_SHARES = (0.05, 0.15, 0.07, 0.06, 0.67)


@dataclass(frozen=True)
class Physiology:
    """Who the patient is and what is wrong; 0 is health, about 3 the worst, where no unit is given."""

    age: float  # years
    male: bool
    race: str
    height_cm: float
    bmi: float
    filtration: float  # glomerular filtration rate, mL/min/1.73 m²
    heart_failure: float
    lung_disease: float
    atrial_fibrillation: bool
    inflammation: float
    shock: float
    volume_depletion: float  # standard deviations, signed
    bleeding: float  # g/dL of hemoglobin lost

    @property
    def weight_kg(self) -> float:
        """From height and body mass index."""
        return self.bmi * (self.height_cm / 100) ** 2

    @property
    def severity(self) -> float:
        """How ill the patient looks; the ill are measured more often."""
        return self.heart_failure + self.inflammation + self.shock


def sigmoid(x: float) -> float:
    """Logistic function."""
    return 1 / (1 + math.exp(-x))


def draw(rng: np.random.Generator) -> Physiology:
    """Draw a patient; diseases depend on age, sex and each other, which confounds all that follows."""
    age = float(np.clip(rng.normal(63, 16), 18, 97))
    male = bool(rng.random() < 0.54)
    filtration = _filtration(rng, age)
    heart_failure = _heart_failure(rng, age, male, filtration)
    lung_disease = float(min(rng.gamma(2, 0.6), 3)) if rng.random() < 0.18 else 0.0
    inflammation = float(min(rng.gamma(1.5, 0.7), 3)) if rng.random() < 0.35 else 0.1 * abs(rng.normal())
    shock = max(0.0, 0.45 * inflammation + 0.3 * heart_failure + rng.normal(0, 0.6) - 0.6)
    fibrillation = rng.random() < sigmoid(-2.8 + 0.06 * (age - 65) + heart_failure)
    return Physiology(
        age=age,
        male=male,
        race=RACES[rng.choice(len(RACES), p=RACE_SHARES)],
        height_cm=float(rng.normal(175, 7.5) if male else rng.normal(162, 7)),
        bmi=float(np.clip(27.5 * math.exp(rng.normal(0, 0.2)), 15, 60)),
        filtration=filtration,
        heart_failure=heart_failure,
        lung_disease=lung_disease,
        atrial_fibrillation=bool(fibrillation),
        inflammation=inflammation,
        shock=float(shock),
        volume_depletion=float(rng.normal()),
        bleeding=float(rng.gamma(2, 1.2)) if rng.random() < 0.2 else 0.0,
    )


def _filtration(rng: np.random.Generator, age: float) -> float:
    healthy = np.clip(108 - 0.7 * (age - 30) + rng.normal(0, 12), 25, 140)
    diseased = rng.random() < sigmoid(-1.1 + 0.03 * (age - 60))
    return float(healthy * (rng.uniform(0.12, 0.75) if diseased else 1))


def _heart_failure(rng: np.random.Generator, age: float, male: bool, filtration: float) -> float:
    odds = -1.1 + 0.045 * (age - 65) + 0.9 * (filtration < 45) + 0.3 * male
    return float(np.clip(rng.gamma(2.5, 0.6), 0.3, 3)) if rng.random() < sigmoid(odds) else 0.0
