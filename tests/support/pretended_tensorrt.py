"""A CUDA driver and a TensorRT of our own, for machines that have neither.

Both do their work, late: copies and inference are queued on a stream and happen when it is waited for, device memory is
host memory behind addresses that are checked, and an "engine" is the graph on ONNX Runtime. What forgets to wait, frees
twice, writes beyond a buffer or mixes up rows gives wrong answers or fails here.
"""

from __future__ import annotations

import ctypes
import enum
import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.backends.tensorrt import cuda_driver
from ecg2lab.backends.tensorrt.cuda_driver import _SIGNATURES


class FakeDriver:
    """The functions of `libcuda`, called through real C function pointers; `gpus` may be emptied."""

    def __init__(self):
        self.gpus, self.name, self.capability, self.version = 1, b"Fake Orin", (8, 7), 12060
        self.memory, self.streams, self.contexts = {}, {}, []
        self.allocations = self.created = self.out_of_memory_after = 0
        for name, arguments in _SIGNATURES.items():
            as_received = [ctypes.c_void_p if a is ctypes.c_char_p else a for a in arguments]
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int, *as_received)(getattr(self, f"_{name}")))

    def _cuInit(self, flags):
        return 0

    def _cuDriverGetVersion(self, result):
        result[0] = self.version
        return 0

    def _cuDeviceGetCount(self, result):
        result[0] = self.gpus
        return 0

    def _cuDeviceGet(self, result, ordinal):
        result[0] = 40 + ordinal
        return 0

    def _cuDeviceGetName(self, buffer, length, device):
        ctypes.memmove(buffer, self.name + b"\0", len(self.name) + 1)
        return 0 if device == 40 else 101

    def _cuDeviceGetAttribute(self, result, attribute, device):
        result[0] = {75: self.capability[0], 76: self.capability[1], 18: 1}[attribute]
        return 0

    def _cuDevicePrimaryCtxRetain(self, context, device):
        context[0] = 0x7FFF_0000_0000_0001  # beyond 32 bits, as real handles are
        return 0

    def _cuCtxPushCurrent_v2(self, context):
        self.contexts.append(context)
        return 0 if context == 0x7FFF_0000_0000_0001 else 201

    def _cuCtxPopCurrent_v2(self, context):
        context[0] = self.contexts.pop()
        return 0

    def _cuMemAlloc_v2(self, address, size):
        self.allocations += 1
        if not self.contexts or size == 0:
            return 1
        if self.out_of_memory_after and self.allocations > self.out_of_memory_after:
            return 2
        buffer = (ctypes.c_char * size)()
        ctypes.memset(buffer, 0x7F, size)  # what nobody has written is nonsense
        address[0] = 2**40 + 2**20 * self.allocations
        self.memory[address[0]] = buffer
        return 0

    def _cuMemFree_v2(self, address):
        return 0 if self.contexts and self.memory.pop(address, None) is not None else 1

    def _cuStreamCreate(self, stream, flags):
        self.created += 1
        stream[0] = 2**41 + self.created
        self.streams[stream[0]] = []
        return 0

    def _cuStreamDestroy_v2(self, stream):
        return 0 if self.streams.pop(stream, None) == [] else 400

    def _cuStreamSynchronize(self, stream):
        queue = self.streams[stream]
        while queue:
            queue.pop(0)()
        return 0

    def _cuMemcpyHtoDAsync_v2(self, address, source, size, stream):
        copied = ctypes.string_at(source, size)
        self.streams[stream].append(lambda: self.write(address, copied))
        return 0

    def _cuMemcpyDtoHAsync_v2(self, target, address, size, stream):
        self.streams[stream].append(lambda: ctypes.memmove(target, self.read(address, size), size))
        return 0

    def _cuGetErrorName(self, code, text):
        return 1

    def write(self, address, content):
        assert len(content) <= len(self.memory[address])
        ctypes.memmove(self.memory[address], content, len(content))

    def read(self, address, size):
        assert size <= len(self.memory[address])
        return self.memory[address].raw[:size]


