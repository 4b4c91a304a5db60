"""A 10-second 12-lead ECG of one visit, as a cart would store it, with the flaws that carts store."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, cart, dipole, electrodes, noise, rhythm
from ecg2lab_training.simulation.population import Visit

SAMPLING_RATE = 500  # Hz
DURATION = 10.0  # s
SAMPLES = int(SAMPLING_RATE * DURATION)
STEPS_PER_MV = 200  # of the analogue-digital converter, as in the headers of MIMIC-IV-ECG
LEADS = dipole.LEADS

LEAD_OFF = 0.01  # share of records of which one lead has no value
GAPS = 0.03  # share of records with a run of missing values
DRIFTS = 0.02  # share of records whose baseline leaps


def record(visit: Visit, rng: np.random.Generator, heart: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Record the ECG: (12, 5000) in mV, leads in the order `LEADS`; NaN where the cart has no value.

    What stays with a person from visit to visit is drawn from `heart`; None: from `rng`, as of somebody who comes once.
    """
    rhythms = rhythm.draw(visit, DURATION, rng)
    waves = beat.draw(visit, heart or rng)
    vector = dipole.trajectory(waves, rhythms, SAMPLES, SAMPLING_RATE)
    if rhythms.fibrillation:
        vector += dipole.fibrillatory(waves, SAMPLES, SAMPLING_RATE, rng)
    leads = dipole.independent_leads(vector, electrodes.place(rng))
    leads = cart.amplify(leads + noise.draw(len(leads), SAMPLES, SAMPLING_RATE, rng), SAMPLING_RATE, rng)
    return _flawed(cart.resolve(dipole.twelve_leads(leads), STEPS_PER_MV, rng), rng)


def _flawed(samples: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    lead, start = int(rng.integers(len(LEADS))), int(rng.integers(SAMPLES))
    length = int(rng.integers(20, 300))
    leap = np.round(rng.normal(0, 0.5) * STEPS_PER_MV) / STEPS_PER_MV
    off, gap, drift = rng.random(3) < (LEAD_OFF, GAPS, DRIFTS)
    if drift:
        samples[lead, start:] += leap
    if gap:
        samples[:, start : start + length] = np.nan
    if off:
        samples[lead] = np.nan
    return samples
