"""Does this device compute the recurrences of a bundle right? Scan and cascade of each layer against float64."""

from __future__ import annotations

from collections.abc import Iterator

from ecg2lab import parity, tensors
from ecg2lab.bundle import WEIGHTS, Bundle
from ecg2lab.errors import BundleError
from ecg2lab.measuring import cascade_checks, scan_checks
from ecg2lab.parity import Check, ParityReport, kernel_tolerance


def check_recurrences(bundle: Bundle, proof: ParityReport) -> Iterator[Check]:
    """Measure scan and cascade of each layer for which the export did not leave them out.

    Raises
    ------
    BundleError
        If the weights hold none that can run, or not those of which the proof speaks.
    """
    name = f"{bundle.source}: {WEIGHTS}"
    weights, network = tensors.read(bundle.member(WEIGHTS), name), bundle.manifest.network
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
