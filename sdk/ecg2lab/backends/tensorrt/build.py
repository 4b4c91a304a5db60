"""`ecg2lab build` without the command line: choose the target, build under a lock, check, store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import NamedTuple

from ecg2lab._native import _core
from ecg2lab.backends.tensorrt.cache import EngineCache, StoredEngine
from ecg2lab.backends.tensorrt.compile import Recipe, compile_graph
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.layers import summarise
from ecg2lab.backends.tensorrt.package import TENSORRT, Package, ahead_of_time_package, installed_packages
from ecg2lab.backends.tensorrt.progress import Tell, silent
from ecg2lab.backends.tensorrt.record import Batch, EngineKey, EngineRecord, engine_key
from ecg2lab.backends.tensorrt.session import Session
from ecg2lab.bundle import Bundle, Digest
from ecg2lab.bundle.golden import Arrays, read_golden
from ecg2lab.errors import BackendError, OutputError, ParityError
from ecg2lab.proof.measuring import window_checks
from ecg2lab.proof.parity import LOGITS, REDUCED, Check, Tolerances, nearest_to_limit

PRECISIONS = ("fp32", "fp16")
"""Of an engine."""
WORKSPACE_MB = 256
"""Ample for this network, and little on a board whose GPU shares the memory of everything else."""
LARGEST_BATCH = 4
_BATCH_LIMIT = 1024
_FP32_TOLERANCE = _core.UNPROVED_IN_FULL
"""Of a logit or a feature: more than the export's proof allows, for other kernels and orders of summation; without
TF32, float32 is far below it, and a wrong engine far above."""
_OVER_GATE = _core.OVER_GATE
"""In a reduced precision, times the largest error that its gate saw: golden windows are odder than those of a gate, and
kernels differ; the loss is the gate's to judge, this finds an engine that is wrong."""


class Options(NamedTuple):
    """How to build."""

    precision: str
    compute_capability: str | None = None
    """Ahead of time; None: for the GPU of this machine."""
    workspace_mb: int = WORKSPACE_MB
    largest_batch: int = LARGEST_BATCH
    rebuild: bool = False
    """Even if there is one already."""


class Built(NamedTuple):
    """An engine in the cache."""

    engine: StoredEngine
    new: bool
    """False: it was there already, perhaps just built by another process."""


class _Target(NamedTuple):
    package: Package
    compute_capability: str
    gpu: Gpu | None


def build_engine(
    bundle: Bundle,
    graph: Callable[[], bytes],
    options: Options,
    tell: Tell = silent,
    waiting: Callable[[], None] = lambda: None,
) -> Built:
    """Build the engine of a bundle, unless this user's cache has it.

    Parameters
    ----------
    graph
        Makes its window graph in the precision of the options, serialised; not called if the engine is there.
    tell
        Told how far it is.
    waiting
        Called if another process is building the same engine, whose end is then waited for.

    Raises
    ------
    MissingExtraError
        If TensorRT is not installed.
    BackendError
        If the target cannot be built for, or TensorRT refuses.
    ParityError
        If the engine does not compute the bundle's golden outputs; nothing is stored.
    OutputError
        If the cache cannot be written.
    """
    _check(options)
    target = _choose_target(options.compute_capability)
    batch = Batch(1, 1, options.largest_batch)
    gpu_name = None if target.gpu is None else target.gpu.name
    key = engine_key(bundle, options.precision, target.package, target.compute_capability, gpu_name, batch)
    cache = EngineCache()
    with cache.lock(key, waiting):
        stored = None if options.rebuild else cache.exact(key)
        if stored is not None:
            return Built(stored, new=False)
        return Built(_build(bundle, graph(), options, target, key, cache, tell), new=True)


def _check(options: Options) -> None:
    if not 1 <= options.largest_batch <= _BATCH_LIMIT:
        raise BackendError(f"a batch has 1 to {_BATCH_LIMIT} windows, not {options.largest_batch}")
    if not 1 <= options.workspace_mb <= 2**20:
        raise BackendError(f"a workspace has 1 to {2**20} MB, not {options.workspace_mb}")


