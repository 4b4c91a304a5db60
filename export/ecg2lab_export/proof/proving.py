"""The proof that a bundle carries: every form against the checkpoint, before a bundle is written.

The truth is float64 throughout: logits and features by `Network.outputs`, and whatever the network checks of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from msgspec.structs import replace as with_fields
from numpy.typing import NDArray

from ecg2lab.backends import Request, native, webgpu
from ecg2lab.backends.onnxruntime import Graph, OpenGraph
from ecg2lab.backends.webgpu.device import WebGpuGraph
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError, MissingExtraError, ParityError
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import step_checks, versions, window_checks
from ecg2lab.proof.parity import (
    IN_FULL,
    NATIVE,
    STEP,
    Check,
    ParityReport,
    Tolerances,
    beyond_rounding,
    nearest_to_limit,
)
from ecg2lab.stream.step import StepGraph
from ecg2lab.system import cpu
from ecg2lab_export.architecture.protocol import Forms, StepForm, Weights
from ecg2lab_export.graphs.builder import require_portable
from ecg2lab_export.proof.golden import Golden

_PROOF_ONLY = "0" * 64


@dataclass(frozen=True)
class Graphs:
    """What a bundle is to run."""

    form: str
    window: onnx.ModelProto
    step: StepForm | None

    def changed(self, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> Graphs:
        """Each graph as a function leaves it."""
        step = None if self.step is None else self.step._replace(graph=change(self.step.graph))
        return replace(self, window=change(self.window), step=step)


@dataclass(frozen=True)
class Proved:
    """Graphs in fp32 that passed their proof."""

    graphs: Graphs
    golden: Golden
    report: ParityReport


def prove_fastest(forms: Forms, form: str | None, golden: Golden, tell: Callable[[str], None]) -> Proved:
    """Build and prove a form of the window graph; None: the fastest whose proof passes.

    Raises
    ------
    ParityError
        Naming the worst check of each form that was tried.
    """
    failed: dict[str, str] = {}
    for candidate in forms.window_forms if form is None else (form,):
        tell(f"building and proving the {candidate} form")
        proved = prove(forms, candidate, golden)
        if proved.report.passed:
            return replace(proved, report=with_fields(proved.report, left_out=failed | proved.report.left_out))
        worst = nearest_to_limit([check for check in proved.report.checks if not check.passed])
        failed[candidate] = f"{worst.name}: error {worst.error:.2g} exceeds {worst.tolerance:.2g}"
    raise ParityError("; ".join(failed.values()) + "; no bundle was written")


def prove(forms: Forms, form: str, golden: Golden) -> Proved:
    """Measure a form of the window graph, the step graph and the native engine in float32.

    Parameters
    ----------
    forms
        Of the network.
    form
        Of the window graph.
    golden
        Inputs, and their outputs in float64.

    Returns
    -------
    Proved
        Whether it passed, its report says; without a step that float32 cannot carry.
    """
    findings = forms.findings(form)
    checks, left_out = list(findings.checks), dict(findings.left_out)
    step = forms.step()
    if isinstance(step, str):
        left_out[STEP] = step
    kept = None if isinstance(step, str) or STEP in left_out else step
    graphs = Graphs(form, require_portable(forms.window_graph(form)), kept)
    if kept:
        require_portable(kept.graph, kept.shape.most_samples)
    checks += by_graphs(graphs, golden, IN_FULL)
    if isinstance(forms.native, str):
        left_out[NATIVE] = forms.native
    else:
        natively = list(by_native(forms.native, golden, "fp32", IN_FULL))
        if beyond_rounding(natively):
            worst = nearest_to_limit(natively)
            left_out[NATIVE] = f"in float32 {worst.error:.2g} of a {worst.quantity.removesuffix('s')} is wrong"
        else:
            checks += natively
    return Proved(graphs, golden, report(form, "fp32", checks, left_out))


def report(form: str, precision: str, checks: list[Check], left_out: dict[str, str]) -> ParityReport:
    """Checks, with what they were measured on."""
    return ParityReport(
        form=form,
        precision=precision,
        checks=tuple(checks),
        left_out=left_out,
        cpu=cpu.name(),
        versions=versions(),
    )


def by_graphs(graphs: Graphs, golden: Golden, limits: Tolerances) -> Iterator[Check]:
    """Window graph and step graph on ONNX Runtime."""
    return _by_graphs(graphs, golden, limits, "onnxruntime", lambda graph: OpenGraph(graph, threads=1))


def _by_graphs(
    graphs: Graphs, golden: Golden, limits: Tolerances, backend: str, opened: Callable[[bytes], Graph]
) -> Iterator[Check]:
    window, tensors = opened(graphs.window.SerializeToString()), golden.tensors()
    names = [name for name in (LOGITS, FEATURES) if name in tensors]

    def run(signal: NDArray[np.float32], continuous: NDArray[Any], categorical: NDArray[Any]) -> Outputs:
        return Outputs(*window.run(names, {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical}))

    yield from window_checks(run, tensors, graphs.form, backend, limits)
    if graphs.step is not None:
        graph, shape = graphs.step
        step = StepGraph(opened(graph.SerializeToString()), shape, golden.contract, _PROOF_ONLY)
        yield from step_checks(step, tensors, limits, backend)


def by_gpu(proved: ParityReport, graphs: Graphs, golden: Golden, request: Request) -> ParityReport:
    """The proof, and what this machine's GPU computes on WebGPU, if it has one; a wrong one is left out by name."""
    try:
        device = webgpu.open_device(request)
        webgpu.require_precision(device.adapter, proved.precision)
    except (BackendError, MissingExtraError):
        return proved
    backend = f"webgpu, {device.adapter.described}"
    try:
        checks = _by_graphs(graphs, golden, _limits(proved), backend, lambda graph: WebGpuGraph(graph, device))
        report(graphs.form, proved.precision, measured := list(checks), {}).require()
    except (BackendError, ParityError) as error:
        return with_fields(proved, left_out={**proved.left_out, f"{graphs.form} on {backend}": str(error)})
    return with_fields(proved, checks=(*proved.checks, *measured))


def _limits(proved: ParityReport) -> Tolerances:
    """Of the graphs."""

    def least(quantity: str) -> float:
        return min((check.tolerance for check in proved.checks if check.quantity == quantity), default=math.inf)

    return Tolerances(least(LOGITS), least(FEATURES))


def by_native(weights: Weights, golden: Golden, precision: str, limits: Tolerances) -> Iterator[Check]:
    """The native engine, if this machine has instructions for the precision."""
    if not native.computes(precision):
        return
    try:
        engine = native.make_engine(weights, golden.contract, precision=precision)
    except ValueError as error:  # weights that do not fit, or are not finite
        yield Check(parity.LOGITS, NATIVE, native.NativeBackend.name, str(error), math.inf, limits.logits)
    else:
        yield from window_checks(
            lambda *inputs: Outputs(*engine.run(*inputs)), golden.tensors(), NATIVE, native.NativeBackend.name, limits
        )
