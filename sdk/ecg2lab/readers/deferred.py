"""Counts that are decoded when they are needed: those of all channels at once can be many times the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Deferred:
    """What becomes an array of so many counts, each time that NumPy is handed it.

    Its maker has checked that the file has them: room is made for what this announces.
    """

    def __init__(self, length: int, decode: Callable[[], NDArray[Any]]) -> None:
        self._length, self._decode = length, decode

    def __len__(self) -> int:
        return self._length

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self._decode()
        return counts if dtype is None else counts.astype(dtype, copy=bool(copy))


Counts = NDArray[np.generic] | Deferred
"""(n,), in the order of time."""
