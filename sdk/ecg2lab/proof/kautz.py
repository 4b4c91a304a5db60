"""The recurrence of a Kautz cascade in NumPy: what a native engine computes with `cascade.h`, `.r` and `.taps`.

`docs/recurrence.md` derives it and `export/ecg2lab_export/forms/cascade.py` fits it; it is here because both export,
before a bundle is written, and `selftest`, on the device, hold it to its limit.

    H, S, D  channels, sections (pairs of poles), directions
    h, r     coefficients of a section
    w, e     its two states
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.floating)


def responses(h: NDArray[Number], r: NDArray[Number], length: int) -> NDArray[Number]:
    """States after an impulse, in the precision of h and r: (H S), (H S) → (H length 2S), w first.

    For each sample and section: `v ← v - e; d = v - w; e ← e + h·d; w ← w + r·e; v ← v - e`.
    """
    channels, count = h.shape
    w, e = np.zeros_like(h), np.zeros_like(h)
    out = np.empty((channels, length, 2 * count), dtype=h.dtype)
    for t in range(length):
        v = np.full(channels, t == 0, dtype=h.dtype)
        for s in range(count):
            v = v - e[:, s]
            e[:, s] += h[:, s] * (v - w[:, s])
            w[:, s] += r[:, s] * e[:, s]
            v = v - e[:, s]
        out[:, t, :count], out[:, t, count:] = w, e
    return out


def kernel(h: NDArray[Number], r: NDArray[Number], taps: NDArray[Number], length: int) -> NDArray[Number]:
    """Taps 0 … length-1 of the convolution: (H S), (H S), (D H 2S) → (D H length).

    Raises
    ------
    ValueError
        If the three do not belong together.
    """
    if h.ndim != 2 or r.shape != h.shape or taps.shape[1:] != (h.shape[0], 2 * h.shape[1]):
        raise ValueError(f"a cascade cannot have h {h.shape}, r {r.shape} and taps {taps.shape}")
    lags: NDArray[Number] = np.einsum("hts,dhs->dht", responses(h, r, length), taps)
    return lags