def fake_tensorrt(driver, name="tensorrt", version="10.3.0"):
    """A module with what ecg2lab uses of a package; `built` lists the configurations that were built with."""
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    module.__version__ = version
    module.built, module.error = [], 0.0

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class IProgressMonitor:
        pass

    class Config:
        def __init__(self):
            self.flags, self.pools, self.profiles, self.cache = {"TF32"}, {}, [], None

        def clear_flag(self, flag):
            self.flags.remove(flag)

        def set_memory_pool_limit(self, pool, size):
            self.pools[pool] = size

        def add_optimization_profile(self, profile):
            self.profiles.append(profile.shapes)
            return 0 if all(low <= tuned <= high for low, tuned, high in profile.shapes.values()) else -1

        def set_compute_capability(self, capability, index):
            assert (self.num_compute_capabilities, index) == (1, 0)
            self.capability = capability
            return True

        def create_timing_cache(self, stored):
            assert name == "tensorrt", "deprecated in TensorRT for RTX"
            return SimpleNamespace(stored=stored, serialize=lambda: stored + b"t")

        def set_timing_cache(self, cache, ignore_mismatch):
            self.cache = cache
            return not cache.stored.startswith(b"other")

        def get_timing_cache(self):
            return self.cache

    class Profile:
        def __init__(self):
            self.shapes = {}

        def set_shape(self, name, low, tuned, high):
            self.shapes[name] = low, tuned, high

    class Builder:
        def __init__(self, logger):
            self.logger = logger

        def create_network(self, flags):
            return SimpleNamespace(flags=flags, num_inputs=0)

        def create_builder_config(self):
            return Config()

        def create_optimization_profile(self):
            return Profile()

        def build_serialized_network(self, network, config):
            monitor = config.progress_monitor
            monitor.phase_start("Building engine", None, 2)
            for step in range(2):
                if not monitor.step_complete("Building engine", step):
                    return None
            monitor.phase_finish("Building engine")
            if config.pools["workspace"] < 2**20 * 2:
                self.logger.log(ILogger.ERROR, "no tactic fits\nthe workspace")
                return None
            module.built.append((network, config))
            self.logger.log(ILogger.VERBOSE, LISTING)
            head = json.dumps({"most": config.profiles[0]["signal"][2][0], "error": module.error}).encode()
            return head + b"\n" + network.graph

    class OnnxParser:
        def __init__(self, network, logger):
            self.network, self.num_errors = network, 0

        def parse(self, graph):
            try:
                values = make_session(graph, 1).get_inputs()
            except Exception:
                self.num_errors = 1
                return False
            inputs = [SimpleNamespace(name=v.name, shape=_shape(v)) for v in values]
            self.network.graph, self.network.num_inputs, self.network.get_input = graph, len(inputs), inputs.__getitem__
            return True

        def get_error(self, index):
            return SimpleNamespace(desc=lambda: "no graph")

    class Runtime:
        def __init__(self, logger):
            self.logger = logger

        def deserialize_cuda_engine(self, plan):
            if not plan.startswith(b"{"):
                self.logger.log(ILogger.ERROR, "magic number does not match")
                return None
            head, _, graph = plan.partition(b"\n")
            return Engine(driver, module, json.loads(head), graph)

    module.ILogger, module.IProgressMonitor = ILogger, IProgressMonitor
    module.Builder, module.OnnxParser, module.Runtime = Builder, OnnxParser, Runtime
    module.NetworkDefinitionCreationFlag = enum.IntEnum("Flag", {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1})
    module.BuilderFlag = SimpleNamespace(TF32="TF32")
    module.MemoryPoolType = SimpleNamespace(WORKSPACE="workspace")
    module.ProfilingVerbosity = SimpleNamespace(DETAILED="detailed")
    module.LayerInformationFormat = SimpleNamespace(ONELINE="oneline")
    if name == "tensorrt_rtx":
        module.ComputeCapability = enum.IntEnum("Capability", {"NONE": 0, "CURRENT": 1, "SM86": 86, "SM120": 120})
        module.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="eager")
    module.DataType = SimpleNamespace(FLOAT="float", INT64="int64")
    return module


