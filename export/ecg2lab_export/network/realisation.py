"""From a checkpoint's S4 parameters to a real, balanced state space that recurs.

Glossary as in `dplr`; in addition

    Ā B̄ C   real discretised system per direction and channel: (D H R R), (D H R), (D H R); C is recovered from C̃
    R        states that are kept, at most N

Two changes of basis, neither of which touches an eigenvector (their condition is 8e4 at N = 8 and costs a float32
kernel four digits). The first is unitary and leaves the conjugate pairs behind: for x = (z, z̄) and
U = [[I, iI], [I, -iI]]/√2, the matrices Uᴴ Ā U, Uᴴ B̄ and C U are real. The second is `balanced`, per direction: what is
rounded to float32 afterwards is as small as it can be beside what it produces. `docs/recurrence.md` derives both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab_export.network import dplr
from ecg2lab_export.network.balancing import balance_stably
from ecg2lab_export.network.dplr import Complex, Dplr, Real
from ecg2lab_export.network.stability import require_stable

_NOT_REALISED = (
    "an S4 layer cannot be realised: it is not finite, unstable, or has a pole at 1, from which no output vector "
    "can be recovered"
)


@dataclass(frozen=True)
class Realisation:
    """Real state space of one layer in float64: k[d,h,t] = c[d,h] a[d,h]ᵗ b[d,h]."""

    a: Real  # (D H R R)
    b: Real  # (D H R)
    c: Real  # (D H R)
    length: int
    """L, the window for which it was made; the recurrence itself has no end."""

    @property
    def directions(self) -> int:
        """D: 1 causal, 2 bidirectional."""
        return int(self.b.shape[0])

    @property
    def states(self) -> int:
        """R."""
        return int(self.b.shape[-1])

    @property
    def parameters(self) -> list[Real]:
        """All its numbers."""
        return [self.a, self.b, self.c]

    def kernel(self, length: int | None = None) -> Real:
        """First `length` taps of every direction and channel in float64, (D H length); None: of the window.

        k[jT + i] = (c aⁱ)(aʲᵀ b) with T about √length: two short recurrences and one product.
        """
        length = self.length if length is None else length
        stride = max(1, round(np.sqrt(length)))
        rows = _krylov(np.swapaxes(self.a, -1, -2), self.c, stride)  # (D H T R)
        starts = _krylov(np.linalg.matrix_power(self.a, stride), self.b, -(-length // stride))
        taps = np.einsum("dhjr,dhir->dhji", starts, rows, optimize=True)
        return np.ascontiguousarray(taps.reshape(*self.b.shape[:2], -1)[:, :, :length])


def _krylov(a: Real, start: Real, count: int) -> Real:
    """All of start, a start, a² start …: (D H count R)."""
    vectors = [start]
    while len(vectors) < count:
        vectors.append(np.einsum("dhnm,dhm->dhn", a, vectors[-1]))
    return np.stack(vectors, axis=2)


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
        Its `kernel()` equals the published kernel.

    Raises
    ------
    CheckpointError
        If C cannot be recovered from C̃, or the system is unstable.
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
    require_stable(system, "the S4 layer")
    return realise_system(system)


def realise_system(system: Dplr) -> Realisation:
    """`realise` for parameters that are already gathered."""
    try:
        with np.errstate(all="ignore"):  # what overflows is not finite, and is refused below
            a_bar, b_bar = dplr.discretise(system)
            back = dplr.undo_truncation(a_bar, system.length)
            c = np.einsum("dhn,hnm->dhm", dplr.complete(system.c), back)
            realised = balanced(*to_real_basis(a_bar, b_bar, c), system.length)
    except np.linalg.LinAlgError:
        raise CheckpointError(_NOT_REALISED) from None
    if not all(np.isfinite(x).all() for x in realised.parameters):
        raise CheckpointError(_NOT_REALISED)
    return realised


def balanced(a: Real, b: Real, c: Real, length: int) -> Realisation:
    """Balance each direction of a real system: (H N N), (H N), (D H N) → (D H R R), (D H R), (D H R)."""
    parts = [balance_stably(a, b, row, length) for row in c]
    states = max(part.b.shape[-1] for part in parts)
    widened = [part.widened(states) for part in parts]
    a, b, c = (np.stack(x) for x in zip(*widened, strict=True))
    return Realisation(a, b, c, length)


def to_real_basis(a_bar: Complex, b_bar: Complex, c: Complex) -> tuple[Real, Real, Real]:
    """Leave the conjugate pairs behind: (H N N), (H N), (D H N), complex → real."""
    half = a_bar.shape[-1] // 2
    eye = np.eye(half)
    unitary = np.block([[eye, 1j * eye], [eye, -1j * eye]]) / np.sqrt(2)
    adjoint = unitary.conj().T
    return _real(adjoint @ a_bar @ unitary), _real(b_bar @ adjoint.T), _real(c @ unitary)


def _real(x: NDArray[np.complex128]) -> Real:
    return np.ascontiguousarray(x.real)
