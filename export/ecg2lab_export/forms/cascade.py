"""The Kautz cascade: second-order all-pass sections in a row, the cheapest scan there is, and taps fitted to a kernel.

Glossary as in `dplr`; in addition

    (p, q)   pair of poles of Ā: conjugates, or neighbours on the real axis
    h, r     coefficients of a section: h = 1 - pq, r = (1-p)(1-q)/h
    w, e     the two states of a section
    S        sections, N/2

Each section passes on all frequencies equally loud, so however many follow each other none is starved or overdriven,
and the states of all sections together span exactly the responses that the poles can make (Kautz 1954; Wahlberg, IEEE
Trans. Automatic Control 1994). Only the poles enter the recurrence; what distinguishes one kernel from another is in
the taps, and these are fitted after h and r were rounded: the rounding of the recurrence costs next to nothing.
`docs/recurrence.md` derives the section.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg2lab.proof import kautz
from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr, Real
from ecg2lab_export.network.fusion import StoredLayer
from ecg2lab_export.network.realisation import to_real_basis

Single = NDArray[np.float32]
_RELATIVE_RANK = 1e-7
"""Below it a direction of the fit is noise: the two states of a section are not orthogonal, and poles may coincide."""
_REAL = 1e-9
"""Imaginary part, relative to the modulus, below which a pole is on the real axis."""


@dataclass(frozen=True)
class Cascade:
    """One layer as float32 computes it. For each sample u, with v = u before the first section:

    `v ← v - e; d = v - w; e ← e + h·d; w ← w + r·e; v ← v - e`, and y = Σ taps·(w, e) over the sections: direction 0
    with the new states, direction 1, running backwards, with the old ones.
    """

    h: Single  # (H S)
    r: Single  # (H S)
    taps: Single  # (D H 2S): of w, then of e

    def kernel(self, length: int) -> Single:
        """Taps 0 … length-1 as float32 computes them, (D H length)."""
        return kautz.kernel(self.h, self.r, self.taps, length)


def fit_cascade(layer: StoredLayer) -> Cascade:
    """Round the sections of a layer, and fit their taps.

    Parameters
    ----------
    layer
        Its poles, and its kernel, which the taps are to reproduce.

    Returns
    -------
    Cascade
        The best that float32 sections do; whether it is good enough is the proof's to say. Many poles far from HiPPO's
        (N = 64, perturbed) can be beyond it: then chunked blocks, which need no poles, take the layer.
    """
    kernel = layer.kernel
    sections = np.array([_sections(deviation) for deviation in _deviations(layer.system)])  # (H 2 S)
    g, h = sections[:, 0], sections[:, 1]
    h32, r32 = h.astype(np.float32), (g / h).astype(np.float32)
    basis = kautz.responses(h32.astype(np.float64), r32.astype(np.float64), kernel.shape[-1])  # (H L 2S)
    norms = np.sqrt((basis**2).sum(axis=1))  # (H 2S)
    norms = np.where(norms > 0, norms, 1)
    taps = np.empty((kernel.shape[0], *norms.shape), dtype=np.float32)
    for channel, (columns, norm) in enumerate(zip(basis, norms, strict=True)):
        fitted, *_ = np.linalg.lstsq(columns / norm, kernel[:, channel].T, rcond=_RELATIVE_RANK)
        taps[:, channel] = (fitted / norm[:, None]).T
    return Cascade(h32, r32, taps)


def _deviations(system: Dplr) -> NDArray[np.complex128]:
    """1 - p for every pole p of Ā: (H N), without the cancellation that 1 - p would suffer near 1.

    A pole λ of A becomes p = (1 + λ dt/2)/(1 - λ dt/2), so 1 - p = -λ dt/(1 - λ dt/2). λ is taken in the real basis:
    of the complex matrix, the eigenvalues of a pair would not be conjugate to the last bit.
    """
    w, p, q, b = (dplr.complete(x) for x in system.half())
    a = w[:, :, None] * np.eye(w.shape[-1]) - p[:, :, None] * q[:, None, :]
    real, *_ = to_real_basis(a, b, b[None])
    step = np.linalg.eigvals(real) * np.exp(system.log_dt)[:, None]
    return np.asarray(-step / (1 - step / 2), dtype=np.complex128)


def _sections(deviations: NDArray[np.complex128]) -> tuple[Real, Real]:
    """Form g = (1-p)(1-q) and h = 1 - pq of each pair, from δ = 1 - p; the fastest pair first: (S), (S)."""
    on_axis = np.abs(deviations.imag) <= _REAL * np.abs(deviations)
    above = deviations[~on_axis & (deviations.imag > 0)]
    real = np.sort(deviations[on_axis].real)
    first, second = real[::2], real[1::2]
    g = np.concatenate([np.abs(above) ** 2, first * second])
    h = np.concatenate([2 * above.real - np.abs(above) ** 2, first + second - first * second])
    order = np.argsort(g)[::-1]
    return g[order], h[order]
