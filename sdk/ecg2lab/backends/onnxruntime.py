"""ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Request
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL, graph_tensors
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError, BundleError, Ecg2LabError, ParityError
from ecg2lab.proof import parity
from ecg2lab.proof.measuring import Network, window_checks
from ecg2lab.proof.parity import Check
from ecg2lab.system import cpu
from ecg2lab.system.extras import installed_version
from ecg2lab.system.extras import require as require_extra

_TYPES: dict[type, str] = {np.float32: "tensor(float)", np.int64: "tensor(int64)"}
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_GRAPHS = "enable_cuda_graph"
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
    return session


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
            With the runtime's own reason.
        """
        try:
            arrays: list[NDArray[np.float32]] = self._session.run(outputs, feed)
        except Exception as error:  # the runtime's exception classes are not public
            raise BackendError(f"ONNX Runtime failed: {first_line(error)}") from None
        return arrays

    def prove_by(self, proof: Callable[[], None]) -> None:
        """Let it compute what is known; it is opened once."""
        proof()


class CudaWindow(OpenGraph):
    """A window graph whose inputs and outputs stay in the GPU's memory; each size of batch is one CUDA graph.

    Only the sizes of `SIZES` reach the GPU: a batch is cut, and filled up with windows whose answers are dropped. One
    thread of its own makes every call, since ONNX Runtime captures a graph for each thread that calls; all sizes are
    captured before the first answer.

    Raises
    ------
    BackendError
        As `make_session`; if memory does not suffice.
    BundleError
        As `check_fit`.
    """

    SIZES = (1, 4, 16, 64)
    memory = "cuda"

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._worker, self._process = ThreadPoolExecutor(1, "ecg2lab-cuda"), os.getpid()
        try:
            self._in_turn(self._open, bundle, threads, **{_GRAPHS: "1"})
            self.provider = f"{CUDA}, CUDA graphs"
        except BackendError:  # refused where a node runs on the CPU; then each is launched by itself
            self._in_turn(self._open, bundle, threads)

    def _open(self, bundle: Bundle, threads: int, **more: str) -> None:
        super().__init__(bundle.member(WINDOW_GRAPH), threads, CUDA, **more)
        check_fit(self.tensors, bundle)
        self._bound = {size: self._bind(size, outputs_of(bundle)) for size in self.SIZES}

    def _in_turn(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a call returns that the one thread makes, which a process that was forked off has not."""
        if os.getpid() != self._process:
            raise BackendError(
                "this process was forked from one that uses CUDA, which it cannot use: start processes by 'spawn', and "
                "load the bundle there"
            )
        try:
            return self._worker.submit(call, *arguments, **options).result()
        except Ecg2LabError:
            raise
        except Exception as error:  # the runtime's exception classes are not public
            raise BackendError(f"ONNX Runtime failed on the GPU: {first_line(error)}") from None

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """All outputs that it was made for.

        Raises
        ------
        BackendError
            With the runtime's own reason.
        """
        del outputs
        arrays: list[NDArray[np.float32]] = self._in_turn(self._run_parts, feed)
        return arrays

    def _run_parts(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        most, count = self.SIZES[-1], len(next(iter(feed.values())))
        parts = [
            self._run_part({name: array[start : start + most] for name, array in feed.items()})
            for start in range(0, count, most)
        ]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _run_part(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        windows = len(next(iter(feed.values())))
        bound = self._bound[next(size for size in self.SIZES if size >= windows)]
        for name, array in feed.items():
            bound.staged[name][:windows] = array
            bound.inputs[name].update_inplace(bound.staged[name])
        self._session.run_with_iobinding(bound.binding, bound.options)
        return [np.array(value.numpy()[:windows]) for value in bound.outputs]

    def _bind(self, size: int, outputs: Sequence[str]) -> _Bound:
        """Memory for so many windows, and two runs, of which the second may be the captured one."""
        onnxruntime = import_runtime("gpu")
        values, types = onnxruntime.OrtValue, {text: dtype for dtype, text in _TYPES.items()}

        def place(name: str) -> tuple[tuple[Any, ...], type]:
            tensor = self.tensors[name]
            return (size, *tensor.shape[1:]), types[tensor.type]

        names = [name for name in self.tensors if name not in (LOGITS, FEATURES)]
        # Every row holds a valid input at any time: what fills a batch up must not index outside a table.
        staged = {name: np.zeros(*place(name)) for name in names}
        inputs = {name: values.ortvalue_from_numpy(array, self.memory, 0) for name, array in staged.items()}
        outs = [values.ortvalue_from_shape_and_type(*place(name), self.memory, 0) for name in outputs]
        options, binding = onnxruntime.RunOptions(), self._session.io_binding()
        options.add_run_config_entry("gpu_graph_id", str(size))
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in zip(outputs, outs, strict=True):
            binding.bind_ortvalue_output(name, value)
        for _ in range(2):
            self._session.run_with_iobinding(binding, options)
        return _Bound(binding, options, staged, inputs, outs)


class _Bound(NamedTuple):
    """What one size of batch computes in."""

    binding: Any
    options: Any
    staged: dict[str, NDArray[Any]]
    inputs: dict[str, Any]
    outputs: list[Any]


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


class OnnxRuntimeCudaBackend(OnnxRuntimeBackend):
    """Runs the bundle's window graph on the first NVIDIA GPU; chosen by name only."""

    name, device, provider = "onnxruntime-cuda", "cuda:0", CUDA

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        from ecg2lab.backends.tensorrt.cuda_driver import Gpu

        version = require_provider(cls.provider).__version__
        return f"{Gpu().name}, onnxruntime {version}"

    def _open_window(self, bundle: Bundle) -> Graph:
        window = CudaWindow(bundle, self._threads)
        self.provider = window.provider
        return window

    def _require_precision(self) -> None:
        if self.precision == "int8":
            raise BackendError("onnxruntime-cuda has no 8-bit products for this graph; take a bundle in fp32 or fp16")


def check_fit(tensors: Mapping[str, Tensor], bundle: Bundle) -> None:
    """Refuse a graph that is not the one its contract speaks of.

    Raises
    ------
    BundleError
        Naming the input or output.
    """
    expected = {
        name: (_TYPES[dtype], tuple(shape))
        for name, (shape, dtype) in graph_tensors(bundle.contract, bundle.features).items()
    }
    actual = {name: (tensor.type, tensor.shape[1:]) for name, tensor in tensors.items()}
    for name in (*expected, *actual):
        if expected.get(name) != actual.get(name):
            raise BundleError(f"{bundle.source}: its graph does not fit its contract at {name!r}; export it again")
