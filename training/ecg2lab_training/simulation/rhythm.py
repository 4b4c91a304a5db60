"""When the heart beats: sinus rhythm with respiratory arrhythmia, or atrial fibrillation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation.blood import Blood
from ecg2lab_training.simulation.physiology import Physiology

SHORTEST_INTERVAL = 0.30  # s; the atrioventricular node is refractory


class Rhythm(NamedTuple):
    """R peaks over the recording and a little beyond both ends."""

    rate: float  # 1/min, mean
    fibrillation: bool
    peaks: NDArray[np.float64]  # (beats) s, ascending
    intervals: NDArray[np.float64]  # (beats) s, the RR interval before each peak
    breathing: float  # Hz


def heart_rate(body: Physiology, blood: Blood, rng: np.random.Generator) -> float:
    """Mean ventricular rate, 1/min: fast in fever, shock, anaemia, failure and fibrillation."""
    rate = (
        64
        + 9 * body.inflammation
        + 12 * body.shock
        + 5 * body.heart_failure
        + 4.0 * max(0.0, 13 - blood["hemoglobin"])
        + 6 * body.volume_depletion
        + (20 if body.atrial_fibrillation else 0)
        + rng.normal(0, 8)
    )
    return float(np.clip(rate, 42, 165))


def draw(body: Physiology, blood: Blood, duration: float, rng: np.random.Generator) -> Rhythm:
    """Draw the beats of `duration` seconds."""
    rate = heart_rate(body, blood, rng)
    breathing = float(rng.uniform(0.2, 0.35))
    count = math.ceil((duration + 3) * 165 / 60) + 4
    mean = 60 / rate
    if body.atrial_fibrillation:
        shape = 1 / 0.22**2  # coefficient of variation 0.22, no memory from beat to beat
        intervals = np.maximum(rng.gamma(shape, mean / shape, size=count), SHORTEST_INTERVAL)
    else:
        intervals = mean * (1 + _variability(body, mean, breathing, count, rng))
    peaks = rng.uniform(-1.5, -0.5) + np.cumsum(intervals)
    kept = peaks < duration + 1
    return Rhythm(rate, body.atrial_fibrillation, peaks[kept], intervals[kept], breathing)


def _variability(
    body: Physiology, mean: float, breathing: float, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    depth = 0.045 * math.exp(-0.02 * (body.age - 50) - 0.4 * body.heart_failure)
    phase = 2 * np.pi * (breathing * mean * np.arange(count) + rng.random())
    return np.clip(depth * (np.sin(phase) + 0.5 * rng.normal(size=count)), -0.35, 0.35)
