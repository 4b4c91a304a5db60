"""A wave of the cardiac dipole, and turns of the heart.

Frank's axes: x to the left, y to the feet, z to the back. Amplitudes are millivolt before the lead vectors, times
are seconds after the R peak. A wave is a Gaussian that may rise and fall at different speeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Wave:
    """One deflection of the dipole."""

    name: str
    dipole: Vector  # (3) mV
    time: float  # s after the R peak; of waves of repolarisation, see `Beat`
    rise: float  # s, standard deviation before the peak
    fall: float  # s, standard deviation after the peak


def rotation(turn: Vector) -> NDArray[np.float64]:
    """Rotate by a vector of angles, by Rodrigues' formula: (3) rad → (3, 3)."""
    angle = float(np.linalg.norm(turn))
    if angle == 0:
        return np.eye(3)
    x, y, z = turn / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: NDArray[np.float64] = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return matrix
