"""A CUDA driver and a TensorRT of our own, for machines that have neither: calls in order, cache keys, refusals.

Nothing is computed. The outputs of an "engine" repeat the first number of each row of the signal, late, when its stream
is waited for: what forgets to wait, frees twice, writes beyond a buffer or mixes up rows is found. How far an engine is
off the golden outputs is what a test says, `error`. What engines really answer is for `pytest -m gpu`, what they are
made of for `tests/system/test_tensorrt_layers.py`.
"""

from __future__ import annotations

import ctypes
import enum
import itertools
import json
import sys
from functools import partial
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.backends.tensorrt import build, cuda_driver
from ecg2lab.backends.tensorrt.cuda_driver import _SIGNATURES
from ecg2lab.backends.tensorrt.package import PACKAGES, TENSORRT, TENSORRT_RTX
from ecg2lab.proof.parity import LOGITS, Check

CONTEXT = 0x7FFF_0000_0000_0001  # beyond 32 bits, as real handles are
LISTING = """Layers:
Name: a, LayerType: gemm, Inputs: [], Outputs: [ { Name: x, Datatype: Half, Format: y }], Metadata: [ONNX Layer: p]\
[ONNX Layer: q]
"""


class PretendedDriver:
    """The functions of `libcuda`, called through real C function pointers; `gpus` may be emptied."""

    def __init__(self):
        self.gpus, self.name, self.capability, self.version = 1, b"Fake Orin", (8, 7), 12060
        self.memory, self.streams, self.contexts = {}, {}, []
        self.handles, self.out_of_memory_after = itertools.count(2**40, 2**20), None
        for name, arguments in _SIGNATURES.items():
            as_received = [ctypes.c_void_p if a is ctypes.c_char_p else a for a in arguments]
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int, *as_received)(partial(self._answer, name)))

    def _answer(self, name, *arguments):
        return getattr(self, f"_{name}", lambda *_: 0)(*arguments) or 0

    def _cuDriverGetVersion(self, result):
        result[0] = self.version

    def _cuDeviceGetCount(self, result):
        result[0] = self.gpus

    def _cuDeviceGetName(self, buffer, length, device):
        ctypes.memmove(buffer, self.name + b"\0", len(self.name) + 1)

    def _cuDeviceGetAttribute(self, result, attribute, device):
        result[0] = {75: self.capability[0], 76: self.capability[1]}[attribute]

    def _cuDevicePrimaryCtxRetain(self, context, device):
        context[0] = CONTEXT

    def _cuCtxPushCurrent_v2(self, context):
        self.contexts.append(context)
        return 0 if context == CONTEXT else 201

    def _cuCtxPopCurrent_v2(self, context):
        context[0] = self.contexts.pop()

    def _cuMemAlloc_v2(self, address, size):
        if len(self.memory) == self.out_of_memory_after:
            return 2
        address[0] = next(self.handles)
        self.memory[address[0]] = np.full(size, 0x7F, np.uint8)  # what nobody has written is nonsense
        return 0 if self.contexts else 1

    def _cuMemFree_v2(self, address):
        return 0 if self.contexts and self.memory.pop(address, None) is not None else 1

    def _cuStreamCreate(self, stream, flags):
        stream[0] = next(self.handles)
        self.streams[stream[0]] = []

    def _cuStreamDestroy_v2(self, stream):
        return 0 if self.streams.pop(stream, None) == [] else 400

    def _cuStreamSynchronize(self, stream):
        while self.streams[stream]:
            self.streams[stream].pop(0)()

    def _cuMemcpyHtoDAsync_v2(self, address, source, size, stream):
        copied = np.frombuffer(ctypes.string_at(source, size), np.uint8)
        self.streams[stream].append(lambda: self.write(address, copied))

    def _cuMemcpyDtoHAsync_v2(self, target, address, size, stream):
        assert size <= self.memory[address].size
        self.streams[stream].append(lambda: ctypes.memmove(target, self.memory[address].ctypes.data, size))

    def write(self, address, content):
        self.memory[address][: content.size] = content  # fails beyond the buffer


