"""The S4 convolution over one window as a real Fourier transform in two levels: constant products and one Mul.

Glossary: B batch, L window, H channels; M = P·Q ≥ 2L-1 length of the transform; time t = Q·n + m with n < R = ⌈L/Q⌉ and
m < Q; frequency f = g + P·j. Shapes in comments.

A transform of length M splits into P-point transforms over n, one for each m, and Q-point transforms over m, one for
each g (Cooley and Tukey, Mathematics of Computation 1965). Both are products with constant matrices; the input is real,
so only g = 0 … P/2 are wanted, and those of 0 and P/2, which are real, share one group of rows. The product with the
spectrum of the kernel takes three real multiplications in place of four. `docs/recurrence.md` derives every matrix.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.dplr import Complex, Real
from ecg2lab_export.network.fusion import S4Layer


class Plan(NamedTuple):
    """How the transform of a window is split."""

    window: int
    """L"""
    outer: int
    """P, even"""
    inner: int
    """Q"""

    @property
    def rows(self) -> int:
        """R: rows of Q samples that hold the window."""
        return -(-self.window // self.inner)

    @property
    def length(self) -> int:
        """M, of the transform."""
        return self.outer * self.inner

    @property
    def groups(self) -> int:
        """P/2."""
        return self.outer // 2

    @property
    def padding(self) -> int:
        """Zeros after the window that fill its last row."""
        return self.rows * self.inner - self.window

    @property
    def multiplications(self) -> int:
        """Per channel: P·R·Q for each outer transform, 3Q·2Q·P/2 for each inner one, and 3Q·P/2 in between."""
        return (
            2 * self.outer * self.rows * self.inner + 6 * self.outer * self.inner**2 + 3 * self.outer * self.inner // 2
        )


@lru_cache
def plan_for(window: int) -> Plan:
    """The cheapest split by count of multiplications; padding costs two copies of the activations."""

    def cost(plan: Plan) -> tuple[int, int]:
        return plan.multiplications + (_COPY_COST * window if plan.padding else 0), plan.inner

    return min((_shortest(window, inner) for inner in range(1, window + 1)), key=cost)


_COPY_COST = 32
"""Of reading and writing an activation, in multiplications that could be done meanwhile."""


def _shortest(window: int, inner: int) -> Plan:
    outer = -(-(2 * window - 1) // inner)
    return Plan(window, outer + outer % 2, inner)


class Transforms(NamedTuple):
    """The constant products, float64; those of one plan serve every layer."""

    outer: Real  # (P R)
    inner: Real  # (P/2 3Q 2Q)
    inner_back: Real  # (P/2 2Q 3Q)
    outer_back: Real  # (R P)


class _Bin(NamedTuple):
    """One frequency of one group: which of the group's rows it reads, and which columns its products fill."""

    group: int
    """Where it stands: the lowest frequencies last, so that sums over groups grow towards their end and round least."""
    frequency: int
    half: int | None
    """Of the group of the real sequences: 0 reads the rows of g = 0, 1 those of g = P/2; None: a complex sequence."""
    column: int
    real: bool
    """Whether the spectrum is real there: frequencies 0 and M/2."""


