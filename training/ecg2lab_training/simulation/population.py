"""Who the patients are and what is wrong with them at each visit: the latent state that drives all else.

Two kinds of latent: those that the ECG *expresses* (`beat.py` draws each as a sign of its own) and two that it does
not, inflammation and shock, which have seven levels each. 0 is health and about 3 the worst where no unit is given.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 1024
"""Patients drawn at once: patient i is the same whatever the number of patients."""
MOST_VISITS = 3
LEVELS = np.arange(7) / 2
"""Of inflammation and of shock."""
INFLAMMATION_SHARES = np.array([0.62, 0.12, 0.10, 0.07, 0.04, 0.03, 0.02])
RACES = ("asian", "black", "hispanic", "other", "white")
RACE_SHARES = (0.05, 0.15, 0.07, 0.06, 0.67)
OLDEST = 91
"""Age by which the body's ageing stops: older ages are written as this one."""


class Visit(NamedTuple):
    """What the ECG of one visit expresses; the fields are those of `Visits`."""

    age: float
    male: bool
    bmi: float
    filtration: float
    heart_failure: float
    lung_disease: float
    fibrillation: bool
    potassium: float
    calcium: float
    anaemia: float
    heart_rate: float


@dataclass(frozen=True)
class Visits:
    """One entry for each ECG; a patient has one to three."""

    patient: NDArray[np.int64]  # (V) index of the patient
    number: NDArray[np.int64]  # (V) 0 for a patient's first
    age: Floats  # (V) years
    male: NDArray[np.bool_]  # (V)
    race: NDArray[np.int64]  # (V) index into RACES
    height_cm: Floats
    bmi: Floats
    # expressed by the ECG
    filtration: Floats  # glomerular filtration rate, mL/min/1.73 m²
    heart_failure: Floats
    lung_disease: Floats
    fibrillation: NDArray[np.bool_]  # of the atria
    potassium: Floats  # standard deviations: what the cells feel of it
    calcium: Floats  # standard deviations
    anaemia: Floats  # g/dL of hemoglobin lost
    heart_rate: Floats  # 1/min
    # not expressed
    inflammation: Floats
    shock: Floats

    def __len__(self) -> int:
        """Count of visits."""
        return len(self.patient)

    def one(self, row: int) -> Visit:
        """One visit by itself."""
        return Visit(**{name: getattr(self, name)[row].item() for name in Visit._fields})

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Visits:
        """Return some of the visits."""
        return Visits(**{f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)})

    @property
    def ageing(self) -> Floats:
        """Age as far as it acts on the body."""
        return np.minimum(self.age, OLDEST)

    @property
    def clearance(self) -> Floats:
        """Natural logarithm of how much of what the kidney excretes piles up."""
        return np.log(95 / self.filtration)

    @property
    def weight_kg(self) -> Floats:
        """From height and body mass index."""
        return self.bmi * (self.height_cm / 100) ** 2


def join(parts: list[Visits]) -> Visits:
    """Visits of several blocks as one."""
    return Visits(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Visits)))


def sigmoid(x: Floats) -> Floats:
    """Logistic function."""
    return 1 / (1 + np.exp(-x))


def chance(odds: float) -> float:
    """Logistic function of one number."""
    return 1 / (1 + math.exp(-odds))


def severity(visits: Visits, inflammation: Floats, shock: Floats) -> Floats:
    """How ill the patient looks, by which blood is drawn and vital signs are charted."""
    return visits.heart_failure + inflammation + shock


def shock_mean(inflammation: Floats, heart_failure: Floats) -> Floats:
    """Mean of the normal variable whose nearest level is the shock; its deviation is SHOCK_DEVIATION."""
    return 0.45 * inflammation + 0.3 * heart_failure - 0.6


SHOCK_DEVIATION = 0.6


def heart_rate_mean(visits: Visits, inflammation: Floats, shock: Floats) -> Floats:
    """Mean of the heart rate in 1/min; its deviation is HEART_RATE_DEVIATION."""
    own = HEART_RATE + 5 * visits.heart_failure + 3 * visits.anaemia + 20 * visits.fibrillation
    return own + 4 * inflammation + 5 * shock


HEART_RATE, HEART_RATE_DEVIATION = 71.0, 14.0
"""1/min, of somebody well. `spread.MASON`: 48 to 98 in 96 % of people at low risk; pain, fear and drugs add to that."""


