"""How the ventricles are excited: regularly, through a blocked bundle branch, or from a focus of their own."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import spread
from ecg2lab_training.simulation.population import Visit, chance
from ecg2lab_training.simulation.waves import Vector, Wave

Conduction = Literal["regular", "incomplete", "right", "left"]
LATER = {"regular": 0.0, "incomplete": 0.0, "right": 0.030, "left": 0.040}
"""s by which a wide QRS moves the end of the T wave."""
RIGHT = np.array([-0.40, -0.05, -0.50])  # mV; the right ventricle comes last, to the right and to the front
LEFT = np.array([0.85, 0.45, 0.85])  # mV; the left ventricle comes last, from the septum on


def draw(visit: Visit, rng: np.random.Generator) -> Conduction:
    """Block grows common with age, less so in women; a failing ventricle is more often blocked on the left."""
    own, side = rng.random(2)
    odds = spread.BLOCK_AT_50 + spread.BLOCK_AGE * (min(visit.age, 85) - 50) + 0.3 * visit.heart_failure
    blocked = chance(odds + (0 if visit.male else spread.BLOCK_WOMEN))
    if own < blocked:
        return "left" if side < spread.BLOCK_LEFT + 0.1 * visit.heart_failure else "right"
    return "incomplete" if own < blocked + spread.INCOMPLETE else "regular"


def ventricular(kind: Conduction, regular: tuple[Wave, ...], voltage: float, axis: NDArray[np.float64]) -> list[Wave]:
    """QRS waves after a block.

    Parameters
    ----------
    kind
        Which bundle branch.
    regular
        Septum, free wall and base as they would be without.
    voltage
        Gain of the QRS.
    axis
        (3, 3) how the heart is turned.
    """
    if kind == "left":  # the septum is excited from the right, and the free wall through muscle
        early, middle = np.array([0.35, 0.20, 0.35]), np.array([0.75, 0.50, 0.60])
        humps = ((early, -0.020, 0.010), (middle, 0.010, 0.018), (LEFT, 0.050, 0.019))
        return [Wave(f"left {n}", voltage * axis @ d, t, s, s) for n, (d, t, s) in enumerate(humps)]
    if kind == "right":
        return [*regular, Wave("right ventricle", voltage * axis @ RIGHT, 0.060, 0.014, 0.016)]
    if kind == "incomplete":
        return [*regular, Wave("right ventricle", 0.35 * voltage * axis @ RIGHT, 0.042, 0.009, 0.009)]
    return [*regular]


def secondary(kind: Conduction, voltage: float, axis: NDArray[np.float64]) -> Vector:
    """What a block adds to the T wave, away from the ventricle that came last: (3) mV."""
    if kind in ("regular", "incomplete"):
        return np.zeros(3)
    added: Vector = voltage * axis @ (-0.50 * LEFT if kind == "left" else -0.35 * RIGHT)
    return added


def ectopic(voltage: float, rng: np.random.Generator) -> tuple[Wave, ...]:
    """A ventricular extrasystole: from anywhere, wide, its T wave against it; all times after its R peak."""
    towards = rng.normal(size=3)
    towards *= 1.5 * voltage / np.linalg.norm(towards)
    aside = towards + rng.normal(0, 0.35, size=3)
    wide = float(np.exp(rng.normal(0, 0.12)))
    return (
        Wave("extrasystole", towards, 0.0, 0.024 * wide, 0.024 * wide),
        Wave("extrasystole, end", 0.7 * aside, 0.050 * wide, 0.024 * wide, 0.028 * wide),
        Wave("extrasystole, T", -0.45 * aside, 0.300 * wide, 0.075 * wide, 0.050 * wide),
    )
