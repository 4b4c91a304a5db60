"""The S4 layer in PyTorch, for training.

Glossary (as in `ecg2lab_export.network.dplr`)

    B batch   H channels   N state size   L window   D directions (1 causal, 2 bidirectional)
    k   kernel (D H L)                 C̃   output vector as stored, C (I - Āᴸ); alone trains
    basis  (H N L), with k = C̃ · basis: w, P, Q, B and dt stay as they were drawn, so it is computed once

S4: Gu et al. 2022, arXiv 2111.00396. The network: Lopez Alcaraz & Strodthoff 2025, doi 10.1038/s41598-025-26715-5.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Complex, Dplr
from ecg2lab_training.network import operations

STEP_RANGE = (0.001, 0.1)
"""dt is drawn log-uniformly from it."""


def draw_system(hidden: int, state: int, window: int, directions: int, rng: np.random.Generator) -> Dplr:
    """Draw a layer's state space: HiPPO-LegS in every channel, dt log-uniform, C complex standard normal.

    C is drawn, C̃ = C (I - Āᴸ) is stored.
    """
    w, p, b = dplr.hippo_legs(state)
    low, high = STEP_RANGE

    def each(half: Complex) -> Complex:
        return np.tile(half, (hidden, 1))

    shape = (directions, hidden, state // 2)
    c = np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape), dtype=np.complex128) / math.sqrt(2)
    log_dt = rng.uniform(math.log(low), math.log(high), size=hidden)
    system = Dplr(each(w), each(p), each(p.conj()), each(b), c, log_dt, window)
    return system._replace(c=dplr.truncate(system, c))


class Kernel(nn.Module):
    """A convolution kernel that is linear in its one parameter."""

    basis: Tensor

    def __init__(self, system: Dplr) -> None:
        """Take over a state space; everything but C̃ is fixed.

        All is rounded to single precision, in which checkpoints hold it, before the basis is computed: the network
        that is read back from a checkpoint is exactly the one that was trained.
        """
        super().__init__()
        self.length = system.length
        for name, half in zip("wpqb", system.half(), strict=True):
            self.register_buffer(name, torch.from_numpy(half.astype(np.complex64)))  # (H N/2)
        self.register_buffer("log_dt", torch.from_numpy(system.log_dt.astype(np.float32)))  # (H)
        parts = np.concatenate([system.c.real, system.c.imag], axis=-1)
        self.c = nn.Parameter(torch.from_numpy(parts.astype(np.float32)))  # (D H N), real parts first
        basis = dplr.kernel_basis(self.system()).astype(np.float32)
        self.register_buffer("basis", torch.from_numpy(basis), persistent=False)  # (H N L)

    def forward(self) -> Tensor:
        """Kernel (D H L)."""
        return torch.einsum("dhn,hnl->dhl", self.c, self.basis)

    def system(self) -> Dplr:
        """Return the state space with C̃ as it is now."""
        real, imaginary = np.split(_numpy(self.c).astype(np.float64), 2, axis=-1)
        w, p, q, b = (_numpy(self.get_buffer(name)).astype(np.complex128) for name in "wpqb")
        log_dt = _numpy(self.get_buffer("log_dt")).astype(np.float64)
        return Dplr(w, p, q, b, real + 1j * imaginary, log_dt, self.length)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()


class S4Layer(nn.Module):
    """y = conv(u, k) + D·u; GELU; dropout; linear H → 2H; GLU; dropout; residual; LayerNorm."""

    def __init__(self, system: Dplr, dropout: float) -> None:
        """Build a layer around a state space; D starts standard normal, as the authors' does."""
        super().__init__()
        hidden = system.w.shape[0]
        self.kernel = Kernel(system)
        self.d = nn.Parameter(torch.randn(hidden))
        self.output = nn.Linear(hidden, 2 * hidden)
        self.dropout = dropout
        self.norm = nn.LayerNorm(hidden, eps=operations.NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(H B L) → (H B L)."""
        y = operations.convolve_gelu(x, operations.circular(self.kernel(), self.d), self.mask(x))
        z = self.output.weight @ y.flatten(1)  # (2H B·L)
        z = z.float() if z.dtype == torch.bfloat16 else z  # norms and transforms stay in float32
        bias, weight, shift = self.output.bias, self.norm.weight, self.norm.bias
        return operations.gate_norm(x, z.view(-1, *x.shape[1:]), bias, self.mask(x), weight, shift)

    def mask(self, x: Tensor) -> Tensor | None:
        """Dropout of whole channels, one draw for all times ("tied"): (H B L) → (H B 1); None outside training."""
        if not self.training or self.dropout == 0:
            return None
        kept = 1 - self.dropout
        return x.new_empty(*x.shape[:2], 1).bernoulli_(kept).div_(kept)
