"""ONNX Runtime's CUDA provider: an NVIDIA GPU by explicit choice, its memory bound, its launches captured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Home
from ecg2lab.backends.onnxruntime import (
    CUDA,
    TYPES,
    Graph,
    OnnxRuntimeBackend,
    OpenGraph,
    check_fit,
    first_line,
    forked_from,
    import_runtime,
    outputs_of,
    require_provider,
)
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.network_inputs import FEATURES, LOGITS
from ecg2lab.errors import BackendError, Ecg2LabError

_GRAPHS = "enable_cuda_graph"


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
        self._worker, self._home = ThreadPoolExecutor(1, "ecg2lab-cuda"), Home()
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
        if self._home.is_foreign:
            raise forked_from("CUDA")
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
        values, types = onnxruntime.OrtValue, {text: dtype for dtype, text in TYPES.items()}

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


class OnnxRuntimeCudaBackend(OnnxRuntimeBackend):
    """Runs the bundle's window graph on the first NVIDIA GPU; chosen by name only."""

    name, device, provider = "onnxruntime-cuda", "cuda:0", CUDA

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        version = require_provider(cls.provider).__version__
        return f"{Gpu().name}, onnxruntime {version}"

    def _open_window(self, bundle: Bundle) -> Graph:
        window = CudaWindow(bundle, self._threads)
        self.provider = window.provider
        return window

    def _require_precision(self) -> None:
        if self.precision == "int8":
            raise BackendError("onnxruntime-cuda has no 8-bit products for this graph; take a bundle in fp32 or fp16")
