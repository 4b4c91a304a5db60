"""One simulated patient, from the seed alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import blood, electrocardiogram, laboratory, physiology, rhythm, vitals
from ecg2lab_training.simulation.blood import Blood
from ecg2lab_training.simulation.physiology import Physiology

FOLDS = 20


@dataclass(frozen=True)
class Patient:
    """A patient, seen and unseen."""

    index: int
    fold: int
    body: Physiology  # hidden
    blood: Blood  # hidden
    heart_rate: float
    samples: NDArray[np.float64]  # (12, 5000) mV at 500 Hz, leads in the order `electrocardiogram.LEADS`
    features: vitals.Features
    labels: dict[str, bool | None]


def simulate_patient(seed: int, index: int) -> Patient:
    """Simulate patient number `index` of a seed; the same whatever the number of patients."""
    rng = np.random.default_rng([seed, 0, index])
    body = physiology.draw(rng)
    concentrations = blood.draw(body, rng)
    beats = rhythm.draw(body, concentrations, electrocardiogram.DURATION, rng)
    return Patient(
        index=index,
        fold=fold(seed, index),
        body=body,
        blood=concentrations,
        heart_rate=beats.rate,
        samples=electrocardiogram.record(body, concentrations, beats, rng),
        features=vitals.chart(body, beats.rate, rng),
        labels=laboratory.labels(laboratory.measure(body, concentrations, rng)),
    )


def fold(seed: int, index: int) -> int:
    """Fold 0-19: each block of twenty patients has every fold once, in an order of its own."""
    block, place = divmod(index, FOLDS)
    return int(np.random.default_rng([seed, 1, block]).permutation(FOLDS)[place])
