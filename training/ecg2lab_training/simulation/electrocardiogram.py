"""A 10-second 12-lead ECG of one simulated patient, as a cart would store it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, dipole, noise
from ecg2lab_training.simulation.blood import Blood
from ecg2lab_training.simulation.physiology import Physiology
from ecg2lab_training.simulation.rhythm import Rhythm

SAMPLING_RATE = 500.0  # Hz
DURATION = 10.0  # s
SAMPLES = int(SAMPLING_RATE * DURATION)
STEPS_PER_MV = 200  # of the analogue-digital converter, as in the headers of MIMIC-IV-ECG
LEADS = dipole.LEADS


def record(body: Physiology, blood: Blood, rhythm: Rhythm, rng: np.random.Generator) -> NDArray[np.float64]:
    """Record the ECG: (12, 5000) in mV, leads in the order `LEADS`."""
    waves = beat.draw(body, blood, rng)
    vector = dipole.trajectory(waves, rhythm, SAMPLES, SAMPLING_RATE)
    if rhythm.fibrillation:
        vector += dipole.fibrillatory(waves, SAMPLES, SAMPLING_RATE, rng)
    torso = np.exp(rng.normal(0, 0.12))  # conductivity and electrode placement: one gain per patient
    leads = torso * dipole.independent_leads(vector)
    leads += noise.draw(len(leads), SAMPLES, SAMPLING_RATE, rng)
    return np.round(dipole.twelve_leads(leads) * STEPS_PER_MV) / STEPS_PER_MV
