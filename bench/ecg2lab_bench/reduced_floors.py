"""Floors of reduced precision: the same dense products in int8 or bfloat16, by the libraries that have them.

Operands lie there as the product wants them: neither the rounding of activations nor the scaling of results is in the
floor, so that whatever a graph pays for them is seen. Without VNNI or AMX such a floor can be slower than float32.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib import util
from typing import Any

import numpy as np

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab_bench.floors import Candidate, LeftOut, Products


def reduced_candidates(
    products: Products, precision: str, threads: int, undo: ExitStack
) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Everything installed that multiplies matrices in a reduced precision.

    Parameters
    ----------
    products
        What to multiply.
    precision
        Of a bundle. On a CPU no library here multiplies in fp16, and fp32 has floors of its own.
    threads
        Of each product.
    undo
        See `floors.candidates`.

    Returns
    -------
    candidates, left_out
        As of `floors.candidates`; each name starts with the precision.
    """
    found: dict[str, Candidate] = {}
    left_out: dict[str, str] = {}
    for name, make in _CANDIDATES.get(precision, {}).items():
        try:
            found[f"{precision}, {name}"] = make(products, threads, undo)
        except LeftOut as reason:
            left_out[f"{precision} floor, {name}"] = str(reason)
    return found, left_out


def _integer_on_onnxruntime(products: Products, threads: int, _: ExitStack) -> Candidate:
    """MatMulInteger with constant weights: unsigned rows, signed columns, 32-bit sums."""
    from onnx import TensorProto, helper, numpy_helper

    from ecg2lab_export.graphs.builder import IR_VERSION, OPSET

    random = np.random.default_rng(0)
    x = random.integers(0, 256, (products.rows, products.channels), dtype=np.uint8)
    shape = (products.channels, 2 * products.channels)
    weights = [random.integers(-127, 128, shape, dtype=np.int8) for _ in range(products.layers)]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", f"w{i}"], [f"y{i}"]) for i in range(products.layers)],
        "floor",
        [value("x", TensorProto.UINT8, x.shape)],
        [value(f"y{i}", TensorProto.INT32, (products.rows, shape[1])) for i in range(products.layers)],
        [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)
    session = make_session(model.SerializeToString(), threads)
    return lambda: session.run(None, {"x": x})


def _integer_in_torch(products: Products, threads: int, undo: ExitStack) -> Candidate:
    """oneDNN's, weights packed once; it gives float32 back."""
    torch = _torch(threads, undo)
    x = torch.randint(0, 256, (products.rows, products.channels), dtype=torch.uint8)
    outputs = 2 * products.channels
    scale, zero = torch.full((outputs,), 0.01), torch.zeros(outputs, dtype=torch.int64)
    try:  # neither operator is public
        multiply, pack = torch.ops.onednn.qlinear_pointwise, torch.ops.onednn.qlinear_prepack
        weights = [
            pack(torch.randint(-127, 128, (outputs, products.channels), dtype=torch.int8), list(x.shape))
            for _ in range(products.layers)
        ]
        arguments: tuple[Any, ...] = (scale, zero, None, 1.0, 0, torch.float32, "none", [], "")
        multiply(x, 0.01, 128, weights[0], *arguments)
    except (AttributeError, RuntimeError):
        raise LeftOut(f"torch {torch.__version__} has no packed int8 product") from None
    return lambda: [multiply(x, 0.01, 128, weight, *arguments) for weight in weights]


def _bfloat16_in_torch(products: Products, threads: int, undo: ExitStack) -> Candidate:
    """oneDNN's, weights packed once."""
    torch = _torch(threads, undo)
    x = torch.randn(products.rows, products.channels).bfloat16()
    try:  # the operators of `floors`
        pack, linear = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
        shape = (2 * products.channels, products.channels)
        weights = [pack(torch.randn(shape).bfloat16(), products.rows) for _ in range(products.layers)]
        linear(x, weights[0], None, "none", [], "")
    except (AttributeError, RuntimeError):
        raise LeftOut(f"torch {torch.__version__} has no packed bfloat16 product here") from None
    return lambda: [linear(x, weight, None, "none", [], "") for weight in weights]


def _torch(threads: int, undo: ExitStack) -> Any:
    if util.find_spec("torch") is None:
        raise LeftOut("torch is not installed")
    import torch

    undo.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    return torch


_CANDIDATES: dict[str, dict[str, Callable[[Products, int, ExitStack], Candidate]]] = {
    "int8": {"ONNX Runtime": _integer_on_onnxruntime, "torch oneDNN": _integer_in_torch},
    "bf16": {"torch oneDNN": _bfloat16_in_torch},
}
