"""Loading a bundle: the choice of backend, precision and threads."""

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
    """Load a bundle and prepare it to answer.

    Parameters
    ----------
    bundle
        Path of a file, or an opened bundle.
    backend
        "auto": native, or onnxruntime if native cannot compute the precision or the network. Otherwise a name of
        `ecg2lab.backends.BACKENDS`, which `ecg2lab predict --help` lists: "onnxruntime-cuda" takes the first NVIDIA
        GPU, "webgpu" a GPU of any vendor. A backend that is not available is an error, never replaced by another.
    precision
        None: the bundle's own. Another one only with "native" or "tensorrt", and only if the manifest has a gate for
        it; "tensorrt" then needs an engine that `ecg2lab build` made.
    threads
        CPU threads of one call; None: as many as this process may use.
    out_of_range
        What to do with a number about the patient outside the contract's range, such as a temperature of 0. "refuse":
        raise an error that names the fact. "impute": treat it as not given, as in training; every answer names it
        (`Prediction.patient.out_of_range`). The latter is for data feeds that nobody can correct.
    adapter
        For "webgpu": index or part of the name of an adapter that `ecg2lab devices` lists. None: the fastest kind. A
        process can use only one adapter, and must not have opened its own session on WebGPU before.
    allow_software
        For "webgpu": whether a software adapter may replace a GPU, for trials; every answer then says so.
    tell
        Called with a message before each step that takes long, such as compiling shaders.

    Returns
    -------
    Engine
        Warmed up, so that the first answer is as fast as later ones.

    Raises
    ------
    BundleError
        If the bundle is missing or damaged, or its architecture is unknown to this version.
    BackendError
        If backend, precision, thread count or adapter is not available, or an argument is invalid.
    ParityError
        If a GPU does not reproduce the bundle's golden outputs.
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
    """Number of CPUs that this process may use, by its affinity and the quota of its cgroup."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))
    except (OSError, ValueError):
        return cpus
