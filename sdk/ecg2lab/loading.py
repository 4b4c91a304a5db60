"""Loading a bundle: which backend, which precision, how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ecg2lab import log
from ecg2lab.backends import BACKENDS, CHOICES, Request, silent
from ecg2lab.backends.native import computes
from ecg2lab.bundle import S4_FUSION, Bundle, architectures
from ecg2lab.engine import Engine
from ecg2lab.errors import BackendError
from ecg2lab.patient import OutOfRange
from ecg2lab.system.real_numbers import to_float

NATIVE, ONNXRUNTIME = "native", "onnxruntime"


def load(
    bundle: str | Path | Bundle,
    backend: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
    out_of_range: OutOfRange = "refuse",
    adapter: int | str | None = None,
    allow_software: bool = False,
    tell: Callable[[str], None] = silent,
) -> Engine:
    """Load a bundle and make it ready to answer.

    Parameters
    ----------
    bundle
        A file, or an opened bundle.
    backend
        "auto": native, or onnxruntime where native cannot compute the precision or the network. Else a name of
        `ecg2lab.backends.BACKENDS`, which `ecg2lab predict --help` lists; "onnxruntime-cuda" takes the first NVIDIA
        GPU, "webgpu" a GPU of any maker. A choice that cannot be honoured is an error, never replaced by another.
    precision
        None: the bundle's own. Another only if the manifest holds its gate, and not with ONNX Runtime or "torch": they
        have one; with "tensorrt" from an engine that `ecg2lab build` made.
    threads
        Of one call; None: as many as this process may use.
    out_of_range
        What becomes of a number about the patient that lies outside the contract's range, such as a temperature of 0.
        "refuse": an error names it. "impute": it counts as not given, as it did in training, and every answer names it
        (`Prediction.patient.out_of_range`); for feeds that nobody corrects.
    adapter
        Of "webgpu": index, or a part of the name, as `ecg2lab devices` lists them. None: the fastest kind. A process
        has one, and must not have opened a session on WebGPU of its own before.
    allow_software
        Of "webgpu": whether a software adapter may stand in for a GPU, for trials; every answer then says so.
    tell
        Is called with what takes long, such as the compiling of shaders.

    Returns
    -------
    Engine
        Warmed up: its first answer takes as long as the next.

    Raises
    ------
    BundleError
        If the bundle is missing or damaged, or its architecture is not known here.
    BackendError
        If backend, precision, thread count or adapter cannot be had, or `out_of_range` is neither.
    ParityError
        If a GPU computes the bundle's golden outputs wrong.
    MissingExtraError
        If the backend's package is not installed.
    """
    for word, value in {"backend": backend, "precision": precision, "out_of_range": out_of_range}.items():
        if not (isinstance(value, str) or (word == "precision" and value is None)):
            raise BackendError(f"{word} must be a word, not {type(value).__name__}")
    if out_of_range not in ("refuse", "impute"):
        raise BackendError(f"out_of_range must be 'refuse' or 'impute', not {out_of_range!r}")
    if not isinstance(allow_software, bool):
        raise BackendError(f"allow_software must be True or False, not {type(allow_software).__name__}")
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    architectures.of(opened)
    name = _automatic(opened, precision) if backend == "auto" else backend
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {backend!r}; one of {CHOICES}")
    count = _thread_count(threads)
    _check_precision(opened, precision, name)
    if not BACKENDS[name].adapters and (adapter is not None or allow_software):
        raise BackendError(f"a choice of adapters belongs to backend 'webgpu', not to {name!r}")
    request = Request(count, precision, adapter, allow_software, tell)
    engine = Engine(opened, BACKENDS[name].open(opened, request), count, out_of_range)
    log.loaded(engine.info)
    return engine


def _automatic(bundle: Bundle, precision: str | None) -> str:
    """Native, unless this CPU, the architecture or the bundle's proof has it not."""
    left_out = bundle.manifest.architecture != S4_FUSION or NATIVE in bundle.native.left_out
    return NATIVE if computes(precision or bundle.manifest.precision) and not left_out else ONNXRUNTIME


def _check_precision(bundle: Bundle, precision: str | None, backend: str) -> None:
    carried, gates = bundle.manifest.precision, bundle.manifest.gates
    if precision in (None, carried):
        return
    if not BACKENDS[backend].other_precisions:
        raise BackendError(f"precision {precision!r} is not in this bundle, which carries {carried}")
    if precision not in gates:
        raise BackendError(f"precision {precision!r} is not in this bundle, which carries {carried}, nor has it a gate")


def _thread_count(threads: int | None) -> int:
    available = usable_cpus()
    if threads is None:
        return available
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise BackendError(f"threads must be a whole number, not {type(threads).__name__}")
    if not 1 <= threads <= 256:
        raise BackendError(f"threads must be between 1 and 256, not {to_float(threads):g}")
    return threads


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, and the quota of its cgroup."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))
    except (OSError, ValueError):
        return cpus
