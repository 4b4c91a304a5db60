"""ONNX Runtime."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL, graph_tensors
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.system import cpu
from ecg2lab.system.extras import installed_version, require

_TYPES: dict[type, str] = {np.float32: "tensor(float)", np.int64: "tensor(int64)"}
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_OPTIONS = {CPU: {}, CUDA: {"use_tf32": "0"}}
"""TF32 would round the operands of fp32 to ten bits, which is not what was proved."""


def import_runtime(extra: str = "onnx") -> Any:
    """Import ONNX Runtime, its telemetry switched off: since 1.32 it leaves files in the user's home at import.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    require(extra, "onnxruntime")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def make_session(model: bytes, threads: int, provider: str = CPU) -> Any:
    """An inference session of serialised ONNX with exactly `threads` threads that sleep while idle.

    Parameters
    ----------
    threads
        Of one call; 1 runs in the caller's thread.
    provider
        That answers, and no other.

    Raises
    ------
    BackendError
        If the provider is absent or does not start, or the graph cannot be loaded.
    """
    onnxruntime = import_runtime("onnx" if provider == CPU else "gpu")
    if installed_version("onnxruntime") and installed_version("onnxruntime-gpu"):
        raise BackendError(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other; uninstall one of them"
        )
    if provider not in onnxruntime.get_available_providers():
        raise BackendError(
            f"the onnxruntime that is installed has no {provider}: pip uninstall it, then pip install 'ecg2lab[gpu]'"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[(provider, _OPTIONS[provider])])
    except Exception as error:  # the runtime's exception classes are not public
        first_line = str(error).strip().split("\n")[0]
        raise BackendError(f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {first_line}") from None
    session.disable_fallback()  # nor later, in the middle of an answer
    if session.get_providers()[0] != provider:  # it falls to the CPU without a word
        raise BackendError(f"ONNX Runtime {onnxruntime.__version__} could not start its {provider} on this machine")
    return session


def call_session(session: Any, outputs: list[str], feed: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
    """Outputs of a graph, by name.

    Raises
    ------
    BackendError
        With the runtime's own reason.
    """
    try:
        arrays: list[NDArray[np.float32]] = session.run(outputs, feed)
    except Exception as error:  # the runtime's exception classes are not public
        raise BackendError(f"ONNX Runtime failed: {str(error).strip().splitlines()[0]}") from None
    return arrays


class OnnxRuntimeBackend:
    """Runs the bundle's window graph on the CPU."""

    name, device, provider = "onnxruntime", "cpu", CPU

    def __init__(self, bundle: Bundle, threads: int, precision: str | None = None) -> None:
        del precision  # `load` lets none pass but the graph's
        self.precision: str = bundle.manifest.precision
        self._require_precision()
        self._session = make_session(bundle.member(WINDOW_GRAPH), threads, self.provider)
        self.versions = {"onnxruntime": str(import_runtime().__version__)}
        _check_fit(self._session, bundle)
        self._outputs = [LOGITS] if bundle.features is None else [LOGITS, FEATURES]

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F)."""
        feed: dict[str, NDArray[Any]] = {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical}
        return Outputs(*call_session(self._session, self._outputs, feed))

    def _require_precision(self) -> None:
        cpu.require(self.precision)


class OnnxRuntimeCudaBackend(OnnxRuntimeBackend):
    """Runs the bundle's window graph on the first NVIDIA GPU; chosen by name only."""

    name, device, provider = "onnxruntime-cuda", "cuda:0", CUDA

    def _require_precision(self) -> None:
        if self.precision == "int8":
            raise BackendError("onnxruntime-cuda has no 8-bit products for this graph; take a bundle in fp32 or fp16")


def _check_fit(session: Any, bundle: Bundle) -> None:
    """Refuse a graph that is not the one its contract speaks of."""
    tensors = graph_tensors(bundle.contract, bundle.features)
    expected = {name: (_TYPES[dtype], list(shape)) for name, (shape, dtype) in tensors.items()}
    actual = {value.name: (value.type, value.shape[1:]) for value in (*session.get_inputs(), *session.get_outputs())}
    for name in (*expected, *actual):
        if expected.get(name) != actual.get(name):
            raise BundleError(f"{bundle.source}: its graph does not fit its contract at {name!r}; export it again")
