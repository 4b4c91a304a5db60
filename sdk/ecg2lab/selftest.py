"""Does this device compute the model right? The golden inputs of a bundle again, on everything here that can run it."""

from __future__ import annotations

from ecg2lab.backends import BACKENDS
from ecg2lab.backends.native import NativeBackend, computes
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.backends.tensorrt.build import PRECISIONS, golden_tolerances
from ecg2lab.bundle import S4_FUSION, Bundle, architectures
from ecg2lab.bundle.golden import Arrays, read_golden
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.loading import load
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import step_checks, versions, window_checks
from ecg2lab.proof.parity import Check, ParityReport, Tolerances
from ecg2lab.proof.recurrences import check_recurrences
from ecg2lab.stream.step import StepGraph
from ecg2lab.system import cpu
from ecg2lab.system.extras import installed_version

Checks = list[Check]
LeftOut = dict[str, str]


def run(bundle: Bundle, threads: int = 1) -> ParityReport:
    """Measure every form of the bundle on every backend that is at hand, with so many threads of one call.

    Returns
    -------
    ParityReport
        Limits are those of an export; for a reduced precision, those that its own proof recorded; for a TensorRT
        engine, those by which `ecg2lab build` accepted it.

    Raises
    ------
    BackendError
        If no backend here can run the model at all.
    BundleError
        If its architecture is not known here; or proof, golden inputs or weights are malformed.
    """
    architectures.of(bundle)
    proof, golden = parity.recorded(bundle), read_golden(bundle)
    checks: Checks = []
    left_out: LeftOut = {}
    for measured, missing in (_windows(bundle, golden, threads), _step(bundle, golden, threads)):
        checks += measured
        left_out |= missing
    if not any(check.form != parity.STEP for check in checks):
        raise BackendError(f"nothing here can run the model: {'; '.join(dict.fromkeys(left_out.values()))}")
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


def _windows(bundle: Bundle, golden: Arrays, threads: int) -> tuple[Checks, LeftOut]:
    """The window graph on each backend, and in each other precision of which there is an engine."""
    form, carried = bundle.manifest.form, bundle.manifest.precision
    gates = [p for p in bundle.manifest.gates if p != carried]
    others = [(TensorRtBackend.name, p) for p in gates if p in PRECISIONS]
    others += [(NativeBackend.name, p) for p in gates if computes(p)]
    checks: Checks = []
    left_out: LeftOut = {}
    proved = [(backend, carried) for backend, choice in BACKENDS.items() if choice.proved]
    for backend, precision in [*proved, *others]:
        own = parity.NATIVE if backend == NativeBackend.name else form
        name = own if precision == carried else f"{own}, {precision}"
        try:
            engine = load(bundle, backend=backend, precision=precision, threads=threads)
        except (BackendError, MissingExtraError) as error:  # it cannot be had here; what fails later is a failure
            left_out[f"{name} on {backend}"] = str(error)
            continue
        with engine:
            checks += window_checks(engine.outputs, golden, name, backend, _tolerances(bundle, backend, precision))
    return checks, left_out


def _tolerances(bundle: Bundle, backend: str, precision: str) -> Tolerances:
    """TensorRT sums in an order of its own, so it has the limits by which its engines are accepted.

    So has native in a precision that the bundle's proof does not speak of.
    """
    own = backend == TensorRtBackend.name or precision != bundle.manifest.precision
    return golden_tolerances(bundle, precision) if own else parity.tolerances(bundle)


def _step(bundle: Bundle, golden: Arrays, threads: int) -> tuple[Checks, LeftOut]:
    if bundle.manifest.step is None:
        return [], {parity.STEP: parity.why_no_step(bundle)}
    if not (installed_version("onnxruntime") or installed_version("onnxruntime-gpu")):
        return [], {parity.STEP: "it runs on ONNX Runtime, which is not installed"}
    return list(step_checks(StepGraph.of(bundle, threads), golden, parity.tolerances(bundle))), {}
