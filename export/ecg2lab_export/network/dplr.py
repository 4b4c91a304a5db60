"""The S4 state space in its published form: diagonal plus low rank (DPLR), bilinear discretisation.

Glossary (Gu et al. 2022, arXiv 2111.00396)

    H   channels                                w   diagonal of the continuous state matrix   (H N/2)
    N   state size; N/2 of each conjugate       p,q rank-1 correction: A = diag(w) - p qᵀ     (H N/2)
        pair are stored                         b   input vector B                            (H N/2)
    L   window: length of the kernel            c   output vector C̃ = C (I - Āᴸ)              (D H N/2)
    D   directions: 1 causal, 2 bidirectional   dt  step, exp(log_dt)                         (H)
    Ā B̄ discretised system; k[t] = C Āᵗ B̄, t = 0 … L-1

Everything here is float64 / complex128 and NumPy alone: training takes its basis from it, export its truth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


class Dplr(NamedTuple):
    """One S4 layer's state space as a checkpoint stores it: one of each conjugate pair, c being C̃."""

    w: Complex  # (H N/2)
    p: Complex  # (H N/2)
    q: Complex  # (H N/2)
    b: Complex  # (H N/2)
    c: Complex  # (D H N/2)
    log_dt: Real  # (H)
    length: int  # L

    @property
    def state_size(self) -> int:
        """N, both of each pair counted."""
        return 2 * int(self.w.shape[-1])

    @property
    def directions(self) -> int:
        """D."""
        return int(self.c.shape[0])

    @property
    def parameters(self) -> list[Real]:
        """All numbers of the layer's state space, complex ones as pairs."""
        return [self.log_dt, *(x.view(np.float64) for x in (*self.half(), self.c))]

    def half(self) -> tuple[Complex, Complex, Complex, Complex]:
        """w, p, q, b."""
        return self.w, self.p, self.q, self.b


