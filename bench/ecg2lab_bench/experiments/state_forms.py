"""Forms of the recurrence that ecg2lab does not ship, in float32: to show what the shipped ones are better than.

Glossary as in `ecg2lab_export.network.realisation`; in addition λ poles of Ā, T samples a chunk. All take float64
parameters, round them once and compute in float32, as an engine would.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab_bench.measuring.libraries import need
from ecg2lab_export.forms.chunked import Border, cut
from ecg2lab_export.network.dplr import Complex
from ecg2lab_export.network.realisation import Realisation

Taps = NDArray[np.floating[Any]]
"""Kernel in some precision: (D H L)."""
Rows = NDArray[np.float32]
_REAL = 1e-9
"""Imaginary part, relative to the modulus, below which a pole is on the real axis."""


def dense(system: Realisation, length: int) -> Taps:
    """Step the state with the whole of Ā."""
    matrix, state, row = (x.astype(np.float32) for x in system.parameters)
    state = state[..., None]  # (D H R 1)
    taps = np.empty((*row.shape[:2], length), dtype=np.float32)
    for t in range(length):
        taps[..., t] = (row * state[..., 0]).sum(axis=-1)
        state = matrix @ state
    return taps


def complex_diagonal(system: Realisation, length: int) -> Taps:
    """The textbook form: diagonalise Ā, step each mode by itself in complex64, sum."""
    poles, b, c = modes(system)
    state, factor, row = (x.astype(np.complex64) for x in (b, poles, c))
    taps = np.empty((*b.shape[:2], length), dtype=np.float32)
    for t in range(length):
        taps[..., t] = (row * state).sum(axis=-1).real
        state = factor * state
    return taps


def modes(system: Realisation) -> tuple[Complex, Complex, Complex]:
    """Poles, input and output vector in the basis of eigenvectors, each (D H R), in float64."""
    poles, vectors = np.linalg.eig(system.a)
    b = np.linalg.solve(vectors, system.b[..., None].astype(np.complex128))[..., 0]
    c = np.einsum("dhn,dhnr->dhr", system.c, vectors)
    return poles.astype(np.complex128), b, c


def real_schur(system: Realisation, length: int) -> Taps:
    """The orthogonal basis in which Ā is triangular but for a block of two for each pair of poles.

    Raises
    ------
    LeftOut
        If SciPy is not installed.
    """
    need("scipy")
    schur = import_module("scipy.linalg").schur
    a, b, c = (x.copy() for x in (system.a, system.b, system.c))
    for index in np.ndindex(*a.shape[:2]):
        a[index], basis = schur(system.a[index], output="real")
        b[index], c[index] = system.b[index] @ basis, system.c[index] @ basis
    return dense(Realisation(a, b, c, system.length), length)


def parallel_sections(system: Realisation, length: int) -> Taps:
    """Partial fractions: a section of second order for each pair of poles, all fed with the input, outputs summed."""
    poles, b, c = modes(system)
    taps = np.empty((*b.shape[:2], length), dtype=np.float32)
    for index in np.ndindex(*b.shape[:2]):
        taps[index] = _sum_of_sections(poles[index], (b * c)[index], length)
    return taps


def _sum_of_sections(poles: Complex, residues: Complex, length: int) -> Rows:
    """Impulse response of Σ (β₀ + β₁ z⁻¹)/(1 + α₁ z⁻¹ + α₂ z⁻²) by its difference equation: (R), (R) → (length)."""
    first, second = _pairs(poles)
    p, q, r, s = poles[first], poles[second], residues[first], residues[second]
    coefficients = (r + s, -(r * q + s * p), -(p + q), p * q)
    beta0, beta1, alpha1, alpha2 = (x.real.astype(np.float32) for x in coefficients)
    out = np.empty(length, dtype=np.float32)
    before, now = np.zeros_like(beta0), beta0
    for t in range(length):
        out[t] = now.sum()
        driven = beta1 if t == 0 else 0
        before, now = now, driven - alpha1 * now - alpha2 * before
    return out


def _pairs(poles: Complex) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of conjugate poles, then of neighbours on the real axis; one that is left over is its own neighbour."""
    on_axis = np.abs(poles.imag) <= _REAL * np.abs(poles)
    above, below = (np.flatnonzero(~on_axis & (sign * poles.imag > 0)) for sign in (1, -1))
    partner = [int(below[np.abs(poles[below] - poles[i].conj()).argmin()]) for i in above]
    real = np.flatnonzero(on_axis)
    real = real[np.argsort(poles[real].real)]
    paired = len(real) // 2 * 2
    first = np.concatenate([above, real[:paired:2]])
    second = np.concatenate([np.asarray(partner, dtype=np.intp), real[1:paired:2]])
    return first, second


class Chunks:
    """Chunked blocks with Āᵀ stored as it is, where the native scan stores Āᵀ - 1."""

    def __init__(self, system: Realisation, chunk: int) -> None:
        self._blocks = cut(system, np.zeros(system.b.shape[1]), chunk)
        self._inside = self._blocks.inside.astype(np.float32)

    def run(self, u: Rows) -> Rows:
        """(L H) → (L H)."""
        length, channels = u.shape
        chunk = self._blocks.chunk
        count = -(-length // chunk)
        padded = np.zeros((count * chunk, channels), dtype=np.float32)
        padded[:length] = u
        by_channel = padded.reshape(count, chunk, channels).transpose(2, 0, 1)  # (H nc T)
        y = by_channel @ self._inside
        for border, order in zip(self._blocks.borders, (1, -1), strict=False):
            y[:, ::order] += _carried(border, by_channel[:, ::order])
        return y.transpose(1, 2, 0).reshape(-1, channels)[:length]


def _carried(border: Border, chunks: Rows) -> Rows:
    """What each chunk owes to those before it: (H nc T) → (H nc T)."""
    enter, carry, leave = (x.astype(np.float32) for x in (border.enter, border.carry, border.leave))
    state = np.zeros((chunks.shape[0], 1, carry.shape[-1]), dtype=np.float32)  # (H 1 R)
    out = np.empty_like(chunks)
    for j in range(chunks.shape[1]):
        out[:, j : j + 1] = state @ leave
        state = state @ np.swapaxes(carry, 1, 2) + chunks[:, j : j + 1] @ enter
    return out
