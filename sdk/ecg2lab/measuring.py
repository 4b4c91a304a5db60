"""How errors of a computation are measured: logits against golden ones, kernels by their response to impulses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab import kautz, parity
from ecg2lab._native import _core
from ecg2lab.extras import installed_version
from ecg2lab.golden import Arrays
from ecg2lab.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab.parity import Check, logit_error

Network = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]
"""(B leads L), (B features), (B categories) → logits (B n)."""


class Step(Protocol):
    """The network sample by sample, as `ecg2lab.stream.step.StepGraph` has it."""

    def initial(self, batch: int = ...) -> Any:
        """The state of a recording that begins."""

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64], state: Any
    ) -> tuple[NDArray[np.float32], Any]:
        """Logits of all samples since the state was new, and the next state."""


CHUNKINGS = (1, 7, 12, 17, 250)
"""Samples given to a step at once; in a window of 35 or more, their bits use every power of Ā in a step graph."""
SCAN_CHUNK = 10
"""T of the native scan: the fastest, and as exact as any other, for what an addition to a state loses is kept."""


def versions() -> dict[str, str]:
    """Of what may compute here."""
    names = ("ecg2lab", "numpy", "onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx")
    return {name: version for name in names if (version := installed_version(name))}


def window_checks(network: Network, golden: Arrays, form: str, backend: str, tolerance: float) -> Iterator[Check]:
    """The golden windows one by one, and all at once.

    Parameters
    ----------
    network
        Computes logits.
    golden
        Inputs, and their logits in float64.
    form, backend
        For the checks' names.
    tolerance
        On logits.
    """
    truth = golden[LOGITS]
    for batch in (1, len(truth)):
        parts = [slice(start, start + batch) for start in range(0, len(truth), batch)]
        logits = np.concatenate([network(*(golden[k][p] for k in (SIGNAL, CONTINUOUS, CATEGORICAL))) for p in parts])
        error = logit_error(logits, truth)
        yield Check(parity.LOGITS, form, backend, f"batch {batch}", error, tolerance)


def step_checks(step: Step, golden: Arrays, tolerance: float) -> Iterator[Check]:
    """The golden windows in chunks of several sizes; all but the last are followed by a reset."""
    signal, truth = golden[SIGNAL], golden[LOGITS]
    for samples in CHUNKINGS:
        state = step.initial(len(signal))
        logits = truth
        for start in range(0, signal.shape[2], samples):
            part = signal[:, :, start : start + samples]
            logits, state = step.run(part, golden[CONTINUOUS], golden[CATEGORICAL], state)
        error = logit_error(logits, truth)
        yield Check(parity.LOGITS, parity.STEP, "onnxruntime", f"{samples} samples a step", error, tolerance)


def scan_checks(weights: Arrays, window: int, tolerance: float) -> Iterator[Check]:
    """The native scan of each layer: its response to impulses against powers of Ā in float64.

    Parameters
    ----------
    weights
        Of the bundle: a (D H R R), b, c (D H R) and d (H) of each layer.
    window
        L.
    tolerance
        Relative to a channel's largest tap.
    """
    for layer in range(sum(name.endswith(".norm.weight") for name in weights)):
        a, b, c, d = (weights[f"layers.{layer}.{key}"] for key in "abcd")
        scan = _core.Scan(a, b, c, d, SCAN_CHUNK)
        error = impulse_error(scan.run, two_sided(scan_kernel(a, b, c, window), d))
        yield Check(parity.KERNEL, parity.SCAN, "native", f"layer {layer}", error, tolerance)


def cascade_checks(weights: Arrays, window: int, tolerance: float) -> Iterator[Check]:
    """The cascade of each layer that has one, in float32, against powers of Ā in float64.

    Parameters
    ----------
    weights
        Of the bundle: h, r (H S) and taps (D H 2S) of a cascade, beside the state space as for `scan_checks`.
    window
        L.
    tolerance
        Relative to a channel's largest tap.
    """
    for layer in range(sum(name.endswith(".norm.weight") for name in weights)):
        own = f"layers.{layer}."
        cascade = {key: array for key, array in weights.items() if key.startswith(f"{own}cascade.")}
        if not cascade:
            continue
        h, r, taps = (cascade[f"{own}cascade.{key}"] for key in ("h", "r", "taps"))
        if {array.dtype for array in (h, r, taps)} != {np.dtype(np.float32)}:
            raise TypeError("a cascade is of float32")
        a, b, c = (weights[own + key] for key in "abc")
        truth = scan_kernel(a, b, c, window)
        kernel = kautz.kernel(h, r, taps, window)
        if kernel.shape != truth.shape:
            raise ValueError(f"a cascade of kernels {kernel.shape} is not that of {truth.shape}")
        yield cascade_check(kernel, truth, layer, tolerance)


def cascade_check(kernel: NDArray[np.float32], truth: NDArray[np.float64], layer: int, tolerance: float) -> Check:
    """The kernel that a cascade has, (D H L), against the one that it should have."""
    case, error = f"layer {layer}", kernel_error(kernel, truth)
    return Check(parity.KERNEL, parity.CASCADE, "numpy", case, error, tolerance)


def kernel_error(kernel: NDArray[Any], exact: NDArray[Any]) -> float:
    """Worst error over channels and directions, relative to the largest tap of each, (D H L)."""
    largest = np.abs(exact).max(axis=-1, keepdims=True)
    return float((np.abs(kernel - exact) / np.where(largest > 0, largest, 1)).max())


def scan_kernel(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], length: int) -> NDArray[np.float64]:
    """k[t] = c aᵗ b of each channel and direction, (D H length)."""
    taps = np.empty((*b.shape[:2], length))
    state = b[..., None]
    for t in range(length):
        taps[..., t] = (c * state[..., 0]).sum(axis=-1)
        state = a @ state
    return taps


def two_sided(kernel: NDArray[Any], skip: NDArray[Any]) -> NDArray[np.float64]:
    """(D H L) → (2L-1 H), lag -(L-1) first, D in lag 0."""
    length = kernel.shape[-1]
    lags = np.zeros((2 * length - 1, kernel.shape[1]))
    lags[length - 1 :] = kernel[0].T
    lags[length - 1] += skip
    if kernel.shape[0] == 2:
        lags[: length - 1] = kernel[1, :, : length - 1].T[::-1]
    return lags


def impulse_error(convolve: Callable[[NDArray[np.float32]], NDArray[Any]], lags: NDArray[np.float64]) -> float:
    """Worst error of an impulse response over channels, relative to each channel's largest tap.

    A channel without any tap has nothing to be relative to: its error counts as it is.

    Parameters
    ----------
    convolve
        (L H) → (L H).
    lags
        (2L-1 H), what it should do.
    """
    window = (len(lags) + 1) // 2
    largest = np.abs(lags).max(axis=0)
    scale = np.where(largest > 0, largest, 1)
    errors = []
    for at in (0, window // 2, window - 1):  # the ends show every lag, the middle both directions at once
        impulse = np.zeros((window, lags.shape[1]), dtype=np.float32)
        impulse[at] = 1
        expected = lags[window - 1 - at : 2 * window - 1 - at]
        errors.append((np.abs(convolve(impulse) - expected) / scale).max())
    return float(np.max(errors))
