"""Chunked blocks: a realisation cut into chunks of T samples, so that all inside a chunk is one product.

Glossary as in `realisation`; T samples a chunk, nc chunks that cover the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg2lab_export.network.dplr import Real
from ecg2lab_export.network.realisation import Realisation


@dataclass(frozen=True)
class Border:
    """How one direction enters the states at the border of a chunk, carries them on, and leaves them again.

    With u_j the T samples of chunk j, as rows: forward x_{j+1} = x_j carryᵀ + u_j enter and y_j += x_j leave; backward
    z_j = z_{j+1} carryᵀ + u_j enter and y_j += z_{j+1} leave.
    """

    enter: Real  # (H T R)
    carry: Real  # (H R R) Ā to the power T
    leave: Real  # (H R T)


@dataclass(frozen=True)
class ChunkedBlocks:
    """y_j = u_j inside + what the borders leave."""

    inside: Real  # (H T T) two-sided Toeplitz, D on its diagonal
    borders: tuple[Border, ...]  # forward; then backward, unless the layer is causal

    @property
    def chunk(self) -> int:
        """T."""
        return int(self.inside.shape[-1])


def cut(system: Realisation, skip: Real, chunk: int) -> ChunkedBlocks:
    """Constants of the chunked recurrence in float64.

    Parameters
    ----------
    system
        Of the layer.
    skip
        D of the layer, (H): it joins lag 0 before anything is rounded.
    chunk
        T.
    """
    borders = [_border(system, direction, chunk) for direction in range(system.directions)]
    return ChunkedBlocks(_toeplitz(system.kernel(chunk), skip), tuple(borders))


def _border(system: Realisation, direction: int, chunk: int) -> Border:
    a, b, c = system.a[direction], system.b[direction], system.c[direction]
    entering, leaving = [b], [c]  # Ā^s B̄ and C Ā^s
    for _ in range(chunk):
        entering.append(np.einsum("hnm,hm->hn", a, entering[-1]))
        leaving.append(np.einsum("hn,hnm->hm", leaving[-1], a))
    enter, leave = np.stack(entering[:chunk], axis=1), np.stack(leaving, axis=-1)
    if direction == 0:  # the last sample enters unaged; the first output sees the state one step later
        enter, leave = enter[:, ::-1], leave[:, :, 1:]
    else:  # lag -(m+1): the state of the next chunk already stands one sample ahead of the last output
        leave = leave[:, :, chunk - 1 :: -1]
    return Border(enter, np.linalg.matrix_power(a, chunk), leave)


def _toeplitz(taps: Real, skip: Real) -> Real:
    """(D H T) → (H T T), entry [s, i] weighing input s in output i."""
    directions, channels, chunk = taps.shape
    lags = np.zeros((channels, 2 * chunk - 1))  # index T-1+lag
    lags[:, chunk - 1 :] = taps[0]
    lags[:, chunk - 1] += skip
    if directions == 2:
        lags[:, : chunk - 1] = taps[1, :, : chunk - 1][:, ::-1]
    steps = np.arange(chunk)
    return lags[:, chunk - 1 + steps[None, :] - steps[:, None]]