def block(seed: int, stream: int, start: int) -> Visits:
    """Draw all visits of the BLOCK patients from number `start` on."""
    rng = np.random.default_rng([seed, 10 + stream, start])
    people = _people(rng, start)
    again = rng.random(BLOCK)
    visits = [_visit(rng, people, number, again > share) for number, share in enumerate((-1.0, 0.8, 0.95))]
    return _in_order(visits)


def _people(rng: np.random.Generator, start: int) -> Visits:
    """What a patient keeps from visit to visit; the rest is filled by `_visit`."""
    age = np.clip(rng.normal(63, 16, BLOCK), 18, 97).round()
    male = rng.random(BLOCK) < 0.54
    filtration = _filtration(rng, age)
    nothing = np.zeros(BLOCK)
    return Visits(
        patient=start + np.arange(BLOCK),
        number=np.zeros(BLOCK, dtype=np.int64),
        age=age,
        male=male,
        race=rng.choice(len(RACES), p=RACE_SHARES, size=BLOCK),
        height_cm=np.where(male, rng.normal(175, 7.5, BLOCK), rng.normal(162, 7, BLOCK)),
        bmi=np.clip(27.5 * np.exp(rng.normal(0, 0.2, BLOCK)), 15, 60),
        filtration=filtration,
        heart_failure=_heart_failure(rng, age, male, filtration),
        lung_disease=_some(rng, 0.18, np.minimum(rng.gamma(2, 0.6, BLOCK), 3)),
        fibrillation=nothing > 0,
        potassium=nothing,
        calcium=nothing,
        anaemia=nothing,
        heart_rate=nothing,
        inflammation=nothing,
        shock=nothing,
    )


def _visit(rng: np.random.Generator, people: Visits, number: int, comes: NDArray[np.bool_]) -> Visits:
    """One visit of those who come; drawn for all, so that one patient's draws do not move another's."""
    inflammation = LEVELS[rng.choice(len(LEVELS), p=INFLAMMATION_SHARES, size=BLOCK)]
    level = shock_mean(inflammation, people.heart_failure) + rng.normal(0, SHOCK_DEVIATION, BLOCK)
    shock = LEVELS[np.clip(np.rint(2 * level), 0, len(LEVELS) - 1).astype(np.int64)]
    odds = -2.8 + 0.06 * (np.minimum(people.age, OLDEST) - 65) + people.heart_failure
    visit = dataclasses.replace(
        people,
        number=np.full(BLOCK, number),
        fibrillation=rng.random(BLOCK) < sigmoid(odds),
        potassium=rng.normal(0, 1, BLOCK) + _some(rng, 0.15, rng.normal(0, 1.8, BLOCK)),
        calcium=rng.normal(0, 1, BLOCK) + _some(rng, 0.15, rng.normal(0, 1.8, BLOCK)),
        anaemia=_some(rng, 0.4, rng.gamma(2, 1.1, BLOCK)),
        inflammation=inflammation,
        shock=shock,
    )
    rate = heart_rate_mean(visit, inflammation, shock) + rng.normal(0, HEART_RATE_DEVIATION, BLOCK)
    return dataclasses.replace(visit, heart_rate=np.clip(rate, 42, 165)).take(comes)


def _in_order(visits: list[Visits]) -> Visits:
    joined = join(visits)
    return joined.take(np.lexsort((joined.number, joined.patient)))


def _some(rng: np.random.Generator, share: float, amount: Floats) -> Floats:
    """The amount for this share of patients, 0 for the others."""
    return np.where(rng.random(len(amount)) < share, amount, 0.0)


def _filtration(rng: np.random.Generator, age: Floats) -> Floats:
    healthy = np.clip(108 - 0.7 * (age - 30) + rng.normal(0, 12, len(age)), 25, 140)
    diseased = rng.random(len(age)) < sigmoid(-1.1 + 0.03 * (age - 60))
    return healthy * np.where(diseased, rng.uniform(0.12, 0.75, len(age)), 1.0)


def _heart_failure(rng: np.random.Generator, age: Floats, male: NDArray[np.bool_], filtration: Floats) -> Floats:
    odds = -1.1 + 0.045 * (age - 65) + 0.9 * (filtration < 45) + 0.3 * male
    severity = np.clip(rng.gamma(2.5, 0.6, len(age)), 0.3, 3)
    return np.where(rng.random(len(age)) < sigmoid(odds), severity, 0.0)