def _bins(plan: Plan) -> list[_Bin]:
    bins = []
    columns = 0
    for half, first in enumerate((0, plan.groups)):
        for frequency in range(first, plan.length // 2 + 1, plan.outer):
            real = frequency in (0, plan.length / 2)
            bins.append(_Bin(plan.groups - 1, frequency, half, columns, real))
            columns += 1 if real else 3
    for group in range(1, plan.groups):
        for j in range(plan.inner):
            bins.append(_Bin(plan.groups - 1 - group, group + plan.outer * j, None, 3 * j, False))
    return bins


@lru_cache(maxsize=4)
def transforms(plan: Plan) -> Transforms:
    """Matrices of the two levels, there and back; every layer of a network shares them."""
    n = np.arange(plan.rows)
    outer = np.empty((plan.outer, plan.rows))
    outer[-2], outer[-1] = 1, (-1.0) ** n
    for g in range(1, plan.groups):
        angle = 2 * np.pi * (g * n % plan.outer) / plan.outer
        row = plan.outer - 2 * (g + 1)
        outer[row], outer[row + 1] = np.cos(angle), -np.sin(angle)
    inner = np.zeros((plan.groups, 3 * plan.inner, 2 * plan.inner))
    back = np.zeros((plan.groups, 2 * plan.inner, 3 * plan.inner))
    m = np.arange(plan.inner)
    for group, frequency, half, column, real in _bins(plan):
        turn = np.exp(-2j * np.pi * (frequency * m % plan.length) / plan.length)
        re, im = _reads(turn, half)
        weight = (1 if real else 2) / plan.length
        # A real signal's transform is real, so going back uses the transposed rows.
        if real:
            inner[group, column] = re
            back[group, :, column] = weight * re
        else:
            inner[group, column : column + 3] = re + im, re, im
            back[group, :, column : column + 3] = weight * np.stack([re + im, im, -re], axis=1)
    return Transforms(outer, inner, back, np.ascontiguousarray(outer.T))


def _reads(turn: Complex, half: int | None) -> tuple[Real, Real]:
    """Rows over (Re, Im) × m that give real and imaginary part of Σ turn·z."""
    if half is None:
        return np.concatenate([turn.real, -turn.imag]), np.concatenate([turn.imag, turn.real])
    none = np.zeros(turn.size)
    rows = [(none, part) if half else (part, none) for part in (turn.real, turn.imag)]
    return np.concatenate(rows[0]), np.concatenate(rows[1])


def spectrum(plan: Plan, kernel: Real, skip: Real) -> Real:
    """What the transformed signal is multiplied with.

    Parameters
    ----------
    plan
        Of the window.
    kernel
        (D H L): direction 0 on lags ≥ 0, direction 1, read at m, on lag -(m+1).
    skip
        (H) joins lag 0.

    Returns
    -------
    ndarray (P/2 3Q H)
    """
    window = plan.window
    circular = np.zeros((plan.length, kernel.shape[1]))
    circular[:window] = kernel[0].T
    circular[0] += skip
    if kernel.shape[0] == 2 and window > 1:
        circular[1 - window :] = kernel[1, :, : window - 1].T[::-1]
    transformed = np.fft.rfft(circular, axis=0)  # (M/2+1 H)
    full = np.concatenate([transformed, transformed[1 : (plan.length + 1) // 2][::-1].conj()])  # (M H)
    out = np.zeros((plan.groups, 3 * plan.inner, kernel.shape[1]))
    for group, frequency, _, column, real in _bins(plan):
        value = full[frequency]
        if real:
            out[group, column] = value.real
        else:
            out[group, column : column + 3] = value.real, value.imag - value.real, value.real + value.imag
    return out


def add_spectral(graph: GraphBuilder, u: str, layer: S4Layer) -> str:
    """Append the `Convolution` of a layer."""
    window, channels = layer.system.length, layer.d.size
    plan = plan_for(window)
    to = transforms(plan)
    u = graph.pad(u, window, channels, plan.padding)
    x = graph.reshape(u, (-1, plan.rows, plan.inner * channels))  # (B R Q·H)
    x = graph.add("MatMul", graph.constant(to.outer), x)  # (B P Q·H)
    x = graph.reshape(x, (-1, plan.groups, 2 * plan.inner, channels))
    x = graph.add("MatMul", graph.constant(to.inner), x)  # (B P/2 3Q H)
    x = graph.add("Mul", x, graph.constant(spectrum(plan, layer.kernel, layer.d)))
    x = graph.add("MatMul", graph.constant(to.inner_back), x)  # (B P/2 2Q H)
    x = graph.reshape(x, (-1, plan.outer, plan.inner * channels))
    y = graph.add("MatMul", graph.constant(to.outer_back), x)  # (B R Q·H)
    return graph.crop(y, window, channels, plan.padding)
