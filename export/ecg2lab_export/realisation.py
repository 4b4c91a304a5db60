"""From a checkpoint's S4 parameters to a real state space that recurs.

Glossary as in `dplr`; in addition

    Ā B̄ C   real discretised system per channel: (H N N), (H N), (D H N); C is recovered from C̃
    T nc     chunk, and how many of them cover the window

The conjugate pairs are left behind by a unitary change of basis, so nothing is lost in conditioning: for x = (z, z̄)
and U = [[I, iI], [I, -iI]]/√2, the matrices Uᴴ Ā U, Uᴴ B̄ and C U are real. Eigenvectors of Ā are never used:
their condition is 8e4 at N = 8 and costs the float32 kernel four digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab_export import dplr
from ecg2lab_export.dplr import Complex, Dplr, Real


@dataclass(frozen=True)
class Realisation:
    """Real state space of one layer in float64: k[d,h,t] = c[d,h] aᵗ b."""

    a: Real  # (H N N)
    b: Real  # (H N)
    c: Real  # (D H N)

    @property
    def directions(self) -> int:
        """D: 1 causal, 2 bidirectional."""
        return int(self.c.shape[0])

    def kernel(self, length: int) -> Real:
        """First `length` taps of every direction and channel, (D H length), by recurrence in float64."""
        taps = np.empty((self.directions, self.b.shape[0], length))
        state = self.b
        for t in range(length):
            taps[:, :, t] = np.einsum("dhn,hn->dh", self.c, state)
            state = np.einsum("hnm,hm->hn", self.a, state)
        return taps

    def chunked(self, skip: Real, chunk: int) -> ChunkedBlocks:
        """Constants of the chunked recurrence.

        Parameters
        ----------
        skip
            D of the layer, (H): it joins lag 0 before anything is rounded.
        chunk
            T.
        """
        states = [self.b]  # Ā^s B̄
        rows = [self.c]  # C Ā^s
        for _ in range(chunk):
            states.append(np.einsum("hnm,hm->hn", self.a, states[-1]))
            rows.append(np.einsum("dhn,hnm->dhm", rows[-1], self.a))
        krylov = np.stack(states[:chunk], axis=1)  # (H T N)
        taps = np.einsum("dhn,htn->dht", self.c, krylov)  # (D H T)
        return ChunkedBlocks(
            inside=_toeplitz(taps, skip),
            enter_forward=krylov[:, ::-1],
            enter_backward=krylov,
            leave_forward=np.stack([row[0] for row in rows[1:]], axis=-1),
            leave_backward=(
                np.stack([row[1] for row in rows[chunk - 1 :: -1]], axis=-1) if self.directions == 2 else None
            ),
            power=np.linalg.matrix_power(self.a, chunk),
        )


@dataclass(frozen=True)
class ChunkedBlocks:
    """One layer cut into chunks of T samples, per channel, for products with row vectors on the left.

    With u_j the T samples of chunk j:
    `x_{j+1} = x_j powerᵀ + u_j enter_forward`, `z_j = z_{j+1} powerᵀ + u_j enter_backward`,
    `y_j = u_j inside + x_j leave_forward + z_{j+1} leave_backward`.
    """

    inside: Real  # (H T T) two-sided Toeplitz, D on its diagonal
    enter_forward: Real  # (H T N)
    enter_backward: Real  # (H T N)
    leave_forward: Real  # (H N T)
    leave_backward: Real | None  # (H N T); None: causal
    power: Real  # (H N N) Ā to the power T


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


def realise(
    w: ArrayLike, p: ArrayLike, q: ArrayLike, b: ArrayLike, c: ArrayLike, log_dt: ArrayLike, length: int
) -> Realisation:
    """Realise an S4 layer from its parameters as a checkpoint stores them.

    Parameters
    ----------
    w, p, q, b
        (H, N/2) complex: one of each conjugate pair.
    c
        (D, H, N/2) complex: C̃ = C (I - Āᴸ), D = 1 causal or 2 bidirectional.
    log_dt
        (H) logarithm of the step.
    length
        L, the window for which C̃ was made.

    Returns
    -------
    Realisation
        Its `kernel(length)` equals the published kernel.
    """
    system = Dplr(
        w=np.asarray(w, dtype=np.complex128),
        p=np.asarray(p, dtype=np.complex128),
        q=np.asarray(q, dtype=np.complex128),
        b=np.asarray(b, dtype=np.complex128),
        c=np.asarray(c, dtype=np.complex128),
        log_dt=np.asarray(log_dt, dtype=np.float64),
        length=length,
    )
    return realise_system(system)


def realise_system(system: Dplr) -> Realisation:
    """`realise` for parameters that are already gathered."""
    try:
        a_bar, b_bar = dplr.discretise(system)
        back = dplr.undo_truncation(a_bar, system.length)
    except np.linalg.LinAlgError:
        raise CheckpointError("an S4 layer has a pole at 1, from which its output vector cannot be recovered") from None
    c = np.einsum("dhn,hnm->dhm", dplr.complete(system.c), back)
    return _to_real_basis(a_bar, b_bar, c)


def _to_real_basis(a_bar: Complex, b_bar: Complex, c: Complex) -> Realisation:
    half = a_bar.shape[-1] // 2
    eye = np.eye(half)
    unitary = np.block([[eye, 1j * eye], [eye, -1j * eye]]) / np.sqrt(2)
    adjoint = unitary.conj().T
    return Realisation(
        a=_real(adjoint @ a_bar @ unitary),
        b=_real(b_bar @ adjoint.T),
        c=_real(c @ unitary),
    )


def _real(x: NDArray[np.complex128]) -> Real:
    return np.ascontiguousarray(x.real)
