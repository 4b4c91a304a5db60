"""The Cauchy sums of an S4 kernel: by PyTorch's own operations, or by KeOps as the published code has them.

The published code asks KeOps for a GPU; on a CPU it runs only once that word is changed. KeOps compiles the sum with
the machine's C++ compiler when it is first used, and is optional (`pip install pykeops`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ecg2lab_bench.measuring.libraries import need

if TYPE_CHECKING:
    import torch

Cauchy = Callable[["torch.Tensor", "torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Sum over each conjugate pair of v/(g - w): (… H N/2), (F), (H N/2) → (… H F)."""


def by_pytorch(v: torch.Tensor, g: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Every term in memory."""
    pairs = v.unsqueeze(-1) / (g - w.unsqueeze(-1)) + v.conj().unsqueeze(-1) / (g - w.conj().unsqueeze(-1))
    result: torch.Tensor = pairs.sum(dim=-2)
    return result


def by_keops() -> Cauchy:
    """Terms are added up where they arise; a pair is one quotient of real coefficients.

    Raises
    ------
    LeftOut
        If pykeops is not installed.
    """
    need("pykeops")
    os.environ.setdefault("PYKEOPS_VERBOSE", "0")
    import torch

    generic_reduction = import_module("pykeops.torch").Genred
    # v/(g - w) + v̄/(g - w̄) = (g·2Re v - 2Re(v w̄)) / ((g - w)(g - w̄))
    quotient = generic_reduction(
        "ComplexDivide(Elem(c, 0) * g - Real2Complex(Elem(c, 1)), ComplexMult(g - w, g - Conj(w)))",
        ["c = Vj(2)", "g = Vi(2)", "w = Vj(2)"],
        reduction_op="Sum",
        axis=1,
    )

    def sums(v: torch.Tensor, g: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        coefficients = 2 * torch.stack([v.real, (v * w.conj()).real], dim=-1)  # (… H N/2 2)
        shape = v.shape[:-1]
        nodes = torch.view_as_real(g).expand(*(1 for _ in shape), *g.shape, 2).contiguous()
        poles = torch.view_as_real(w).expand(*v.shape, 2).contiguous()
        quotients = quotient(coefficients.contiguous(), nodes, poles, backend="CPU")
        return torch.view_as_complex(quotients.contiguous())

    return sums
