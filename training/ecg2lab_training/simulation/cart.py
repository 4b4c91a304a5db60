"""What the electrocardiograph makes of eight leads: gain, bandwidth, resolution."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.simulation import spread

Array = NDArray[np.float64]
LOWER_LIMIT = 0.05  # Hz


def amplify(leads: Array, rate: float, rng: np.random.Generator) -> Array:
    """Let a cart of its own gains and bandwidth amplify: (8, n) mV → (8, n) mV."""
    gains = np.exp(rng.normal(0, spread.GAIN, size=(len(leads), 1)))
    sections = _filter(float(rng.choice(spread.UPPER_LIMITS, p=spread.UPPER_SHARES)), rate)
    at_rest = signal.sosfilt_zi(sections)[:, None, :] * leads[None, :, :1]  # it has seen the patient for a while
    filtered: Array = signal.sosfilt(sections, gains * leads, axis=1, zi=at_rest * gains)[0]
    return filtered


def resolve(leads: Array, steps_per_mv: int, rng: np.random.Generator) -> Array:
    """Round to the converter's step, which of some carts is coarser."""
    per_mv = steps_per_mv / (spread.COARSE_STEP if rng.random() < spread.COARSE else 1)
    return np.round(leads * per_mv) / per_mv


@cache
def _filter(upper: float, rate: float) -> Array:
    """Second-order sections: one pole at the lower limit, two at the upper."""
    high: Array = signal.butter(1, LOWER_LIMIT, "high", fs=rate, output="sos")
    low: Array = signal.butter(2, upper, "low", fs=rate, output="sos")
    return np.concatenate([high, low])
