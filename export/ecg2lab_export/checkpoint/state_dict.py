"""A state dictionary that knows which of its keys were asked for, which were missed, and which nobody wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


class StateDict:
    """Tensors by key, in float64.

    Parameters
    ----------
    tensors
        As they were read. All keys may share a prefix, as a wrapper leaves it (`model.`, `module.`, `_orig_mod.`).
    anchor
        Start of a key that every network of this kind has: what stands before it is the prefix.
    kind
        Of network, with its article, for messages.
    unused
        Ends of keys that mean nothing.

    Raises
    ------
    CheckpointError
        If no key has the anchor, or there are several networks under several prefixes.
    """

    def __init__(
        self, tensors: Mapping[str, NDArray[Any]], anchor: str, kind: str, unused: tuple[str, ...] = ()
    ) -> None:
        prefixes = sorted({key[: key.index(anchor)] for key in tensors if anchor in key})
        if not prefixes:
            raise CheckpointError(f"no key starts with {anchor!r}: this is not {kind}")
        if len(prefixes) > 1:
            names = " and ".join(repr(prefix) for prefix in prefixes[:4])
            raise CheckpointError(f"there are {len(prefixes)} networks, their keys starting with {names}; keep one")
        self._prefix = prefixes[0]
        self._tensors = tensors
        self._unused = unused
        self._used: set[str] = set()
        self.missing: list[str] = []

    def __contains__(self, key: str) -> bool:
        return self._prefix + key in self._tensors

    def __call__(self, key: str, ndim: int) -> Real:
        """A real tensor; axes of length 1 that it has too many are dropped."""
        array = self._take(key)
        if array is None:
            return np.full((1,) * ndim, np.nan)
        while array.ndim > ndim and 1 in array.shape:  # a linear kept as 1×1 convolution, a D of shape (1 H)
            array = np.squeeze(array, axis=array.shape.index(1))
        if array.dtype.kind != "f":
            raise CheckpointError(f"key {key} is of type {array.dtype}; save the checkpoint in float32")
        if array.ndim != ndim:
            raise CheckpointError(f"key {key} has shape {array.shape}: {ndim} axes were expected")
        return _finite(key, array)

    def complex(self, key: str, ndim: int) -> Complex:
        """Real and imaginary part are on the last axis; a leading axis of rank 1 is dropped."""
        array = self._take(key)
        if array is None:
            return np.full((1,) * ndim, np.nan, dtype=np.complex128)
        if array.ndim == ndim + 2 and array.shape[0] == 1:
            array = array[0]
        if array.ndim != ndim + 1 or array.shape[-1] != 2 or array.dtype.kind != "f":
            raise CheckpointError(
                f"key {key} has shape {array.shape}, {array.dtype}: real and imaginary parts were expected last"
            )
        array = _finite(key, array)
        return array[..., 0] + 1j * array[..., 1]

    def _take(self, key: str) -> NDArray[Any] | None:
        self._used.add(self._prefix + key)
        if key not in self:
            self.missing.append(self._prefix + key)
            return None
        return np.asarray(self._tensors[self._prefix + key])

    def count(self, pattern: str, step: int = 1) -> int:
        """How many consecutive multiples of `step`, from 0, fill the pattern."""
        index = 0
        while any(key.startswith(self._prefix + pattern.format(index * step)) for key in self._tensors):
            index += 1
        return index

    def unknown(self) -> list[str]:
        """Keys that were not asked for and that mean something."""
        return sorted(k for k in self._tensors if k not in self._used and not k.endswith(self._unused))


def _finite(key: str, array: NDArray[Any]) -> Real:
    if not np.isfinite(array).all():
        raise CheckpointError(f"key {key} holds values that are not finite")
    return array.astype(np.float64)


def listing(keys: Sequence[str]) -> str:
    """`key a`, `keys a, b`; after the fourth they are counted."""
    more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    return f"key{'s' if len(keys) > 1 else ''}: " + ", ".join(keys[:4]) + more
