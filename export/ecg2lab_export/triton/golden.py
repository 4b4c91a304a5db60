"""The bundle's golden inputs: what warms a model up, and what shows that a server computes it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def measure(bundle: Bundle, golden: Arrays) -> tuple[float, float]:
    """Run the golden inputs through the bundle's window graph here, and say how far a server may be from float64.

    Returns
    -------
    error, limit
        Of a logit. The limit is that of `selftest`.

    Raises
    ------
    ParityError
        If the graph does not compute the bundle's model.
    """
    backend = OnnxRuntimeBackend(bundle, threads=1)  # refuses a graph that does not fit the contract
    checks = window_checks(backend.run, golden, bundle.manifest.form, backend.name, parity.tolerances(bundle))
    return _judge(bundle, list(checks))


def measure_steps(bundle: Bundle, golden: Arrays) -> tuple[float, float]:
    """`measure` for the step graph: the golden windows in chunks, the state carried from each to the next."""
    return _judge(bundle, list(step_checks(StepGraph.of(bundle), golden, parity.tolerances(bundle))))


def _judge(bundle: Bundle, checks: list[Check]) -> tuple[float, float]:
    worst = nearest_to_limit(checks)
    if not worst.passed:
        raise ParityError(
            f"{bundle.source}: its golden {worst.quantity} are missed by {worst.error:.2g}, "
            f"more than {worst.tolerance:.2g}"
        )
    worst = nearest_to_limit([check for check in checks if check.quantity == parity.LOGITS])
    return worst.error, worst.tolerance
