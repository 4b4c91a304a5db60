"""Check that this device computes the model right: the golden inputs of a bundle on every available backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ecg2lab.backends import BACKENDS
from ecg2lab.backends.native import NativeBackend, computes
from ecg2lab.backends.onnxruntime import RunsGraphs
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.backends.tensorrt.build import PRECISIONS, golden_tolerances
from ecg2lab.bundle import S4_FUSION, Bundle, architectures
from ecg2lab.bundle.golden import Arrays, read_golden
from ecg2lab.engine import Engine
from ecg2lab.errors import BackendError, MissingExtraError, ParityError
from ecg2lab.loading import load
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import step_checks, versions, window_checks
from ecg2lab.proof.parity import Check, ParityReport, Tolerances
from ecg2lab.proof.recurrences import check_recurrences
from ecg2lab.system import cpu

Checks = list[Check]
LeftOut = dict[str, str]


def run(bundle: Bundle, threads: int = 1, only: str | None = None, **options: Any) -> ParityReport:
    """Measure every form of the bundle on every available backend, with `threads` threads of one call.

    Parameters
    ----------
    only
        Name of the only backend to measure, which must be available; None: all.
    options
        `adapter` and `allow_software` of `ecg2lab.load`, for backends with adapters.

    Returns
    -------
    ParityReport
        Its limits are those of an export; for a reduced precision, those that the bundle's proof recorded; for a
        TensorRT engine, those by which `ecg2lab build` accepted it.

    Raises
    ------
    BackendError
        If no available backend can run the model.
    BundleError
        If its architecture is unknown to this version, or proof, golden inputs or weights are malformed.
    """
    architectures.of(bundle)
    proof, golden = parity.recorded(bundle), read_golden(bundle)
    checks, left_out = _on_backends(bundle, golden, threads, only, options)
    if not checks:
        reasons = [why for what, why in left_out.items() if what != parity.STEP]
        raise BackendError(f"nothing here can run the model: {'; '.join(dict.fromkeys(reasons))}")
    if bundle.manifest.architecture == S4_FUSION:
        checks += check_recurrences(bundle, proof)
    left_out |= {what: why for what, why in proof.left_out.items() if what.startswith((parity.SCAN, parity.CASCADE))}
    return ParityReport(
        form=proof.form,
        precision=bundle.manifest.precision,
        checks=tuple(checks),
        left_out=left_out,
        cpu=cpu.name(),
        versions=versions(),
    )


def _on_backends(
    bundle: Bundle, golden: Arrays, threads: int, only: str | None, options: Mapping[str, Any]
) -> tuple[Checks, LeftOut]:
    """The window graph on each backend, and in each other precision of which there is an engine; the step graph."""
    form, carried = bundle.manifest.form, bundle.manifest.precision
    gates = [p for p in bundle.manifest.gates if p != carried]
    asked = [(backend, carried) for backend, choice in BACKENDS.items() if choice.proved]
    asked += [(TensorRtBackend.name, p) for p in gates if p in PRECISIONS]
    asked += [(NativeBackend.name, p) for p in gates if computes(p)]
    if only is not None:
        asked = [(backend, precision) for backend, precision in asked if backend == only]
    if not asked:
        proved = ", ".join(name for name, choice in BACKENDS.items() if choice.proved)
        raise BackendError(f"{only!r} is no backend that is proved; one of {proved}")
    checks: Checks = []
    why_no_step = parity.why_no_step(bundle) if bundle.manifest.step is None else "it runs on ONNX Runtime alone"
    left_out: LeftOut = {parity.STEP: why_no_step}
    for backend, precision in asked:
        own = parity.NATIVE if backend == NativeBackend.name else form
        name = own if precision == carried else f"{own}, {precision}"
        choice = options if BACKENDS[backend].adapters or backend == only else {}
        limits = _tolerances(bundle, backend, precision)
        try:
            engine = load(bundle, backend=backend, precision=precision, threads=threads, **choice)
        except (BackendError, MissingExtraError) as error:  # it cannot be had here; what fails later is a failure
            if backend == only and precision == carried:
                raise
            left_out[f"{name} on {backend}"] = str(error)
            continue
        except ParityError as error:  # it computed its own golden windows wrong, and will not answer
            checks.append(Check(parity.LOGITS, name, backend, str(error), math.inf, limits.logits))
            continue
        with engine:
            checks += window_checks(engine.outputs, golden, name, backend, limits)
            if bundle.manifest.step is not None and isinstance(engine.require_open(), RunsGraphs):
                checks += _step(engine, golden, parity.tolerances(bundle), backend)
                left_out.pop(parity.STEP, None)
    return checks, left_out


def _step(engine: Engine, golden: Arrays, limits: Tolerances, backend: str) -> Checks:
    try:
        return list(step_checks(engine.step_graph(), golden, limits, backend))
    except ParityError as error:
        return [Check(parity.LOGITS, parity.STEP, backend, str(error), math.inf, limits.logits)]


def _tolerances(bundle: Bundle, backend: str, precision: str) -> Tolerances:
    """TensorRT sums in an order of its own, so it has the limits by which its engines are accepted.

    So has native in a precision that the bundle's proof does not speak of.
    """
    own = backend == TensorRtBackend.name or precision != bundle.manifest.precision
    return golden_tolerances(bundle, precision) if own else parity.tolerances(bundle)