LISTING = """Layers:
Name: a, LayerType: gemm, Inputs: [], Outputs: [ { Name: x, Datatype: Half, Format: y }], Metadata: [ONNX Layer: p]\
[ONNX Layer: q]
"""


class RuntimeCache:
    """Kernels that fit one driver."""

    def __init__(self, driver):
        self.driver, self.taken = driver, None

    def deserialize(self, blob):
        assert self.driver.contexts
        self.taken = blob == b"kernels for %d" % self.driver.version
        return self.taken

    def serialize(self):
        return b"kernels for %d" % self.driver.version


def _shape(value):
    return [size if isinstance(size, int) else -1 for size in value.shape]


class Engine:
    """An engine and its one execution context: the graph on ONNX Runtime, wrong by `error`."""

    def __init__(self, driver, module, head, graph):
        self.driver, self.module, self.most, self.error = driver, module, head["most"], head["error"]
        self.session = make_session(graph, 1)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.values = {v.name: v for v in (*inputs, *outputs)}
        self.names, self.num_io_tensors = list(self.values), len(self.values)
        self.inputs, self.addresses = [v.name for v in inputs], {}
        self.shapes = {}

    def get_tensor_name(self, index):
        return self.names[index]

    def get_tensor_shape(self, name):
        return _shape(self.values[name])

    def get_tensor_dtype(self, name):
        return {"tensor(float)": "float", "tensor(int64)": "int64"}[self.values[name].type]

    def get_tensor_profile_shape(self, name, profile):
        rest = _shape(self.values[name])[1:]
        return [[size, *rest] for size in (1, 1, self.most)]

    def create_execution_context(self, runtime_config=None):
        assert (runtime_config is None) == (self.module.__name__ == "tensorrt")
        if runtime_config is not None:
            assert runtime_config.dynamic_shapes_kernel_specialization_strategy == "eager"
            self.module.kernels = runtime_config.cache
        return self

    def create_runtime_config(self):
        config = SimpleNamespace(create_runtime_cache=lambda: RuntimeCache(self.driver))
        config.set_runtime_cache = lambda cache: setattr(config, "cache", cache)
        return config

    def create_engine_inspector(self):
        return SimpleNamespace(get_engine_information=lambda form: LISTING)

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def set_input_shape(self, name, shape):
        self.shapes[name] = shape
        return 1 <= shape[0] <= self.most

    def execute_async_v3(self, stream):
        shapes = dict(self.shapes)
        self.driver.streams[stream].append(lambda: self._execute(shapes))
        return True

    def _execute(self, shapes):
        types = {name: np.int64 if self.get_tensor_dtype(name) == "int64" else np.float32 for name in self.inputs}
        feed = {}
        for name, shape in shapes.items():
            size = int(np.prod(shape)) * np.dtype(types[name]).itemsize
            feed[name] = np.frombuffer(self.driver.read(self.addresses[name], size), types[name]).reshape(shape)
        names = [name for name in self.names if name not in self.inputs]
        for name, values in zip(names, self.session.run(names, feed), strict=True):
            self.driver.write(self.addresses[name], (values + np.float32(self.error)).tobytes())


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    """Of engines, made the one in use."""
    monkeypatch.setenv("ECG2LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def driver(cache_folder, monkeypatch):
    fake = FakeDriver()
    monkeypatch.setattr(cuda_driver, "load_library", lambda: fake)
    return fake


@pytest.fixture
def tensorrt(driver, monkeypatch):
    """Only the pretended TensorRT is installed, with a pretended GPU."""
    module = fake_tensorrt(driver)
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    return module


@pytest.fixture
def tensorrt_rtx(driver, monkeypatch):
    """Only the pretended TensorRT for RTX is installed, with a pretended desktop GPU."""
    driver.name, driver.capability = b"Fake RTX", (8, 6)
    module = fake_tensorrt(driver, "tensorrt_rtx", "1.7.1.116")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", module)
    return module


@pytest.fixture
def no_tensorrt(monkeypatch):
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
