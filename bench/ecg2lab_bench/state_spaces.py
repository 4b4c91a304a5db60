"""State spaces to try forms on: as they are before training, moved away from there, and with poles next to 1.

Glossary as in `ecg2lab_export.network.dplr`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Complex, Dplr

Poles = Literal["HiPPO", "perturbed", "near 1"]
SHORTEST_STEP, LONGEST_STEP = 1e-3, 1e-1
"""Between them dt is drawn, log-uniformly, as the published network starts."""
_SLOWER = 0.05
"""Of poles near 1: at N = 8 the slowest is some 5e-6 from the unit circle, a time constant of 200,000 samples."""


def draw(
    random: np.random.Generator, poles: Poles, channels: int, state_size: int, window: int, directions: int = 2
) -> Dplr:
    """Draw a layer's state space, normal C.

    Parameters
    ----------
    random
        To draw with.
    poles
        "HiPPO": LegS, which a published network keeps or starts from; "perturbed": w, p and b moved by about a tenth,
        so that A is no longer normal plus rank one in the same basis; "near 1": w of modulus 0.05 and p 0.05 as long.
    channels, state_size, window, directions
        H, N (even), L and D.

    Raises
    ------
    ValueError
        If the state size is odd or not positive.
    """
    w, p, b = (np.tile(x, (channels, 1)) for x in dplr.hippo_legs(state_size))
    if poles == "perturbed":
        w = w.real * random.uniform(0.9, 1.5, w.shape) + 1j * w.imag * random.uniform(0.9, 1.1, w.shape)
        p, b = (x * (1 + 0.1 * complex_normal(random, x.shape)) for x in (p, b))
    elif poles == "near 1":
        w, p = _SLOWER * w / np.abs(w), _SLOWER * p
    c = complex_normal(random, (directions, channels, state_size // 2))
    log_dt = random.uniform(math.log(SHORTEST_STEP), math.log(LONGEST_STEP), channels)
    # With q = conj(p) the Hermitian part of A is that of w less p pᴴ: stable, whatever was drawn.
    system = Dplr(w=w, p=p, q=p.conj(), b=b, c=c, log_dt=log_dt, length=window)
    return system._replace(c=dplr.truncate(system, c))


def complex_normal(random: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """Of variance 1, split between real and imaginary part."""
    parts = random.standard_normal((2, *shape)) / np.sqrt(2)
    return np.asarray(parts[0] + 1j * parts[1], dtype=np.complex128)
