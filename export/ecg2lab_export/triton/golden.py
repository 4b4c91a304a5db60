"""The bundle's golden inputs: what warms a model up, and what shows that a server computes it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab import bundle as bundles
from ecg2lab.backends import LOGITS, NEXT_STATE, SIGNAL, STATE
from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend, make_session
from ecg2lab.bundle import Bundle, StepShape
from ecg2lab.errors import ParityError
from ecg2lab.golden import read_golden
from ecg2lab.parity import logit_error, logit_limit


class Golden:
    """Inputs of the bare network and its float64 logits, checked against the contract.

    Attributes
    ----------
    inputs
        By the names of the window graph, (B …).
    logits
        (B n).

    Raises
    ------
    BundleError
        If they are missing or do not fit.
    """

    def __init__(self, bundle: Bundle) -> None:
        tensors: dict[str, Any] = dict(read_golden(bundle))
        self.logits = tensors.pop(LOGITS)
        self.inputs = tensors

    def archive(self) -> bytes:
        """Inputs and logits as NumPy's own archive, which a client reads without a further package."""
        out = io.BytesIO()
        np.savez(out, logits=self.logits, **self.inputs)
        return out.getvalue()

    def window(self, name: str) -> NDArray[Any]:
        """The first window's part of an input: simulated beats, no edge case."""
        first: NDArray[Any] = self.inputs[name][0]
        return first


def measure(bundle: Bundle, golden: Golden) -> tuple[float, float]:
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
    windows = [{name: x[i : i + 1] for name, x in golden.inputs.items()} for i in range(len(golden.logits))]
    return _judge(bundle, golden, np.concatenate([backend.run(**inputs) for inputs in windows]))


def measure_steps(bundle: Bundle, golden: Golden, step: StepShape) -> tuple[float, float]:
    """`measure` for the step graph: the golden windows in chunks, the state carried from each to the next."""
    session = make_session(bundle.member(bundles.STEP_GRAPH), threads=1)
    state = np.zeros((len(golden.logits), step.state_size), np.float32)
    signal = golden.inputs[SIGNAL]
    logits = np.empty(0, np.float32)
    for start in range(0, signal.shape[-1], step.most_samples):
        chunk = np.ascontiguousarray(signal[..., start : start + step.most_samples])
        logits, state = session.run([LOGITS, NEXT_STATE], {**golden.inputs, SIGNAL: chunk, STATE: state})
    return _judge(bundle, golden, logits)


def _judge(bundle: Bundle, golden: Golden, logits: NDArray[Any]) -> tuple[float, float]:
    error, limit = logit_error(logits, golden.logits), logit_limit(bundle)
    if not error <= limit:
        raise ParityError(f"{bundle.source}: its golden logits are missed by {error:.2g}, more than {limit:.2g}")
    return error, limit
