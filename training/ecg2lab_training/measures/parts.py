"""Targets part by part, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Measured = TypeVar("Measured")
AT_ONCE = 32
"""Targets of a part: the same on every machine, for sums of another shape round differently."""


def measure(targets: int, of: Callable[[slice], Iterable[Measured]]) -> list[Measured]:
    """Measure all targets.

    Parameters
    ----------
    targets
        How many.
    of
        Measures a slice of them; NumPy and SciPy let other threads run meanwhile.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]  # scikit-learn needs it

    parts = [slice(start, start + AT_ONCE) for start in range(0, targets, AT_ONCE)]
    # threads of BLAS beside these would wait for each other
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        return [one for part in pool.map(of, parts) for one in part]
