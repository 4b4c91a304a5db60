"""A plan made runnable on the GPU of this machine: memory, one stream, one execution context."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Home
from ecg2lab.backends.onnxruntime import forked_from
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.package import Package
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL, graph_tensors
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError


class Session:
    """Runs one engine. Safe to share between threads, which take turns: an execution context serves one at a time.

    Only two batch sizes ever reach the GPU, one window and the most that the engine takes: a call is cut into such
    parts and the last is filled up with windows whose answers are dropped. So nothing is compiled or chosen anew in the
    middle of work, as happens with TensorRT when a size is met for the first time; both sizes run once here.

    Parameters
    ----------
    plan
        Of the same package; its engine must fit the bundle.
    kernels
        That an earlier session finished on this GPU; what does not fit is made anew.

    Attributes
    ----------
    new_kernels
        To be kept for the next session; None: nothing new, or the package finishes none.

    Raises
    ------
    BackendError
        If the engine does not load, does not fit, or the GPU's memory does not suffice.
    """

    def __init__(self, package: Package, gpu: Gpu, plan: bytes, bundle: Bundle, kernels: bytes = b"") -> None:
        self._gpu, self._home, self._lock = gpu, Home(), threading.Lock()
        self._logger, self._messages = package.make_logger()  # must outlive what it is given to
        self._held = _Held(gpu)
        self._largest, self._kernels_known = 1, False
        self._free = weakref.finalize(self, self._held.free)
        try:
            with gpu.current():
                self._open(package, plan, bundle, kernels)
            self._warm_up()
            self.new_kernels = self._compiled_kernels()
        except BaseException:
            self._free()
            raise

    def _open(self, package: Package, plan: bytes, bundle: Bundle, kernels: bytes) -> None:
        held, messages = self._held, self._messages
        held.runtime = package.module.Runtime(self._logger)
        held.engine = held.runtime.deserialize_cuda_engine(plan)
        if held.engine is None:
            raise BackendError(f"{package.name} cannot load the engine: {messages.why()}; `ecg2lab build --rebuild`")
        tensors = graph_tensors(bundle.contract, bundle.features)
        _check_fit(package.module, held.engine, tensors)
        self._outputs = [name for name in (LOGITS, FEATURES) if name in tensors]
        held.context = self._create_context(package, kernels)
        if held.context is None:
            raise BackendError(f"{package.name} cannot make ready to run the engine: {messages.why()}")
        self._largest = int(held.engine.get_tensor_profile_shape(SIGNAL, 0)[2][0])
        held.stream = self._gpu.create_stream()
        # Every row of these holds a valid input at any time: what fills a part up must not index outside a table.
        self._host: dict[str, NDArray[Any]] = {
            name: np.zeros((self._largest, *shape), dtype) for name, (shape, dtype) in tensors.items()
        }
        for name, array in self._host.items():
            held.memory[name] = self._gpu.allocate(array.nbytes)
            if not held.context.set_tensor_address(name, held.memory[name]):
                raise BackendError(f"{package.name} does not accept memory for {name!r}: {messages.why()}")

    def _create_context(self, package: Package, kernels: bytes) -> Any:
        held = self._held
        if not package.compiles_at_load:
            return held.engine.create_execution_context()
        config = held.engine.create_runtime_config()
        # Not in the background, where the answers' time would change while work goes on; there are two sizes only.
        strategies = package.module.DynamicShapesKernelSpecializationStrategy
        config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        held.kernels = config.create_runtime_cache()
        self._kernels_known = bool(kernels) and bool(held.kernels.deserialize(kernels))
        config.set_runtime_cache(held.kernels)
        return held.engine.create_execution_context(runtime_config=config)

    def _compiled_kernels(self) -> bytes | None:
        if self._held.kernels is None or self._kernels_known:
            return None
        with self._gpu.current():
            return bytes(memoryview(self._held.kernels.serialize()))

    def layers(self, package: Package) -> str:
        """The engine inspector's listing, a line for each layer."""
        with self._lock, self._gpu.current():
            inspector = self._held.engine.create_engine_inspector()
            return str(inspector.get_engine_information(package.module.LayerInformationFormat.ONELINE))

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F), for any B ≥ 1."""
        inputs: dict[str, NDArray[Any]] = {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical}
        if self._home.is_foreign:
            raise forked_from("CUDA")
        answers, start = [], 0
        with self._lock, self._gpu.current():
            self._messages.errors.clear()  # a long run neither grows nor tells of an old one
            while start < len(signal):
                stop = start + (1 if len(signal) - start == 1 else self._largest)
                answers.append(self._run_part({name: array[start:stop] for name, array in inputs.items()}))
                start = stop
        return Outputs(*map(np.concatenate, zip(*answers, strict=True)))

    def _run_part(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """One window, or up to as many as fit; the lock is held and the context current."""
        windows = len(inputs[SIGNAL])
        size = 1 if windows == 1 else self._largest
        for name, array in inputs.items():
            staged = self._host[name]
            staged[:windows] = array
            if not self._held.context.set_input_shape(name, (size, *staged.shape[1:])):
                raise BackendError(f"TensorRT does not accept {size} windows: {self._messages.why()}")
            self._gpu.copy_in(self._held.memory[name], staged[:size], self._held.stream)
        if not self._held.context.execute_async_v3(self._held.stream):
            self._gpu.wait(self._held.stream)
            raise BackendError(f"TensorRT could not run the engine: {self._messages.why()}")
        for name in self._outputs:
            self._gpu.copy_out(self._host[name][:size], self._held.memory[name], self._held.stream)
        self._gpu.wait(self._held.stream)
        return [np.array(self._host[name][:windows], dtype=np.float32) for name in self._outputs]

    def _warm_up(self) -> None:
        for size in {1, self._largest}:
            self.run(*(self._host[name][:size].copy() for name in (SIGNAL, CONTINUOUS, CATEGORICAL)))


class _Held:
    """What a session must give back in order, when it is gone or at the latest when Python ends."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self.runtime: Any = None
        self.engine: Any = None
        self.kernels: Any = None
        self.context: Any = None
        self.stream = 0
        self.memory: dict[str, int] = {}

    def free(self) -> None:
        # A GPU that failed for good refuses this too; whoever used it has been told.
        with suppress(BackendError), self._gpu.current():
            if self.stream:
                self._gpu.wait(self.stream)  # what a call that failed left behind still reads and writes
            self.context = None  # TensorRT: a context before its engine, an engine before its runtime
            self.kernels = None
            self.engine = None
            self.runtime = None
            for address in self.memory.values():
                self._gpu.free(address)
            self.memory.clear()
            if self.stream:
                self._gpu.destroy_stream(self.stream)
                self.stream = 0


def _check_fit(module: Any, engine: Any, expected: Mapping[str, tuple[tuple[int, ...], type]]) -> None:
    """Refuse an engine whose inputs and outputs are not those of its bundle."""
    types = {module.DataType.FLOAT: np.float32, module.DataType.INT64: np.int64}
    actual = {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        actual[name] = (tuple(engine.get_tensor_shape(name))[1:], types.get(engine.get_tensor_dtype(name)))
    for name in (*expected, *actual):
        if expected.get(name) != actual.get(name):
            raise BackendError(f"the engine does not fit the contract at {name!r}; run `ecg2lab build`")
