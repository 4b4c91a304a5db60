"""When the heart beats: sinus rhythm with respiratory arrhythmia, atrial fibrillation; and beats that come early."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import spread
from ecg2lab_training.simulation.population import Visit, chance

SHORTEST_INTERVAL = 0.30  # s; the atrioventricular node is refractory
FASTEST = 165  # 1/min


class Rhythm(NamedTuple):
    """R peaks over the recording and a little beyond both ends."""

    fibrillation: bool
    peaks: NDArray[np.float64]  # (beats) s, ascending
    intervals: NDArray[np.float64]  # (beats) s, the RR interval before each peak
    breathing: float  # Hz
    ventricular: NDArray[np.bool_]  # (beats) whether it is an extrasystole of the ventricles


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
    intervals, ventricular = _ectopy(visit, intervals, mean, rng)
    peaks = rng.uniform(-1.5, -0.5) + np.cumsum(intervals)
    kept = peaks < duration + 1
    return Rhythm(visit.fibrillation, peaks[kept], intervals[kept], breathing, ventricular[kept])


def _variability(
    visit: Visit, mean: float, breathing: float, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    log = spread.ARRHYTHMIA_AGE * (visit.age - 50) - 0.4 * visit.heart_failure
    depth = spread.ARRHYTHMIA * math.exp(log + rng.normal(0, spread.ARRHYTHMIA_DEVIATION))
    phase = 2 * np.pi * (breathing * mean * np.arange(count) + rng.random())
    return np.clip(depth * (np.sin(phase) + 0.5 * rng.normal(size=count)), -0.35, 0.35)


def _ectopy(
    visit: Visit, intervals: NDArray[np.float64], mean: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Let some beats of some people come early: the intervals, and which beats are extrasystoles of the ventricles.

    After one of the ventricles the pause makes up for what it was early; one of the atria resets the sinus node.
    Lack of potassium and a failing ventricle bring them.
    """
    ventricular = np.zeros(len(intervals), dtype=np.bool_)
    older = spread.ECTOPY_AGE * (visit.age - 60)
    lack = max(0.0, -1 - visit.potassium)
    from_ventricle = rng.random() < chance(spread.VENTRICULAR_ECTOPY + older + 0.5 * visit.heart_failure + 0.4 * lack)
    from_atrium = rng.random() < chance(spread.ATRIAL_ECTOPY + older + 0.3 * visit.heart_failure)
    if not (from_ventricle or from_atrium):
        return intervals, ventricular
    within = 3 + np.arange(max(1, round(8 / mean)))  # beats that fall into ten seconds
    number = min(int(rng.geometric(0.6)), 4)
    for beat in rng.permutation(within[::2])[:number]:  # never two in turn
        early = mean * rng.uniform(0.55, 0.80)
        intervals[beat] = max(early, SHORTEST_INTERVAL)
        if from_ventricle:
            ventricular[beat] = True
            intervals[beat + 1] = 2 * mean - intervals[beat]
    return intervals, ventricular