def pretended_tensorrt(driver, name="tensorrt", version="10.3.0"):
    """A package; `built` lists the networks and configurations of its builds, `run` the windows of each inference."""
    module = Mock(__spec__=ModuleSpec(name, None), __version__=version, built=[], run=[], error=0.0)

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class Builder:
        def __init__(self, logger):
            self.logger = logger

        def create_network(self, flags):
            return SimpleNamespace(flags=flags)

        def create_optimization_profile(self):
            return Mock()

        def create_builder_config(self):
            config = Mock()
            config.add_optimization_profile.return_value = 0
            config.create_timing_cache = lambda kept: SimpleNamespace(kept=kept, serialize=lambda: kept + b"t")
            config.set_timing_cache.side_effect = lambda cache, _: not cache.kept.startswith(b"other")
            config.get_timing_cache = lambda: config.set_timing_cache.call_args.args[0]
            return config

        def build_serialized_network(self, network, config):
            config.progress_monitor.phase_start("Building engine", None, 2)
            if not all(config.progress_monitor.step_complete("Building engine", step) for step in range(2)):
                return None
            config.progress_monitor.phase_finish("Building engine")
            if config.set_memory_pool_limit.call_args.args[1] < 2**21:
                self.logger.log(ILogger.ERROR, "OutOfMemory:\nno tactic fits")
                return None
            module.built.append((network, config))
            self.logger.log(ILogger.VERBOSE, LISTING)
            return json.dumps([most_windows(config), network.num_inputs, network.tensors]).encode()

    class OnnxParser:
        num_errors = 1

        def __init__(self, network, logger):
            self.network = network

        def parse(self, graph):
            try:
                session = make_session(graph, 1)
            except Exception:
                return False
            inputs = [SimpleNamespace(name=v.name, shape=[-1, *v.shape[1:]]) for v in session.get_inputs()]
            values = [*session.get_inputs(), *session.get_outputs()]
            self.network.tensors = [(v.name, v.type, [-1, *v.shape[1:]]) for v in values]
            self.network.num_inputs, self.network.get_input = len(inputs), inputs.__getitem__
            return True

        def get_error(self, index):
            return SimpleNamespace(desc=lambda: "no graph")

    module.ILogger, module.IProgressMonitor = ILogger, type("IProgressMonitor", (), {})
    module.Builder, module.OnnxParser = Builder, OnnxParser
    module.Runtime.return_value.deserialize_cuda_engine = lambda plan: Engine(driver, module, *json.loads(plan))
    module.NetworkDefinitionCreationFlag.STRONGLY_TYPED = 1
    module.ComputeCapability = enum.IntEnum("Capability", {"NONE": 0, "CURRENT": 1, "SM86": 86, "SM120": 120})
    return module


def most_windows(config):
    """That the profile of a build allows."""
    (profile,) = config.add_optimization_profile.call_args.args
    return profile.set_shape.call_args.args[3][0]


class RuntimeCache:
    """Kernels that fit one driver."""

    def __init__(self, driver):
        self.driver, self.taken = driver, None

    def deserialize(self, blob):
        assert self.driver.contexts
        self.taken = blob == self.serialize()
        return self.taken

    def serialize(self):
        return b"kernels for %d" % self.driver.version


class Engine:
    """An engine and its one execution context."""

    def __init__(self, driver, module, most, inputs, tensors):
        self.driver, self.module, self.most = driver, module, most
        self.types, self.shapes = {n: t for n, t, _ in tensors}, {n: shape for n, _, shape in tensors}
        self.outputs, self.num_io_tensors = list(self.shapes)[inputs:], len(tensors)
        self.get_tensor_name, self.get_tensor_shape = list(self.shapes).__getitem__, self.shapes.get
        self.addresses, self.windows = {}, {}

    def get_tensor_dtype(self, name):
        return self.module.DataType.INT64 if "int64" in self.types[name] else self.module.DataType.FLOAT

    def get_tensor_profile_shape(self, name, profile):
        return [[size, *self.shapes[name][1:]] for size in (1, 1, self.most)]

    def create_execution_context(self, runtime_config=None):
        if runtime_config is not None:
            (self.module.kernels,) = runtime_config.set_runtime_cache.call_args.args
            self.module.strategy = runtime_config.dynamic_shapes_kernel_specialization_strategy
        return self

    def create_runtime_config(self):
        return Mock(create_runtime_cache=lambda: RuntimeCache(self.driver))

    def create_engine_inspector(self):
        return SimpleNamespace(get_engine_information=lambda form: LISTING)

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def set_input_shape(self, name, shape):
        self.windows[name] = shape[0]
        return 1 <= shape[0] <= self.most

    def execute_async_v3(self, stream):
        (windows,) = set(self.windows.values())
        self.module.run.append(windows)
        self.driver.streams[stream].append(lambda: self._execute(windows))
        return True

    def _execute(self, windows):
        signal = self.driver.memory[self.addresses["signal"]].view(np.float32)
        first = signal.reshape(self.most, -1)[:windows, :1]
        for name in self.outputs:
            repeated = np.repeat(first, self.shapes[name][1], axis=1)
            self.driver.write(self.addresses[name], repeated.reshape(-1).view(np.uint8))


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    """Of engines, made the one in use."""
    monkeypatch.setenv("ECG2LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def driver(cache_folder, monkeypatch):
    pretended = PretendedDriver()
    monkeypatch.setattr(cuda_driver, "load_library", lambda: pretended)
    return pretended


def install(monkeypatch, name, module):
    """The only TensorRT here, whose engines are off the golden outputs by its `error`."""

    def window_checks(network, golden, form, backend, tolerances):
        return [Check(LOGITS, form, backend, "pretended", module.error, tolerances.logits)]

    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, module if package == name else None)
    monkeypatch.setattr(build, "window_checks", window_checks)
    return module


@pytest.fixture
def tensorrt(driver, monkeypatch):
    """Only the pretended TensorRT is installed, with a pretended GPU."""
    return install(monkeypatch, TENSORRT, pretended_tensorrt(driver))


@pytest.fixture
def tensorrt_rtx(driver, monkeypatch):
    """Only the pretended TensorRT for RTX is installed, with a pretended desktop GPU."""
    driver.name, driver.capability = b"Fake RTX", (8, 6)
    return install(monkeypatch, TENSORRT_RTX, pretended_tensorrt(driver, TENSORRT_RTX, "1.7.1.116"))


@pytest.fixture
def no_tensorrt(monkeypatch):
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
