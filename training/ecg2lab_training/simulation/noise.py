"""What else the electrodes pick up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def draw(leads: int, samples: int, rate: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Baseline wander, mains hum and muscle noise of one recording: (leads, samples) in mV.

    The quality of a recording is drawn once: some are clean, a few are bad.
    """
    quality = np.exp(rng.normal(0, 0.5))
    time = np.arange(samples) / rate
    return quality * (_wander(leads, time, rng) + _mains(leads, time, rng) + _muscle(leads, samples, rng))


def _wander(leads: int, time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    frequencies = rng.uniform(0.05, 0.45, size=3)
    amplitudes = rng.normal(0, 0.04, size=(leads, 3))  # mV
    waves = np.sin(2 * np.pi * (frequencies[:, None] * time + rng.random((3, 1))))
    return np.einsum("lf,fn->ln", amplitudes, waves, optimize=False)


def _mains(leads: int, time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    hum = np.sin(2 * np.pi * (60 * time + rng.random()))
    return np.abs(rng.normal(0, 0.006, size=(leads, 1))) * hum


def _muscle(leads: int, samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return 0.012 * rng.normal(size=(leads, samples))
