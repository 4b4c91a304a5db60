"""What is proved of the network beside its logits: the kernel of every layer, in every form that computes one.

The truth is the published algorithm in float64 (`dplr.kernel`), which shares no step with the realisation that scan,
chunks and step are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.proof.kernels import impulse_error, kernel_error, two_sided
from ecg2lab.proof.parity import CASCADE, KERNEL, SCAN, STEP, Check, beyond_rounding, kernel_tolerance, nearest_to_limit
from ecg2lab.proof.recurrences import cascade_check, scan_checks
from ecg2lab_export.architecture.protocol import Findings, Weights
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.cascade import Cascade, fit_cascade
from ecg2lab_export.forms.window_graph import Form
from ecg2lab_export.network.fusion import S4Layer, StoredNetwork

_REALISATION_TOLERANCE = 1e-7
"""Of the real state space in float64: a tenth of what float32 does to it."""


def prove_cascades(network: StoredNetwork) -> tuple[dict[int, Cascade], Findings]:
    """Cascades that are good enough, with their checks; and why the others are not."""
    good: dict[int, Cascade] = {}
    checks: list[Check] = []
    left_out: dict[str, str] = {}
    for index, layer in enumerate(network.layers):
        fitted = fit_cascade(layer)
        check = fitted_cascade_check(fitted, layer, index, network.state_size)
        if check.passed:
            good[index] = fitted
            checks.append(check)
        else:
            reason = f"error {check.error:.2g} exceeds {check.tolerance:.2g}; chunked blocks take this layer"
            left_out[f"{CASCADE}, layer {index}"] = reason
    return good, Findings(tuple(checks), left_out)


def fitted_cascade_check(cascade: Cascade, layer: S4Layer, index: int, state_size: int) -> Check:
    """The kernel of a layer's cascade, as float32 computes it."""
    return cascade_check(cascade.kernel(layer.kernel.shape[-1]), layer.kernel, index, kernel_tolerance(state_size))


def prove_kernels(network: StoredNetwork, form: Form, weights: Weights) -> Findings:
    """Kernels of the realisation, of the window graph in a form, of the native scan, and of the step graph.

    A recurrence that float32 cannot carry is left out: poles that neither decay nor stand still within thousands of
    samples.
    """
    tolerance = kernel_tolerance(network.state_size)
    checks = [check for i, layer in enumerate(network.layers) for check in _kernels(layer, form, i, tolerance)]
    recurring = {SCAN: list(scan_checks(weights, network.window, tolerance))}
    if network.causal:
        recurring[STEP] = list(_step_kernels(network, tolerance))
    left_out: dict[str, str] = {}
    for name, measured in recurring.items():
        if beyond_rounding(measured):
            worst = nearest_to_limit(measured)
            left_out[name] = f"in float32 its kernel is wrong by {worst.error:.2g}, more than {worst.tolerance:.2g}"
        else:
            checks += measured
    return Findings(tuple(checks), left_out)


def _kernels(layer: S4Layer, form: Form, index: int, tolerance: float) -> Iterator[Check]:
    case = f"layer {index}"
    error = kernel_error(layer.realisation.kernel(), layer.kernel)
    yield Check(KERNEL, "realisation in float64", "numpy", case, error, _REALISATION_TOLERANCE)
    session = make_session(window_graph.build_convolution(layer, form).SerializeToString(), threads=1)
    lags = two_sided(layer.kernel, layer.d)
    error = impulse_error(lambda u: session.run(None, {"u": u})[0], lags)
    yield Check(KERNEL, form, "onnxruntime", case, error, tolerance)


def _step_kernels(network: StoredNetwork, tolerance: float) -> Iterator[Check]:
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
