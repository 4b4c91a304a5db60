"""The proof that a bundle carries: every form against the checkpoint, before a bundle is written.

The truth is float64 throughout: kernels by the published algorithm (`dplr.kernel`), logits by `Network.logits`. Neither
shares a step with the realisation that the graphs are made of.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import import_runtime, make_session
from ecg2lab.errors import ParityError
from ecg2lab_export import window_graph
from ecg2lab_export.dplr import Real
from ecg2lab_export.golden import Golden
from ecg2lab_export.network import Network
from ecg2lab_export.realisation import Realisation


class Check(msgspec.Struct, frozen=True):
    """One measured error and its limit."""

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """A NaN never passes."""
        return self.error <= self.tolerance


class ParityReport(msgspec.Struct, frozen=True):
    """All checks of one export."""

    form: str
    precision: str
    runtime: str
    checks: tuple[Check, ...]

    def worst(self, prefix: str) -> Check:
        """The check of that kind that comes nearest to its limit."""
        return max((c for c in self.checks if c.name.startswith(prefix)), key=lambda c: c.error / c.tolerance)

    def require(self) -> None:
        """Refuse to go on unless every check passed.

        Raises
        ------
        ParityError
            Naming the worst check.
        """
        failed = [check for check in self.checks if not check.passed]
        if failed:
            worst = max(failed, key=lambda c: c.error / c.tolerance)
            raise ParityError(
                f"{worst.name}: error {worst.error:.2g} exceeds {worst.tolerance:.2g}; no bundle was written"
            )


def kernel_tolerance(state_size: int) -> float:
    """Of a float32 kernel, relative to its largest tap."""
    return 2e-6 if state_size <= 16 else 4e-6


def logit_tolerance(state_size: int, logits: NDArray[Any]) -> float:
    """1e-5 (2e-5 above N = 16); where logits exceed 10, a tenth of it relative to the largest: float32 has no more."""
    base = 1e-5 if state_size <= 16 else 2e-5
    return base * max(1.0, float(np.abs(logits).max()) / 10)


def prove(network: Network, systems: tuple[Realisation, ...], graph: onnx.ModelProto, golden: Golden) -> ParityReport:
    """Measure kernels and logits of the window graph on ONNX Runtime.

    Parameters
    ----------
    network
        The checkpoint.
    systems
        Its realisation.
    graph
        The window graph.
    golden
        Inputs, and their logits in float64.
    """
    tolerance = kernel_tolerance(network.state_size)
    checks = []
    for index, (layer, system) in enumerate(zip(network.layers, systems, strict=True)):
        model = window_graph.build_convolution(layer, system, network.window)
        error = _kernel_error(model, _two_sided(network.kernels[index], layer.d), network.window)
        checks.append(Check(f"kernel of layer {index}, relative", error, tolerance))
    limit = logit_tolerance(network.state_size, golden.logits)
    session = make_session(graph.SerializeToString(), threads=1)
    for batch in (1, len(golden.logits)):
        errors = [np.abs(session.run(None, part.inputs())[0] - part.logits).max() for part in golden.batches(batch)]
        error = float(np.max(errors))  # NumPy's, which lets no NaN pass by
        checks.append(Check(f"logits at batch {batch}", error, limit))
    return ParityReport("recurrent", "fp32", f"onnxruntime {import_runtime().__version__}", tuple(checks))


def _two_sided(kernel: Real, skip: Real) -> Real:
    """(D H L) → (2L-1 H), lag -(L-1) first, D in lag 0."""
    length = kernel.shape[-1]
    lags = np.zeros((2 * length - 1, kernel.shape[1]))
    lags[length - 1 :] = kernel[0].T
    lags[length - 1] += skip
    if kernel.shape[0] == 2:
        lags[: length - 1] = kernel[1, :, : length - 1].T[::-1]
    return lags


def _kernel_error(model: onnx.ModelProto, lags: Real, window: int) -> float:
    """Worst error of the impulse response over channels, relative to each channel's largest tap.

    A channel without any tap has nothing to be relative to: its error counts as it is.
    """
    session = make_session(model.SerializeToString(), threads=1)
    largest = np.abs(lags).max(axis=0)
    scale = np.where(largest > 0, largest, 1)
    errors = []
    for at in (0, window // 2, window - 1):  # the ends show every lag, the middle both directions at once
        impulse = np.zeros((window, lags.shape[1]), dtype=np.float32)
        impulse[at] = 1
        response = session.run(None, {"u": impulse})[0]
        expected = lags[window - 1 - at : 2 * window - 1 - at]
        errors.append((np.abs(response - expected) / scale).max())
    return float(np.max(errors))
