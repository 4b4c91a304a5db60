"""When the heart beats: sinus rhythm with respiratory arrhythmia, or atrial fibrillation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation.population import Visit

SHORTEST_INTERVAL = 0.30  # s; the atrioventricular node is refractory
FASTEST = 165  # 1/min


class Rhythm(NamedTuple):
    """R peaks over the recording and a little beyond both ends."""

    fibrillation: bool
    peaks: NDArray[np.float64]  # (beats) s, ascending
    intervals: NDArray[np.float64]  # (beats) s, the RR interval before each peak
    breathing: float  # Hz


def draw(visit: Visit, duration: float, rng: np.random.Generator) -> Rhythm:
    """Draw the beats of `duration` seconds."""
    breathing = float(rng.uniform(0.2, 0.35))
    count = math.ceil((duration + 3) * FASTEST / 60) + 4
    mean = 60 / visit.heart_rate
    if visit.fibrillation:
        shape = 1 / 0.22**2  # coefficient of variation 0.22, no memory from beat to beat
        intervals = np.maximum(rng.gamma(shape, mean / shape, size=count), SHORTEST_INTERVAL)
    else:
        intervals = mean * (1 + _variability(visit, mean, breathing, count, rng))
    peaks = rng.uniform(-1.5, -0.5) + np.cumsum(intervals)
    kept = peaks < duration + 1
    return Rhythm(visit.fibrillation, peaks[kept], intervals[kept], breathing)


def _variability(
    visit: Visit, mean: float, breathing: float, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    depth = 0.045 * math.exp(-0.02 * (visit.age - 50) - 0.4 * visit.heart_failure)
    phase = 2 * np.pi * (breathing * mean * np.arange(count) + rng.random())
    return np.clip(depth * (np.sin(phase) + 0.5 * rng.normal(size=count)), -0.35, 0.35)
