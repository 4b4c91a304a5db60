"""Where the electrodes of one recording sit: lead vectors that differ from the ideal ones, arms that were exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import spread
from ecg2lab_training.simulation.dipole import DOWER

Array = NDArray[np.float64]
DEPTH = 12.0  # cm from a chest electrode to the centre of the heart
SPACING = 4.5  # cm between neighbours among the chest electrodes


def place(rng: np.random.Generator) -> Array:
    """Draw the lead vectors of a recording: (8, 3), for I, II, V1 … V6.

    An electrode that sits between two places sees something between their vectors; one that sits too high sees the
    heart from above, by the angle that its shift has at the heart's centre.
    """
    upward = np.array(spread.UPWARD) + 0.8 * spread.UPWARD_DEVIATION * _in_common(rng)
    upward += 0.6 * spread.UPWARD_DEVIATION * rng.normal(size=6)
    at = np.arange(6) + rng.normal(0, spread.SIDEWARD / SPACING, size=6)
    chest = np.stack([np.interp(at, np.arange(6), DOWER[2:, axis]) for axis in range(3)], axis=1)
    chest[:, 1] -= np.linalg.norm(chest, axis=1) * upward / DEPTH
    limbs = DOWER[:2]
    if rng.random() < spread.ARMS_EXCHANGED:
        limbs = np.stack([-limbs[0], limbs[1] - limbs[0]])
    return np.concatenate([limbs, chest])


def _in_common(rng: np.random.Generator) -> Array:
    """V1 and V2 are placed by one count of the ribs, V4 to V6 by another; V3 is between them: (6)."""
    sternum, side = rng.normal(size=2)
    return np.array([sternum, sternum, (sternum + side) / np.sqrt(2), side, side, side])
