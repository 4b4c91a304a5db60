"""What the published network is measured by beside its logits: scan and cascade of each layer against float64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.bundle import WEIGHTS, Bundle
from ecg2lab.bundle.golden import Arrays
from ecg2lab.errors import BundleError
from ecg2lab.proof import kautz, parity
from ecg2lab.proof.kernels import impulse_error, kernel_error, scan_kernel, two_sided
from ecg2lab.proof.parity import Check, ParityReport, kernel_tolerance

SCAN_CHUNK = 10
"""T of the native scan: the fastest, and as exact as any other, for what an addition to a state loses is kept."""


def check_recurrences(bundle: Bundle, proof: ParityReport) -> Iterator[Check]:
    """Measure scan and cascade of each layer for which the export did not leave them out.

    Raises
    ------
    BundleError
        If the weights hold none that can run, or not those of which the proof speaks.
    """
    name = f"{bundle.source}: {WEIGHTS}"
    weights, network = bundle.tensors(WEIGHTS), bundle.manifest.network
    window, tolerance = bundle.contract.signal.window_samples, kernel_tolerance(network["state_size"])
    for form, measure in {parity.SCAN: scan_checks, parity.CASCADE: cascade_checks}.items():
        if form in proof.left_out:
            continue
        proved = [f"layer {i}" for i in range(network["layers"]) if f"{form}, layer {i}" not in proof.left_out]
        try:
            checks = list(measure(weights, window, tolerance))
        except (KeyError, ValueError, TypeError) as error:
            raise BundleError(f"{name} holds no {form} that can run: {error}") from None
        if [check.case for check in checks] != proved:
            raise BundleError(f"{name} has a {form} for {len(checks)} layers, its proof for {len(proved)}")
        yield from checks


def scan_checks(weights: Arrays, window: int, tolerance: float) -> Iterator[Check]:
    """The native scan of each layer: its response to impulses against powers of Ā in float64.

    The weights are a (D H R R), b, c (D H R) and d (H) of each layer; the tolerance is relative to a channel's largest
    tap.
    """
    for layer in range(sum(name.endswith(".norm.weight") for name in weights)):
        a, b, c, d = (weights[f"layers.{layer}.{key}"] for key in "abcd")
        scan = _core.Scan(a, b, c, d, SCAN_CHUNK)
        error = impulse_error(scan.run, two_sided(scan_kernel(a, b, c, window), d))
        yield Check(parity.KERNEL, parity.SCAN, "native", f"layer {layer}", error, tolerance)


def cascade_checks(weights: Arrays, window: int, tolerance: float) -> Iterator[Check]:
    """The cascade of each layer that has one, in float32, against powers of Ā in float64.

    The weights are h, r (H S) and taps (D H 2S), beside the state space as for `scan_checks`.
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
