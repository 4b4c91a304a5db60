"""What the bare network gives, whatever runs it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Outputs(NamedTuple):
    """Of the bare network for a batch."""

    logits: NDArray[np.float32]  # (B n)
    features: NDArray[np.float32] | None = None  # (B F)
    """What its last layer is given: the last S4 layer's output as a mean over the window, then the static branch. None:
    the bundle's graphs give none."""

    @property
    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """Those that there are."""
        return tuple(array for array in self if array is not None)

    def rows(self, begin: int, end: int) -> Outputs:
        """Of some of the batch."""
        return Outputs(*(array[begin:end] for array in self.arrays))