def _choose_target(compute_capability: str | None) -> _Target:
    """The GPU of this machine, or ahead of time; a compute capability that is this machine's own needs no foresight."""
    if compute_capability is None:
        package = installed_packages()[0]
        gpu = _this_gpu()
        return _Target(package, gpu.compute_capability, gpu)
    here = None
    with suppress(BackendError):  # no GPU here
        here = Gpu()
    if here is not None and here.compute_capability == compute_capability:
        for package in installed_packages():
            if package.name == TENSORRT:
                return _Target(package, compute_capability, here)
    return _Target(ahead_of_time_package(compute_capability), compute_capability, None)


def _this_gpu() -> Gpu:
    try:
        return Gpu()
    except BackendError as error:
        raise BackendError(
            f"{error}. Build on the device that will run the engine, or for a desktop GPU ahead of time with "
            "--compute-capability, such as 8.9"
        ) from None


def _build(
    bundle: Bundle, graph: bytes, options: Options, target: _Target, key: EngineKey, cache: EngineCache, tell: Tell
) -> StoredEngine:
    package, gpu = target.package, target.gpu
    timing = f"{package.name}-{package.version}-{key.gpu or key.compute_capability}"
    recipe = Recipe(
        compute_capability=None if gpu else target.compute_capability,
        batch=key.batch,
        workspace_bytes=options.workspace_mb * 2**20,
        timing_cache=cache.read_timing(timing) if package.has_timing_cache else b"",
    )
    start = time.monotonic()
    compiled = compile_graph(package, graph, recipe, tell)
    seconds = time.monotonic() - start
    session = None if gpu is None else Session(package, gpu, compiled.plan, bundle)
    record = EngineRecord(
        key=key,
        plan=Digest.of(compiled.plan),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        workspace_mb=options.workspace_mb,
        seconds=round(seconds, 3),
        built=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        golden_error=None if session is None else _proved_error(bundle, session, key.precision),
        summary=summarise(compiled.layers if session is None else session.layers(package)),
    )
    stored = cache.store(record, compiled.plan)
    with suppress(OutputError):  # the engine is there: what only saves time later must not make its build a failure
        if compiled.timing_cache:  # kept only now, so that no build begins from what a refused one measured
            cache.write_timing(timing, compiled.timing_cache)
        if session is not None and session.new_kernels:
            cache.write_kernels(stored, session.new_kernels)
    return stored


def _proved_error(bundle: Bundle, session: Session, precision: str) -> float:
    """Of the bundle's golden inputs on the GPU, within its limit."""
    checks = golden_checks(bundle, session, read_golden(bundle), precision)
    worst = nearest_to_limit(checks)
    if not worst.passed:
        raise ParityError(
            f"the engine's {worst.quantity} are off by {worst.error:.2g} on the bundle's golden inputs, the limit for "
            f"{precision} is {worst.tolerance:.2g}: it was not kept"
        )
    return max(check.error for check in checks if check.quantity == LOGITS)


def golden_checks(bundle: Bundle, session: Session, golden: Arrays, precision: str) -> list[Check]:
    """An engine against the bundle's float64 outputs, in one batch and window by window."""
    limits = golden_tolerances(bundle, precision)
    return list(window_checks(session.run, golden, bundle.manifest.form, TENSORRT, limits))


def golden_tolerances(bundle: Bundle, precision: str) -> Tolerances:
    """Limits of `golden_checks`; a gate has no figure for features, which therefore have the widest."""
    if precision == "fp32":
        return Tolerances(_FP32_TOLERANCE, _FP32_TOLERANCE)
    if precision not in bundle.manifest.gates:
        raise BackendError(f"{bundle.source} holds no passed gate for {precision}; export it again")
    logits = _FP32_TOLERANCE + _OVER_GATE * bundle.manifest.gates[precision].logit_error_max
    return Tolerances(logits, REDUCED.features)