def hippo_legs(state_size: int) -> tuple[Complex, Complex, Complex]:
    """HiPPO-LegS as diagonal plus rank one, one of each conjugate pair.

    The LegS matrix A_nk = -sqrt((2n+1)(2k+1)) (n > k), -(n+1) (n = k) plus P Pᵀ with P_n = sqrt(n + 1/2) equals
    -I/2 plus a skew-symmetric matrix, so a unitary basis diagonalises it (arXiv 2111.00396, appendix C).

    Parameters
    ----------
    state_size
        N, even.

    Returns
    -------
    w, p, b
        Each (N/2): the eigenvalues with positive imaginary part, and P and B in the eigenbasis. q is conj(p).

    Raises
    ------
    ValueError
        If N is odd or not positive.
    """
    if state_size < 2 or state_size % 2:
        raise ValueError(f"state size {state_size} is not a positive even number")
    order = np.arange(state_size, dtype=np.float64)
    root = np.sqrt(2 * order + 1)
    legs = -(np.tril(np.outer(root, root), -1) + np.diag(order + 1))
    p = np.sqrt(order + 0.5)
    skew = legs + np.outer(p, p) + 0.5 * np.eye(state_size)
    # -i·skew is Hermitian: real eigenvalues in ascending order, unitary eigenvectors.
    frequency, basis = np.linalg.eigh(-1j * skew)
    keep = slice(state_size // 2, None)
    inverse = basis.conj().T
    return -0.5 + 1j * frequency[keep], (inverse @ p)[keep], (inverse @ root)[keep]


def complete(half: Complex) -> Complex:
    """Append the conjugates that a checkpoint leaves out: (… N/2) → (… N)."""
    return np.concatenate([half, half.conj()], axis=-1)


def discretise(system: Dplr) -> tuple[Complex, Complex]:
    """Ā and B̄ by the bilinear transform.

    Returns
    -------
    a_bar
        (H N N) = (I - dt/2·A)⁻¹ (I + dt/2·A), A = diag(w) - p qᵀ without conjugation.
    b_bar
        (H N) = (I - dt/2·A)⁻¹ dt·B.
    """
    w, p, q, b = (complete(x) for x in system.half())
    dt = np.exp(system.log_dt)[:, None]
    eye = np.eye(w.shape[-1])
    a = w[:, :, None] * eye - p[:, :, None] * q[:, None, :]
    backward = eye - dt[:, :, None] / 2 * a
    forward = eye + dt[:, :, None] / 2 * a
    a_bar = np.linalg.solve(backward, forward).astype(np.complex128, copy=False)
    b_bar = np.linalg.solve(backward, (dt * b)[:, :, None])[:, :, 0].astype(np.complex128, copy=False)
    return a_bar, b_bar


def undo_truncation(a_bar: Complex, length: int) -> Complex:
    """(I - Āᴸ)⁻¹, which turns C̃ into C: (H N N)."""
    power = np.linalg.matrix_power(a_bar, length)
    return np.linalg.inv(np.eye(a_bar.shape[-1]) - power)


def krylov(a_bar: Complex, b_bar: Complex, length: int) -> Complex:
    """Columns Āᵗ B̄ for t = 0 … length-1, by doubling: (H N length)."""
    columns = b_bar[:, :, None]
    power = a_bar
    while columns.shape[-1] < length:
        columns = np.concatenate([columns, power @ columns], axis=-1)
        power = power @ power
    return np.ascontiguousarray(columns[:, :, :length])


def kernel_basis(system: Dplr) -> Real:
    """Real basis in which the kernel is linear in the stored C̃, for training.

    k[d,h,:] = Σ_n Re C̃[d,h,n] · basis[h,n,:] + Im C̃[d,h,n] · basis[h,N/2+n,:]: w, p, q, b and dt never train, so the
    basis is computed once.

    Returns
    -------
    ndarray (H N L)
    """
    a_bar, b_bar = discretise(system)
    states = undo_truncation(a_bar, system.length) @ krylov(a_bar, b_bar, system.length)
    half = states[:, : system.state_size // 2]
    return np.concatenate([2 * half.real, -2 * half.imag], axis=1)


def truncate(system: Dplr, c: Complex) -> Complex:
    """C → C̃ = C (I - Āᴸ), as a checkpoint stores it: (D H N/2) → (D H N/2)."""
    a_bar, _ = discretise(system)
    power = np.linalg.matrix_power(a_bar, system.length)
    full = complete(c)
    shortened = full - np.einsum("dhn,hnm->dhm", full, power)
    return np.ascontiguousarray(shortened[..., : system.state_size // 2])


def kernel(system: Dplr) -> Real:
    """The kernel by the published algorithm, in float64: the truth that every form is proved against.

    At the L-th roots of unity z the truncated generating function is K(z) = C̃ (I - Ā z)⁻¹ B̄, which the bilinear
    transform and the Woodbury identity turn into four Cauchy sums (arXiv 2111.00396, section 3.2); an inverse real
    FFT gives k. C̃ enters as stored, so this shares no step with `undo_truncation`.

    Returns
    -------
    ndarray (D H L)
    """
    w, p, q, b = (complete(x) for x in system.half())
    c = complete(system.c)
    dt = np.exp(system.log_dt)
    length = system.length
    z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    at_minus_one = 2 * np.arange(z.size) == length  # the bilinear map has its pole there; only for even L
    z_safe = np.where(at_minus_one, 1, z)

    spectrum = np.empty((c.shape[0], w.shape[0], z.size), dtype=np.complex128)
    for h in range(w.shape[0]):  # one channel at a time keeps (N L/2) matrices in cache
        # (g - A)⁻¹ with g = 2/dt (1-z)/(1+z); A = diag(w) - p qᵀ
        g = 2 / dt[h] * (1 - z_safe) / (1 + z_safe)
        resolvent = 1 / (g[None, :] - w[h][:, None])  # (N L/2+1)
        cauchy_qb = (q[h] * b[h]) @ resolvent
        cauchy_qp = (q[h] * p[h]) @ resolvent
        cauchy_cb = (c[:, h] * b[h]) @ resolvent
        cauchy_cp = (c[:, h] * p[h]) @ resolvent
        inner = cauchy_cb - cauchy_cp * cauchy_qb / (1 + cauchy_qp)
        spectrum[:, h] = 2 / (1 + z_safe) * inner
        # (I + Ā)⁻¹ B̄ = dt/2 · B
        spectrum[:, h, at_minus_one] = (dt[h] / 2 * (c[:, h] @ b[h]))[:, None]
    return np.fft.irfft(spectrum, n=length, axis=-1)
