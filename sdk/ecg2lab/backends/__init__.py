"""What runs the bare network: `run(signal, continuous, categorical) → logits`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, NEXT_STATE, SIGNAL, STATE

__all__ = ["CATEGORICAL", "CONTINUOUS", "LOGITS", "NEXT_STATE", "SIGNAL", "STATE", "Backend"]


class Backend(Protocol):
    """The interface of every backend; safe to share between threads."""

    @property
    def name(self) -> str:
        """As in `ecg2lab.load(backend=…)`."""

    @property
    def provider(self) -> str:
        """The part of the backend that answers."""

    @property
    def device(self) -> str:
        """What it runs on."""

    @property
    def precision(self) -> str:
        """Of the graph that it runs."""

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that it runs on."""

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(B leads L), (B features), (B categories) → (B n), for B ≥ 1."""
