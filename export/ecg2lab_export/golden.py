"""Golden inputs and outputs: random, seeded, drawn within the contract's ranges; they travel in the bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab.contract import Contract
from ecg2lab_export.dplr import Real
from ecg2lab_export.network import Network

_COUNT = 4


@dataclass(frozen=True)
class Golden:
    """Inputs of the bare network and its float64 logits."""

    signal: NDArray[np.float32]  # (B leads L)
    continuous: NDArray[np.float32]  # (B features)
    categorical: NDArray[np.int64]  # (B categories)
    logits: Real  # (B n)

    def inputs(self) -> dict[str, NDArray[Any]]:
        """By the names of the window graph."""
        return {SIGNAL: self.signal, CONTINUOUS: self.continuous, CATEGORICAL: self.categorical}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Inputs and outputs, for safetensors."""
        return {**self.inputs(), LOGITS: self.logits}

    def batches(self, size: int) -> Iterator[Golden]:
        """Consecutive parts."""
        for start in range(0, len(self.logits), size):
            part = slice(start, start + size)
            yield Golden(self.signal[part], self.continuous[part], self.categorical[part], self.logits[part])


def make_golden(network: Network, contract: Contract, seed: int = 0) -> Golden:
    """Draw inputs and compute their logits.

    The signal is a random walk pulled towards zero, about as large and as smooth as an ECG, with one window of white
    noise at the clip limit and one of zeros: the ends of what preprocessing can deliver.
    """
    random = np.random.default_rng(seed)
    clip = contract.preprocessing.clip_mv
    noise = random.standard_normal((_COUNT, network.leads, network.window))
    signal = np.zeros_like(noise)
    for t in range(1, network.window):
        signal[:, :, t] = 0.9 * signal[:, :, t - 1] + 0.15 * noise[:, :, t]
    signal[1] = clip * np.sign(noise[1])
    signal[2] = 0
    signal = np.clip(signal, -clip, clip)
    continuous = np.stack([_draw(random, f.minimum, f.maximum, f.median) for f in contract.continuous], axis=1)
    categorical = np.stack([random.integers(0, len(f.categories), _COUNT) for f in contract.categorical], axis=1)
    inputs = signal.astype(np.float32), continuous.astype(np.float32), categorical.astype(np.int64)
    return Golden(*inputs, network.logits(*inputs))


def _draw(random: np.random.Generator, low: float, high: float, median: float | None) -> Real:
    """Around the median where there is one, else in the lower half of the range, where living patients are."""
    centre = median if median is not None else low + 0.3 * (high - low)
    return np.clip(centre * random.uniform(0.8, 1.2, _COUNT), low, high)
