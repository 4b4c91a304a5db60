"""Whether a state space is stable: every pole of Ā, per channel, inside the unit circle.

A recurrence with a pole outside grows without end, whatever the kernel of its training window looked like.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr, Real


def require_stable(system: Dplr, name: str) -> None:
    """Refuse a layer of which a channel has a spectral radius of 1 or more.

    Parameters
    ----------
    system
        Of one layer.
    name
        What to call the layer.

    Raises
    ------
    CheckpointError
        Naming the layer, the worst channel and its radius.
    """
    doubtful = np.flatnonzero(~_certainly_stable(system))
    radii = np.array([_spectral_radius(system, int(channel)) for channel in doubtful])
    unstable = radii >= 1  # a NaN is no radius: the kernel is not finite either, and is refused for it
    if unstable.any():
        worst = int(np.argmax(np.where(unstable, radii, 0)))
        others = f"; so are {unstable.sum() - 1} other channels" if unstable.sum() > 1 else ""
        raise CheckpointError(
            f"{name} is unstable: the spectral radius of channel {doubtful[worst]} is {radii[worst]:.10g}, "
            f"and must be below 1{others}"
        )


def _certainly_stable(system: Dplr) -> NDArray[np.bool_]:
    """Channels that are stable by a bound which costs no eigenvalues: (H).

    With e = q - conj(p), A + Aᴴ = 2 Re diag(w) - 2 p pᴴ - (p eᵀ + its adjoint), so no eigenvalue of A has a real part
    above max Re w + ‖p‖ ‖e‖. Where that is negative, the bilinear transform takes all of them into the circle. HiPPO
    has e = 0. Norms are those of the complete vectors: √2 times those of the stored halves.
    """
    deviation = np.linalg.norm(system.q - system.p.conj(), axis=-1)
    abscissa: Real = system.w.real.max(axis=-1) + 2 * np.linalg.norm(system.p, axis=-1) * deviation
    return abscissa < 0


def _spectral_radius(system: Dplr, channel: int) -> float:
    """Largest modulus of the poles of Ā; infinite where the transform has no value, NaN where Ā is not finite."""
    one = slice(channel, channel + 1)
    w, p, q, b = (x[one] for x in system.half())
    single = Dplr(w, p, q, b, system.c[:, one], system.log_dt[one], system.length)
    try:
        with np.errstate(all="ignore"):
            a_bar, _ = dplr.discretise(single)
    except np.linalg.LinAlgError:
        return float("inf")
    return float(np.abs(np.linalg.eigvals(a_bar)).max()) if np.isfinite(a_bar).all() else float("nan")
