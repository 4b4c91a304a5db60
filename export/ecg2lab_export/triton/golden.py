"""The bundle's golden inputs: what warms a model up, and what shows that a server computes it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import Arrays
from ecg2lab.bundle.network_inputs import LOGITS
from ecg2lab.errors import ParityError
from ecg2lab.proof.measuring import step_checks, window_checks
from ecg2lab.proof.parity import Check, logit_limit
from ecg2lab.stream.step import StepGraph


def archive(golden: Arrays) -> bytes:
    """Inputs and logits as NumPy's own archive, which a client reads without a further package."""
    out = io.BytesIO()
    arrays: dict[str, Any] = dict(golden)
    np.savez(out, **arrays)
    return out.getvalue()


def first_window(golden: Arrays) -> dict[str, NDArray[Any]]:
    """Of each input: simulated beats, no edge case."""
    return {name: array[0] for name, array in golden.items() if name != LOGITS}


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
    checks = window_checks(backend.run, golden, bundle.manifest.form, backend.name, logit_limit(bundle))
    return _judge(bundle, checks)


def measure_steps(bundle: Bundle, golden: Arrays) -> tuple[float, float]:
    """`measure` for the step graph: the golden windows in chunks, the state carried from each to the next."""
    return _judge(bundle, step_checks(StepGraph.of(bundle), golden, logit_limit(bundle)))


def _judge(bundle: Bundle, checks: Iterable[Check]) -> tuple[float, float]:
    error, limit = float(np.max([check.error for check in checks])), logit_limit(bundle)
    if not error <= limit:
        raise ParityError(f"{bundle.source}: its golden logits are missed by {error:.2g}, more than {limit:.2g}")
    return error, limit
