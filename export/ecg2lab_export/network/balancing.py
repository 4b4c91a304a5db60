"""The basis in which a state space bears rounding best.

Glossary: H channels, N states before, R after; Ā, B̄, C of one direction; L window; γ = exp(-1/L) fading a sample;
X = [B̄ γĀB̄ γ²Ā²B̄ …] what inputs leave in the states, Y = [C; γCĀ; γ²CĀ² …] what states leave in the outputs.

In a balanced basis both X Xᵀ and Yᵀ Y are the same diagonal matrix, of the Hankel singular values (Moore, IEEE Trans.
Automatic Control 1981): a state that is hard to reach is as hard to see, so no large coefficient ever multiplies a
small one. The fading asks this of one window: without it, poles close to 1 would be balanced for times that no window
sees, and a cut at L would leave a system that may grow (`docs/recurrence.md` has the figures). The basis is found from
triangular factors of X and Y, never from their squares, which would halve the digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecg2lab_export.network.dplr import Real

NEGLIGIBLE = 1e-12
"""Hankel singular values below this fraction of the largest are dropped: they change a kernel by less than its
rounding, and a state space with coincident poles has them."""

_MOST_PASSES = 64
_SLOWER = (10, 100, 10_000, None)
"""Times L over which a channel is faded that grew; None: it keeps the basis that it came in."""


class System(NamedTuple):
    """One direction."""

    a: Real  # (H R R)
    b: Real  # (H R)
    c: Real  # (H R)

    def widened(self, states: int) -> System:
        """With states that are never reached, so that systems of several sizes can be stacked."""
        more = (0, states - self.b.shape[-1])
        return System(np.pad(self.a, ((0, 0), more, more)), *(np.pad(x, ((0, 0), more)) for x in (self.b, self.c)))


def balance_stably(a: Real, b: Real, c: Real, length: int) -> System:
    """`balance`, and every channel of what it gives stable, also over more than one window.

    What the faded system may leave out need not be negligible without fading: a channel whose poles came to lie outside
    the unit circle is balanced again with less fading, and at last not at all.
    """
    system = balance(a, b, c, length)
    for slower in _SLOWER:
        grows = ~(spectral_radius(system.a) < 1)
        if not grows.any():
            return system
        growing = a[grows], b[grows], c[grows]
        again = balance(*growing, slower * length) if slower else System(*growing)
        states = max(system.b.shape[-1], again.b.shape[-1])
        system, again = system.widened(states), again.widened(states)
        for kept, better in zip(system, again, strict=True):
            kept[grows] = better
    return system


def spectral_radius(a: Real) -> Real:
    """Largest modulus of the poles of each channel: (H)."""
    radius: Real = np.abs(np.linalg.eigvals(a)).max(axis=-1)
    return radius


def balance(a: Real, b: Real, c: Real, length: int) -> System:
    """Change to a balanced basis, and leave out states that no output can tell.

    With triangular factors X Xᵀ = S Sᵀ and Yᵀ Y = Tᵀ T, and T S = U Σ Vᵀ, the change x = S V Σ^-½ z has the inverse
    z = Σ^-½ Uᵀ T x. Per channel; the channel that needs most states decides for all.

    Parameters
    ----------
    a, b, c
        (H N N), (H N), (H N), stable.
    length
        L.

    Returns
    -------
    System
        (H R R), (H R), (H R): the same kernel.
    """
    faded = a * np.exp(-1 / length)
    reached = np.swapaxes(_triangular(np.swapaxes(faded, 1, 2), b), 1, 2)  # S (H N N)
    seen = _triangular(faded, c)  # T (H N N)
    left, values, right = np.linalg.svd(seen @ reached)
    kept = values > NEGLIGIBLE * values[:, :1]
    states = max(1, int(kept.sum(axis=1).max()))
    scale = np.where(kept, np.where(kept, values, 1) ** -0.5, 0)[:, :states]
    forward = reached @ np.swapaxes(right, 1, 2)[:, :, :states] * scale[:, None, :]  # (H N R)
    backward = scale[:, :, None] * (np.swapaxes(left, 1, 2)[:, :states] @ seen)  # (H R N)
    return System(
        a=backward @ a @ forward,
        b=np.einsum("hrn,hn->hr", backward, b),
        c=np.einsum("hn,hnr->hr", c, forward),
    )


def _triangular(a: Real, row: Real) -> Real:
    """Upper triangular T with Tᵀ T = Σ_t (row aᵗ)ᵀ (row aᵗ) over all t ≥ 0, by doubling: (H N N).

    Each pass appends to the rows seen so far the same rows after as many steps again. It ends when nothing is left to
    append: after p passes powers of 2ᵖ have vanished, which a fading over 10,000 windows makes them do.
    """
    factor = np.pad(row[:, None, :], ((0, 0), (0, row.shape[1] - 1), (0, 0)))
    power = a
    for _ in range(_MOST_PASSES):
        later = factor @ power
        if np.abs(later).max() <= np.finfo(np.float64).eps ** 2 * np.abs(factor).max():
            break
        factor = np.asarray(np.linalg.qr(np.concatenate([factor, later], axis=1), mode="r"))
        power = power @ power
    return factor
