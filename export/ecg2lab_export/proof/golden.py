"""Golden inputs and their float64 outputs: seeded, they travel in the bundle and `selftest` repeats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.network_inputs import FEATURES, LOGITS, NetworkInputs
from ecg2lab.contract import Contract
from ecg2lab.patient.features import with_missing_flags
from ecg2lab_export.architecture.protocol import Network, Truth

Real = NDArray[np.float64]

_SIMULATED = 4
_WAVES_S_MV = np.array(
    [(-0.18, 0.025, 0.12), (-0.03, 0.010, -0.12), (0.0, 0.012, 1.0), (0.03, 0.012, -0.25), (0.28, 0.05, 0.28)]
)
"""P, Q, R, S and T: time after the R peak, width (standard deviation), typical amplitude."""


@dataclass(frozen=True)
class Golden:
    """Inputs of the bare network and its float64 outputs."""

    contract: Contract
    """That they fit."""
    inputs: NetworkInputs
    outputs: Truth

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Inputs and outputs, for safetensors."""
        # The format has no strides: of an array in another order than C it would store the numbers in the wrong places.
        arrays = {**self.inputs._asdict(), LOGITS: self.outputs.logits}
        if self.outputs.features is not None:
            arrays[FEATURES] = self.outputs.features
        return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def make_golden(network: Network, contract: Contract, seed: int = 0) -> Golden:
    """Draw inputs and compute their outputs.

    After the simulated windows come the ends of what preprocessing can deliver: zeros, noise at the clip limits, steps
    between them, a single sample at the limit, and leads that stay there.
    """
    edges = _edge_cases(contract, np.random.default_rng([seed, 1]))
    drawn = draw_inputs(contract, _SIMULATED + len(edges), seed)
    drawn.signal[_SIMULATED:] = edges
    return Golden(contract, drawn, network.outputs(*drawn))


def draw_inputs(contract: Contract, count: int, seed: int = 0) -> NetworkInputs:
    """Simulated windows, of no patient: beats of Gaussian waves, each lead with its own gains, wander and noise.

    Parameters
    ----------
    contract
        Leads, rate, window, clip limit, and the ranges of the features.
    count
        B.
    seed
        Equal seeds draw equal inputs.
    """
    random = np.random.default_rng([seed, 0])
    numbers = [_number(random, count, f.minimum, f.maximum, f.median) for f in contract.continuous]
    codes = [random.integers(0, len(f.categories), count) for f in contract.categorical]
    continuous = np.array(numbers).reshape(-1, count).T
    categorical = np.array(codes, dtype=np.int64).reshape(-1, count).T
    signal = _ecg(random, contract, count)
    missing = random.integers(0, 2, continuous.shape)
    return NetworkInputs(signal.astype(np.float32), *with_missing_flags(continuous, categorical, missing, contract))


def _ecg(random: np.random.Generator, contract: Contract, count: int) -> Real:
    """(B leads L)."""
    shape = count, len(contract.signal.leads), 1
    time = np.arange(contract.signal.window_samples) / contract.signal.sampling_rate_hz  # (L)
    period = random.uniform(0.45, 1.3, (count, 1, 1))
    since_peak = (time + random.uniform(0, period)) % period
    since_peak = since_peak - period * (since_peak > period / 2)
    signal = random.normal(0, 0.02, (*shape[:2], len(time)))
    wander_hz, wander_phase = random.uniform(0.1, 0.5, shape), random.random(shape)
    signal += random.normal(0, 0.1, shape) * np.sin(2 * np.pi * (wander_hz * time + wander_phase))
    for at, width, amplitude in _WAVES_S_MV:
        gain = amplitude * random.normal(0.7, 0.6, shape)
        signal += gain * np.exp(-0.5 * ((since_peak - at) / width) ** 2)
    clip = contract.preprocessing.clip_mv
    return np.clip(signal, -clip, clip)


def _edge_cases(contract: Contract, random: np.random.Generator) -> Real:
    """(cases leads L)."""
    clip = contract.preprocessing.clip_mv
    shape = len(contract.signal.leads), contract.signal.window_samples
    steps = np.sign(np.sin(np.arange(1, shape[0] + 1)[:, None] * np.linspace(0.1, 9, shape[1])))
    single = np.zeros(shape)
    single[:, shape[1] // 2] = 1
    rails = np.where(np.arange(shape[0]) % 2, 1.0, -1.0)[:, None] + np.zeros(shape)
    return clip * np.stack([np.zeros(shape), np.sign(random.standard_normal(shape)), steps, single, rails])


def _number(random: np.random.Generator, count: int, low: float, high: float, median: float | None) -> Real:
    """Around the median where there is one, else in the lower half of the range, where living patients are."""
    centre = median if median is not None else low + 0.3 * (high - low)
    return np.clip(centre * random.uniform(0.8, 1.2, count), low, high)
