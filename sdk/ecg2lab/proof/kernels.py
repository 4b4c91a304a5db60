"""Kernels of convolutions, and how the error of one is measured.

Glossary: L window, H channels, R states, D directions; shapes in comments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
