"""What can run a window graph: each takes the serialised graph and gives back a function of the network's inputs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab_bench.measuring.libraries import LeftOut, need

Inputs = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""(B leads L) float32, (B features) float32, (B categories) int64."""
Run = Callable[[Inputs], NDArray[Any]]
"""→ logits (B n)."""
Runtime = Callable[[bytes, int], Run]
"""Serialised ONNX, threads of one call; raises `LeftOut` if the runtime cannot be had."""


def on_onnxruntime(model: bytes, threads: int) -> Run:
    """As the SDK runs it."""
    session = make_session(model, threads)

    def run(inputs: Inputs) -> NDArray[Any]:
        signal, continuous, categorical = inputs
        return session.run([LOGITS], {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical})[0]

    return run


def on_openvino(model: bytes, threads: int) -> Run:
    """On the CPU, tuned for latency, in float32: left to itself it takes bfloat16 where the CPU has it.

    The batch stays free, as it is in the file; fixing it gains OpenVINO 3 to 7 %.
    """
    need("openvino")
    openvino = import_module("openvino")
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    core = openvino.Core()
    try:
        request = core.compile_model(core.read_model(model), "CPU", options).create_infer_request()
    except RuntimeError as error:
        raise LeftOut(f"it cannot load the graph: {str(error).strip().splitlines()[-1]}") from None

    def run(inputs: Inputs) -> NDArray[Any]:
        outputs = request.infer(dict(zip((SIGNAL, CONTINUOUS, CATEGORICAL), inputs, strict=True)), share_inputs=True)
        return np.asarray(outputs[LOGITS])

    return run


RUNTIMES: dict[str, Runtime] = {"ONNX Runtime": on_onnxruntime, "OpenVINO": on_openvino}
