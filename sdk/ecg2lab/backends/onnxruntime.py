"""ONNX Runtime."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.backends import Home, Request
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL, graph_tensors
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError, BundleError, ParityError
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import Network, window_checks
from ecg2lab.proof.parity import Check
from ecg2lab.system import cpu
from ecg2lab.system.extras import installed_version
from ecg2lab.system.extras import require as require_extra

TYPES: dict[type, str] = {np.float32: "tensor(float)", np.int64: "tensor(int64)"}
"""As a session calls what NumPy holds."""
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_OPTIONS = {CPU: {}, CUDA: {"use_tf32": "0"}}
"""TF32 would round the operands of fp32 to ten bits, which is not what was proved."""
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-webgpu", "onnxruntime-directml", "onnxruntime-openvino")
"""Packages that all bring the module `onnxruntime`: the one that was installed last has overwritten the others."""


class Tensor(NamedTuple):
    """An input or output of a graph."""

    type: str
    shape: tuple[int | str | None, ...]


class Graph(Protocol):
    """A graph of a bundle, ready to run."""

    backend: str
    provider: str
    device: str
    versions: dict[str, str]
    tensors: Mapping[str, Tensor]
    """Inputs and outputs by name."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Those outputs for these inputs, which are contiguous."""

    def prove_by(self, proof: Callable[[], None]) -> None:
        """Let it compute what is known, now and whenever it is opened anew; the proof may refuse."""


@runtime_checkable
class RunsGraphs(Protocol):
    """A backend that runs graphs of ONNX, any of a bundle's."""

    def open_graph(self, graph: bytes) -> Graph:
        """Make one ready to run where the window graph runs."""


def import_runtime(extra: str = "onnx") -> Any:
    """Import ONNX Runtime, its telemetry switched off: since 1.32 it leaves files in the user's home at import.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    BackendError
        If two packages of it are installed.
    """
    require_extra(extra, "onnxruntime")
    installed = [name for name in DISTRIBUTIONS if installed_version(name)]
    if len(installed) > 1:
        raise BackendError(
            f"{' and '.join(installed)} are both installed and overwrite each other: pip uninstall "
            f"{' '.join(installed)}, then pip install 'ecg2lab[{extra}]'"
        )
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def session_options(onnxruntime: Any, threads: int) -> Any:
    """Of a session with exactly `threads` threads that sleep while idle, and that raises what fails."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def require_provider(provider: str) -> Any:
    """The ONNX Runtime that has it.

    Raises
    ------
    MissingExtraError
        If none is installed.
    BackendError
        If two are, or the one that is has not the provider.
    """
    onnxruntime = import_runtime("onnx" if provider == CPU else "gpu")
    if provider not in onnxruntime.get_available_providers():
        raise BackendError(
            f"the onnxruntime that is installed has no {provider}: pip uninstall it, then pip install 'ecg2lab[gpu]'"
        )
    return onnxruntime


def make_session(model: bytes, threads: int, provider: str = CPU, **more: str) -> Any:
    """An inference session of serialised ONNX with exactly `threads` threads that sleep while idle.

    Parameters
    ----------
    threads
        Of one call; 1 runs in the caller's thread.
    provider
        That answers, and no other.
    more
        Options of the provider.

    Raises
    ------
    BackendError
        If the provider is absent or does not start, or the graph cannot be loaded.
    """
    onnxruntime = require_provider(provider)
    options = session_options(onnxruntime, threads)
    try:
        # Without the fallback, which would go on with the CPU, and print so on stdout.
        session = onnxruntime.InferenceSession(
            model, options, providers=[(provider, _OPTIONS[provider] | more)], enable_fallback=0
        )
    except Exception as error:  # the runtime's exception classes are not public
        raise BackendError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {first_line(error)}"
        ) from None
    if session.get_providers()[0] != provider:  # it falls to the CPU without a word
        raise BackendError(f"ONNX Runtime {onnxruntime.__version__} could not start its {provider} on this machine")
    _SESSIONS.add(session)
    return session


_SESSIONS: weakref.WeakSet[Any] = weakref.WeakSet()


def _keep_sessions() -> None:
    """In a process that was forked off: freeing one would wait for ever for threads that are not there."""
    for session in _SESSIONS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_sessions)


@contextmanager
def computing() -> Iterator[None]:
    """Around a call without the interpreter's lock: the interpreter waits for it at its end, and a daemon thread that
    begins one then would end the process by a signal.
    """
    begun = _core.begin_computing()
    if not begun and threading.current_thread().daemon:
        threading.Event().wait()
    try:
        yield
    finally:
        if begun:
            _core.end_computing()


def forked_from(what: str) -> BackendError:
    """Of a process whose parent used a GPU, whose driver does not live on in it."""
    return BackendError(
        f"this process was forked from one that uses {what}, whose device it cannot use: start processes by 'spawn', "
        "and load the bundle there"
    )


def first_line(error: Exception) -> str:
    """The runtime's own reason."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def tensors_of(session: Any) -> dict[str, Tensor]:
    """Inputs and outputs; nothing that is returned holds on to the session."""
    values = (*session.get_inputs(), *session.get_outputs())
    return {str(value.name): Tensor(str(value.type), tuple(value.shape)) for value in values}


