"""Distances of recordings from the training folds, as a model's features give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_export.experience import Space

Array = NDArray[np.float64]


class Distances(NamedTuple):
    """Of N recordings with at most W windows."""

    windows: Array
    """(N, W) of each window by itself; NaN where a recording has fewer."""
    mean: Array
    """(N) of the mean over all windows."""

    @classmethod
    def of(cls, space: Space, features: NDArray[np.floating[Any]]) -> Distances:
        """Measure recordings of equally many windows: (N, W, F) features."""
        return cls(space.distances(features), space.distances(features.mean(axis=1, dtype=np.float64)))

    @classmethod
    def join(cls, parts: Iterable[Distances]) -> Distances:
        """One after the other."""
        every = list(parts)
        widest = max(part.windows.shape[1] for part in every)
        padded = [np.pad(p.windows, ((0, 0), (0, widest - p.windows.shape[1])), constant_values=np.nan) for p in every]
        return cls(np.concatenate(padded), np.concatenate([part.mean for part in every]))

    def only(self, chosen: NDArray[np.bool_]) -> Distances:
        """The chosen recordings, (N) Booleans."""
        return Distances(self.windows[chosen], self.mean[chosen])
