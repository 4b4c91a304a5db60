"""The proof that a bundle carries: every form against the checkpoint, before a bundle is written.

The truth is float64 throughout: kernels by the published algorithm (`dplr.kernel`), logits by `Network.logits`. Neither
shares a step with the realisation that scan, chunks and step are made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ecg2lab import cpu, parity
from ecg2lab.backends import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL, native
from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.bundle import StepShape
from ecg2lab.measuring import (
    cascade_check,
    impulse_error,
    kernel_error,
    scan_checks,
    step_checks,
    two_sided,
    versions,
    window_checks,
)
from ecg2lab.parity import (
    BIDIRECTIONAL,
    KERNEL,
    LOGIT_TOLERANCE,
    NATIVE,
    SCAN,
    STEP,
    Check,
    ParityReport,
    kernel_tolerance,
    nearest_to_limit,
)
from ecg2lab.step import StepGraph
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.cascade import Cascade
from ecg2lab_export.forms.convolution import Form
from ecg2lab_export.network.fusion import Network, S4Layer
from ecg2lab_export.proof.golden import Golden

_REALISATION_TOLERANCE = 1e-7
"""Of the real state space in float64: a tenth of what float32 does to it."""
_BEYOND_ROUNDING = 100
"""Times the limit up to which a recurrence is left out, as one that float32 cannot carry: poles that neither decay nor
stand still within thousands of samples. An error larger than this is a mistake, and refuses the export."""
_PROOF_ONLY = "0" * 64


@dataclass(frozen=True)
class Graphs:
    """What a bundle is to run."""

    form: Form
    window: onnx.ModelProto
    step: onnx.ModelProto | None
    step_shape: StepShape | None

    def without_step(self) -> Graphs:
        """Only the window graph."""
        return replace(self, step=None, step_shape=None)

    def models(self) -> dict[str, onnx.ModelProto]:
        """Those that there are, by name."""
        return {"window": self.window} | ({} if self.step is None else {"step": self.step})


def prove(network: Network, graphs: Graphs, weights: Mapping[str, NDArray[Any]], golden: Golden) -> ParityReport:
    """Measure kernels and logits of every form in float32.

    Parameters
    ----------
    network
        The checkpoint.
    graphs
        In fp32.
    weights
        What a native engine reads.
    golden
        Inputs, and their logits in float64.
    """
    tolerance = kernel_tolerance(network.state_size)
    left_out: dict[str, str] = {}
    checks = [check for i, layer in enumerate(network.layers) for check in _kernels(layer, graphs.form, i, tolerance)]
    recurring = {SCAN: list(scan_checks(weights, network.window, tolerance))}
    if graphs.step is None:
        left_out[STEP] = BIDIRECTIONAL
    else:
        recurring[STEP] = list(_step_kernels(network, tolerance))
    for form, found in recurring.items():
        worst = nearest_to_limit(found)
        if _beyond_rounding(found):
            left_out[form] = f"in float32 its kernel is wrong by {worst.error:.2g}, more than {worst.tolerance:.2g}"
        else:
            checks += found
    checks += all_logits(graphs.without_step() if STEP in left_out else graphs, golden, LOGIT_TOLERANCE)
    by_native = list(native_logits(weights, golden, "fp32", LOGIT_TOLERANCE))
    if _beyond_rounding(by_native):
        left_out[NATIVE] = f"in float32 {nearest_to_limit(by_native).error:.2g} of a logit is wrong"
    else:
        checks += by_native
    return report(graphs.form, "fp32", checks, left_out)


def _beyond_rounding(checks: Sequence[Check]) -> bool:
    """Whether float32 cannot carry what was measured, as opposed to it being good, or a mistake."""
    worst = nearest_to_limit(checks)
    return worst.tolerance < worst.error <= _BEYOND_ROUNDING * worst.tolerance


def report(form: Form, precision: str, checks: list[Check], left_out: dict[str, str]) -> ParityReport:
    """Checks, with what they were measured on."""
    return ParityReport(
        form=form,
        precision=precision,
        checks=tuple(checks),
        left_out=left_out,
        cpu=cpu.name(),
        versions=versions(),
    )


def fitted_cascade_check(cascade: Cascade, layer: S4Layer, index: int, state_size: int) -> Check:
    """The kernel of a layer's cascade, as float32 computes it."""
    return cascade_check(cascade.kernel(layer.kernel.shape[-1]), layer.kernel, index, kernel_tolerance(state_size))


def all_logits(graphs: Graphs, golden: Golden, limit: float) -> Iterator[Check]:
    """Window graph and step graph on ONNX Runtime."""
    yield from _window_logits(graphs, golden, limit)
    if graphs.step is not None and graphs.step_shape is not None:
        yield from _step_logits(graphs.step.SerializeToString(), graphs.step_shape, golden, limit)


def native_logits(weights: Mapping[str, NDArray[Any]], golden: Golden, precision: str, limit: float) -> Iterator[Check]:
    """The native engine, if this machine has instructions for the precision."""
    if not native.computes(precision):
        return
    try:
        engine = native.make_engine(weights, golden.contract, precision=precision)
    except ValueError as error:  # weights that do not fit, or are not finite
        yield Check(parity.LOGITS, NATIVE, native.NativeBackend.name, str(error), math.inf, limit)
    else:
        yield from window_checks(engine.run, golden.tensors(), NATIVE, native.NativeBackend.name, limit)


def _window_logits(graphs: Graphs, golden: Golden, limit: float) -> Iterator[Check]:
    session = make_session(graphs.window.SerializeToString(), threads=1)

    def run(signal: NDArray[Any], continuous: NDArray[Any], categorical: NDArray[Any]) -> Any:
        return session.run([LOGITS], {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical})[0]

    yield from window_checks(run, golden.tensors(), graphs.form, "onnxruntime", limit)


def _step_logits(graph: bytes, shape: StepShape, golden: Golden, limit: float) -> Iterator[Check]:
    step = StepGraph(graph, shape, golden.contract, _PROOF_ONLY)
    yield from step_checks(step, golden.tensors(), limit)


def _kernels(layer: S4Layer, form: Form, index: int, tolerance: float) -> Iterator[Check]:
    case = f"layer {index}"
    error = kernel_error(layer.realisation.kernel(), layer.kernel)
    yield Check(KERNEL, "realisation in float64", "numpy", case, error, _REALISATION_TOLERANCE)
    session = make_session(window_graph.build_convolution(layer, form).SerializeToString(), threads=1)
    lags = two_sided(layer.kernel, layer.d)
    error = impulse_error(lambda u: session.run(None, {"u": u})[0], lags)
    yield Check(KERNEL, form, "onnxruntime", case, error, tolerance)


def _step_kernels(network: Network, tolerance: float) -> Iterator[Check]:
    for index, layer in enumerate(network.layers):
        session = make_session(step_graph.build_convolution(layer).SerializeToString(), threads=1)
        lags = two_sided(layer.kernel, layer.d)
        for samples in (1, step_graph.MOST_SAMPLES):
            error = impulse_error(lambda u, s=session, n=samples: _in_steps(s, u, n), lags)  # type: ignore[misc]
            case = f"layer {index}, {samples} samples a step"
            yield Check(KERNEL, STEP, "onnxruntime", case, error, tolerance)


def _in_steps(session: Any, u: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """(L H) → (L H), carrying the state."""
    size = session.get_inputs()[1].shape[-1]
    state, parts = np.zeros((1, size), np.float32), []
    for start in range(0, len(u), samples):
        y, state = session.run(None, {"u": u[start : start + samples], "state": state})
        parts.append(y)
    return np.concatenate(parts)