class OpenGraph:
    """A graph on a provider of ONNX Runtime; safe to share between threads.

    Raises
    ------
    BackendError
        As `make_session`.
    """

    def __init__(self, graph: bytes, threads: int, provider: str = CPU, **more: str) -> None:
        self._home = Home()
        self._session = make_session(graph, threads, provider, **more)
        self.backend, self.device = ("onnxruntime", "cpu") if provider == CPU else ("onnxruntime-cuda", "cuda:0")
        self.provider = provider
        self.versions = {"onnxruntime": str(import_runtime().__version__)}
        self.tensors: Mapping[str, Tensor] = tensors_of(self._session)

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Those outputs for these inputs.

        Raises
        ------
        BackendError
            With the runtime's own reason, or in a process that was forked off.
        """
        self._home.require()
        try:
            with computing():
                arrays: list[NDArray[np.float32]] = self._session.run(outputs, feed)
        except Exception as error:  # the runtime's exception classes are not public
            raise BackendError(f"ONNX Runtime failed: {first_line(error)}") from None
        return arrays

    def prove_by(self, proof: Callable[[], None]) -> None:
        """Let it compute what is known; it is opened once."""
        proof()


class WindowGraph:
    """The window graph of a bundle: what every backend does that runs it.

    Raises
    ------
    BundleError
        If the graph is not the one that its contract speaks of.
    """

    def __init__(self, graph: Graph, bundle: Bundle) -> None:
        check_fit(graph.tensors, bundle)
        self.graph = graph
        self._outputs = outputs_of(bundle)

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F)."""
        feed: dict[str, NDArray[Any]] = {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical}
        return Outputs(*self.graph.run(self._outputs, feed))


def outputs_of(bundle: Bundle) -> list[str]:
    """Of its window graph."""
    return [LOGITS] if bundle.features is None else [LOGITS, FEATURES]


def prove(run: Network, bundle: Bundle, backend: str, device: str, batches: Sequence[int]) -> None:
    """Let a device compute the golden windows: a driver that computes wrong answers nobody.

    Raises
    ------
    ParityError
        If an error is beyond what the export proved.
    """
    limits = parity.tolerances(bundle)
    golden = {name: array[: max(batches)] for name, array in read_golden(bundle).items()}
    require(window_checks(run, golden, bundle.manifest.form, backend, limits, batches), device)


def require(checks: Iterable[Check], device: str) -> None:
    """Every check passed.

    Raises
    ------
    ParityError
        Naming the first that did not.
    """
    for check in checks:
        if not check.passed:
            raise ParityError(
                f"{device} does not compute the model: {check.name} is {check.error:.1e} off, the limit is "
                f"{check.tolerance:.1e}; update the driver, or take backend 'native'"
            )


class OnnxRuntimeBackend:
    """Runs the bundle's window graph on the CPU."""

    name, device, provider, caution = "onnxruntime", "cpu", CPU, ""

    def __init__(self, bundle: Bundle, request: Request) -> None:
        self.precision: str = bundle.manifest.precision  # `load` lets none pass but the graph's
        self._require_precision()
        self._threads = request.threads
        self._window = WindowGraph(self._open_window(bundle), bundle)
        if self.device != "cpu":
            prove(self.run, bundle, self.name, self.device, (1, len(read_golden(bundle)[SIGNAL])))
        self.versions = self._window.graph.versions

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        onnxruntime = require_provider(cls.provider)
        providers = ", ".join(onnxruntime.get_available_providers())
        return f"{cpu.name()}, onnxruntime {onnxruntime.__version__} ({providers})"

    def open_graph(self, graph: bytes) -> Graph:
        """Another graph of the bundle, where this one runs."""
        return OpenGraph(graph, self._threads, type(self).provider)

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F)."""
        return self._window.run(signal, continuous, categorical)

    def _open_window(self, bundle: Bundle) -> Graph:
        return self.open_graph(bundle.member(WINDOW_GRAPH))

    def _require_precision(self) -> None:
        cpu.require(self.precision)


def check_fit(tensors: Mapping[str, Tensor], bundle: Bundle) -> None:
    """Refuse a graph that is not the one its contract speaks of.

    Raises
    ------
    BundleError
        Naming the input or output.
    """
    expected = {
        name: (TYPES[dtype], tuple(shape))
        for name, (shape, dtype) in graph_tensors(bundle.contract, bundle.features).items()
    }
    actual = {name: (tensor.type, tensor.shape[1:]) for name, tensor in tensors.items()}
    for name in (*expected, *actual):
        if expected.get(name) != actual.get(name):
            raise BundleError(f"{bundle.source}: its graph does not fit its contract at {name!r}; export it again")
