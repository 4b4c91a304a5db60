"""The bundle's golden inputs: what warms a model up, and what shows that a server computes it."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Request
from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import Arrays
from ecg2lab.bundle.network_inputs import FEATURES, LOGITS
from ecg2lab.errors import ParityError
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import step_checks, window_checks
from ecg2lab.proof.parity import Check, nearest_to_limit
from ecg2lab.stream.step import StepGraph


def archive(golden: Arrays) -> bytes:
    """Inputs and outputs as NumPy's own archive, which a client reads without a further package."""
    out = io.BytesIO()
    arrays: dict[str, Any] = dict(golden)
    np.savez(out, **arrays)
    return out.getvalue()


def first_window(golden: Arrays) -> dict[str, NDArray[Any]]:
    """Of each input: simulated beats, no edge case."""
    return {name: array[0] for name, array in golden.items() if name not in (LOGITS, FEATURES)}


class Measured(NamedTuple):
    """Errors on the golden inputs where the repository was written, and limits for a server: those of `selftest`."""

    logit_error: float
    logit_limit: float
    feature_error: float | None = None
    feature_limit: float | None = None
    """None: the bundle gives no features."""


def measure(bundle: Bundle, golden: Arrays) -> Measured:
    """Run the golden inputs through the bundle's window graph here, and say how far a server may be from float64.

    Raises
    ------
    ParityError
        If the graph does not compute the bundle's model.
    """
    backend = OnnxRuntimeBackend(bundle, Request())  # refuses a graph that does not fit the contract
    checks = window_checks(backend.run, golden, bundle.manifest.form, backend.name, parity.tolerances(bundle))
    return _judge(bundle, list(checks))


def measure_steps(bundle: Bundle, golden: Arrays) -> Measured:
    """`measure` for the step graph: the golden windows in chunks, the state carried from each to the next."""
    return _judge(bundle, list(step_checks(StepGraph.of(bundle), golden, parity.tolerances(bundle))))


def _judge(bundle: Bundle, checks: list[Check]) -> Measured:
    worst = nearest_to_limit(checks)
    if not worst.passed:
        raise ParityError(
            f"{bundle.source}: its golden {worst.quantity} are missed by {worst.error:.2g}, "
            f"more than {worst.tolerance:.2g}"
        )
    figures: list[float] = []
    for quantity in (parity.LOGITS, parity.FEATURES):
        if own := [check for check in checks if check.quantity == quantity]:
            figures += max(check.error for check in own), own[0].tolerance
    return Measured(*figures)
