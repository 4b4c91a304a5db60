"""All chance of a training run as a function of the seed, the epoch and the step: so a run can stop and go on."""

from __future__ import annotations

from typing import Literal

import numpy as np

Purpose = Literal["order", "crops", "dropout"]
_NUMBER: dict[Purpose, int] = {"order": 0, "crops": 1, "dropout": 2}


def seed_of(purpose: Purpose, seed: int, *place: int) -> int:
    """Mix a seed for one purpose at one place of the run, such as (epoch, step).

    Returns
    -------
    int
        In [0, 2⁶³).
    """
    sequence = np.random.SeedSequence([_NUMBER[purpose], seed, *place])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
