"""Does this device compute the model right? The golden inputs of a bundle again, on everything here that can run it."""

from __future__ import annotations

import numpy as np

from ecg2lab import cpu, parity, tensors
from ecg2lab.backends import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.backends.tensorrt_build import golden_tolerance
from ecg2lab.bundle import GOLDEN, WEIGHTS, Bundle
from ecg2lab.engine import BACKENDS, load
from ecg2lab.errors import BackendError, BundleError, MissingExtraError
from ecg2lab.extras import installed_version
from ecg2lab.measuring import Arrays, scan_checks, step_checks, versions, window_checks
from ecg2lab.parity import Check, ParityReport, kernel_tolerance, logit_limit
from ecg2lab.step import StepGraph


def run(bundle: Bundle, threads: int = 1) -> ParityReport:
    """Measure every form of the bundle on every backend that is at hand.

    Parameters
    ----------
    bundle
        To be tested.
    threads
        Of one call.

    Returns
    -------
    ParityReport
        Limits are those of an export; for a reduced precision, those that its own proof recorded.

    Raises
    ------
    BackendError
        If no backend here can run the model at all.
    BundleError
        If the bundle's proof, golden inputs or weights are malformed.
    """
    proof = parity.recorded(bundle)
    golden = _golden(bundle)
    checks: list[Check] = []
    left_out: dict[str, str] = {}
    for backend in BACKENDS:
        try:
            engine = load(bundle, backend=backend, threads=threads)
        except (BackendError, MissingExtraError) as error:  # it cannot be had here; what fails later is a failure
            left_out[f"{proof.form} on {backend}"] = str(error)
            continue
        limit = _limit(bundle, backend)
        with engine:
            checks += window_checks(engine.run, golden, bundle.manifest.form, backend, limit)
    if not checks:
        raise BackendError(f"nothing here can run the model: {'; '.join(left_out.values())}")
    if bundle.manifest.step is None:
        left_out[parity.STEP] = proof.left_out.get(parity.STEP, "the bundle has no step graph")
    elif installed_version("onnxruntime") or installed_version("onnxruntime-gpu"):
        checks += step_checks(StepGraph.of(bundle, threads), golden, logit_limit(bundle))
    else:
        left_out[parity.STEP] = "it runs on ONNX Runtime, which is not installed"
    if parity.SCAN in proof.left_out:
        left_out[parity.SCAN] = proof.left_out[parity.SCAN]
    else:
        checks += _scan_checks_of(bundle)
    return ParityReport(
        form=proof.form,
        precision=bundle.manifest.precision,
        checks=tuple(checks),
        left_out=left_out,
        cpu=cpu.name(),
        versions=versions(),
    )


def _golden(bundle: Bundle) -> Arrays:
    name = f"{bundle.source}: {GOLDEN}"
    found = tensors.read(bundle.member(GOLDEN), name)
    signal, columns = bundle.contract.signal, bundle.contract.static_inputs
    wanted: dict[str, tuple[type, tuple[int, ...]]] = {
        SIGNAL: (np.float32, (len(signal.leads), signal.window_samples)),
        CONTINUOUS: (np.float32, (len(columns.continuous),)),
        CATEGORICAL: (np.int64, (len(columns.categorical),)),
        LOGITS: (np.float64, (len(bundle.contract.targets),)),
    }
    count = len(found[SIGNAL]) if SIGNAL in found and found[SIGNAL].ndim else 0
    for key, (dtype, shape) in wanted.items():
        array = found.get(key)
        if not count or array is None or array.dtype != dtype or array.shape != (count, *shape):
            raise BundleError(f"{name}: {key} does not fit the contract; export the bundle again")
    return found


def _scan_checks_of(bundle: Bundle) -> list[Check]:
    tolerance = kernel_tolerance(bundle.manifest.network.state_size)
    name = f"{bundle.source}: {WEIGHTS}"
    weights = tensors.read(bundle.member(WEIGHTS), name)
    try:
        checks = list(scan_checks(weights, bundle.contract.signal.window_samples, tolerance))
    except (KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{name} holds no state space that can run: {error}") from None
    if len(checks) != bundle.manifest.network.layers:
        raise BundleError(f"{name} has {len(checks)} layers, its manifest {bundle.manifest.network.layers}")
    return checks


def _limit(bundle: Bundle, backend: str) -> float:
    """TensorRT sums in an order of its own, so it has the limit by which its engines are accepted."""
    if backend == TensorRtBackend.name:
        return golden_tolerance(bundle, bundle.manifest.precision)
    return logit_limit(bundle)
