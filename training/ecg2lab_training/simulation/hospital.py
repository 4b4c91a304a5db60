"""Everything about a block of simulated patients: visits, vital signs, blood draws, times and numbers.

A block is always drawn whole, so that a patient is the same whatever the number of patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.data.dataset import FOLDS
from ecg2lab_training.simulation import laboratory, population, vitals
from ecg2lab_training.simulation.laboratory import LAB_MODELS, Draws
from ecg2lab_training.simulation.population import Floats, Visits

Integers = NDArray[np.int64]
FIRST_SUBJECT, FIRST_STUDY = 10_000_032, 40_000_000
MINUTE = np.timedelta64(1, "m")


@dataclass(frozen=True)
class Block:
    """Everything about the patients of one block."""

    visits: Visits
    vital_signs: dict[str, Floats]  # as charted around the ECG
    draws: dict[str, Draws]  # of each lab
    values: dict[str, Floats]  # of each lab, reported
    ecg_time: NDArray[np.datetime64]  # (V) to the minute
    rng: np.random.Generator

    @property
    def subject(self) -> Integers:
        """(V) subject_id."""
        return FIRST_SUBJECT + 7 * self.visits.patient

    @property
    def study(self) -> Integers:
        """(V) study_id."""
        return FIRST_STUDY + population.MOST_VISITS * self.visits.patient + self.visits.number

    @property
    def paths(self) -> list[str]:
        """Of the records, below the root of the archive."""
        pairs = zip(self.subject.tolist(), self.study.tolist(), strict=True)
        return [f"files/p{subject // 10_000}/p{subject}/s{study}/{study}" for subject, study in pairs]

    @property
    def stay(self) -> Integers:
        """(V) stay_id in the emergency department."""
        return self.study - 10_000_000

    @property
    def admission(self) -> Integers:
        """(V) hadm_id."""
        return self.study - 20_000_000


def draw(seed: int, start: int, stream: int = 0) -> Block:
    """Draw the block of patients from number `start` on."""
    visits = population.block(seed, stream, start)
    rng = np.random.default_rng([seed, 20 + stream, start])
    charted = vitals.chart(visits, rng)
    severity = population.severity(visits, visits.inflammation, visits.shock)
    draws, values = {}, {}
    for model in LAB_MODELS:
        present = rng.random(len(visits)) < laboratory.measured(model, severity)
        draws[model.slug] = laboratory.draw(model, present, rng)
        values[model.slug] = draws[model.slug].values(model, model.mean(visits, visits.inflammation, visits.shock))
    return Block(visits, charted, draws, values, _times(visits, rng), rng)


def patient_of(study: int) -> int:
    """Number of the patient whose ECG it is."""
    return (study - FIRST_STUDY) // population.MOST_VISITS


def fold(seed: int, patient: int) -> int:
    """Fold 0-19: each twenty patients have every fold once, in an order of their own."""
    twenty, place = divmod(patient, FOLDS)
    return int(np.random.default_rng([seed, 1, twenty]).permutation(FOLDS)[place])


def _times(visits: Visits, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """A patient's later visits follow after months; each patient's years are moved by centuries, as in MIMIC-IV."""
    year = 2110 + (visits.patient * 7919) % 90
    day = rng.integers(0, 100, len(visits)) + 130 * visits.number
    minute = rng.integers(0, 24 * 60, len(visits))
    begin = (year - 1970).astype("datetime64[Y]").astype("datetime64[m]")
    return begin + (day * 24 * 60 + minute) * MINUTE
