"""Counts that are decoded only when needed: for all channels at once they can take many times the file's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Deferred:
    """Converted by NumPy to an array of `length` counts, decoded anew each time.

    Whoever makes it must have checked that the file has so many: memory is allocated for `length` counts.
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
