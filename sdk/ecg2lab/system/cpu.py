"""The CPU that this process runs on, and which precisions it is fit for."""

from __future__ import annotations

import platform
from collections.abc import Collection
from pathlib import Path

from ecg2lab._native import _core
from ecg2lab.errors import BackendError

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_FIELDS = ("model name", "Model", "Hardware")
_INT8_PRODUCTS = ("avx512vnni", "avxvnni", "dotprod")
"""Instructions that sum products of unsigned and signed bytes in 32 bits.

Without them x86 code sums pairs of such products in 16 bits, which saturates: wrong numbers, silently (ONNX Runtime
issue 6004 and pull request 12088). Older Arm has no fast product of bytes to gain from.
"""


def features() -> tuple[str, ...]:
    """Instruction sets that CPU and operating system both have, such as avx2, avx512vnni, amx-int8, dotprod."""
    return _core.cpu_features()


def name() -> str:
    """What the maker calls it, or at least its architecture."""
    try:
        lines = _CPUINFO.read_text(errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    fields = [line.partition(":") for line in lines]
    names = (value.strip() for field in _MODEL_FIELDS for key, _, value in fields if key.strip() == field)
    return next(filter(None, names), platform.processor() or platform.machine() or "unknown")


def computes(precision: str, available: Collection[str] | None = None) -> bool:
    """Whether a precision of the window graph can be computed here; `require` says why not."""
    instructions = features() if available is None else available
    return precision != "int8" or any(x in instructions for x in _INT8_PRODUCTS)


def require(precision: str, available: Collection[str] | None = None) -> None:
    """Make sure that a precision of the window graph can be computed here.

    fp32 runs everywhere; fp16 and bf16 are computed in float32 where the CPU has nothing for them.

    Parameters
    ----------
    precision
        Of a bundle.
    available
        In place of `features()`.

    Raises
    ------
    BackendError
        For int8 on a CPU without 8-bit dot products.
    """
    if not computes(precision, available):
        raise BackendError(
            f"int8 needs a CPU with VNNI or, on Arm, dot-product instructions, and {name()} has neither (8-bit sums "
            "would saturate on x86); take a bundle in fp32"
        )
