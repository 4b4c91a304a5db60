"""What else the electrodes pick up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import spread

Array = NDArray[np.float64]


def draw(leads: int, samples: int, rate: float, rng: np.random.Generator) -> Array:
    """Baseline wander, mains hum and muscle noise of one recording: (leads, samples) in mV.

    The quality of a recording is drawn once, that of an electrode's contact for each lead: some are clean, a few bad.
    """
    quality = np.exp(rng.normal(0, 0.5) + rng.normal(0, 0.3, size=(leads, 1)))
    time = np.arange(samples) / rate
    return quality * (_wander(leads, time, rng) + _mains(leads, time, rng) + _muscle(leads, time, rng))


def _wander(leads: int, time: Array, rng: np.random.Generator) -> Array:
    frequencies = rng.uniform(0.05, 0.45, size=3)
    amplitudes = rng.normal(0, 0.04, size=(leads, 3))  # mV
    waves = np.sin(2 * np.pi * (frequencies[:, None] * time + rng.random((3, 1))))
    return np.einsum("lf,fn->ln", amplitudes, waves, optimize=False)


def _mains(leads: int, time: Array, rng: np.random.Generator) -> Array:
    """What a notch filter leaves, or the whole of it where none is on; at the frequency of the country."""
    hum = np.sin(2 * np.pi * (rng.choice(spread.MAINS) * time + rng.random()))
    return np.abs(rng.normal(0, 0.006, size=(leads, 1))) * hum


def _muscle(leads: int, time: Array, rng: np.random.Generator) -> Array:
    """Noise of muscles that tremble now and then: twice to four times as strong for a second or two."""
    strength = np.full(len(time), 0.010)  # mV
    if rng.random() < 0.3:
        begin, length = rng.uniform(0, time[-1]), rng.uniform(0.5, 3)
        strength[(time >= begin) & (time < begin + length)] *= rng.uniform(2, 4)
    return strength * rng.normal(size=(leads, len(time)))
