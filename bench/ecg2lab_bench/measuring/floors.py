"""The floor: the dense products of the layers alone, by the best library at hand, timed beside the network.

Glossary: B batch, L window, H channels. A layer multiplies (B·L, H) by (H, 2H). Nothing that computes the network with
these products can be faster, so a time over its floor says the same on every machine.

Operands lie there as the product wants them: in a floor of reduced precision there is neither the rounding of
activations nor the scaling of results, so that whatever a network pays for them is seen. Without VNNI or AMX such a
floor can be slower than float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module, util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import import_runtime, make_session
from ecg2lab.bundle import Bundle
from ecg2lab.loading import usable_cpus
from ecg2lab_bench.measuring.libraries import LeftOut, torch_with

Matrix = NDArray[Any]
Candidate = Callable[[], list[Any]]
"""Computes all products, and returns them as the library holds them."""
Make = Callable[[Matrix, list[Matrix], int, ExitStack], Candidate]
"""From an input (B·L H), a weight (H 2H) for each layer, the number of threads, and what gives that back."""


@dataclass(frozen=True)
class Products:
    """The dense products of one call of a network."""

    rows: int
    """B·L."""
    channels: int
    """H."""
    layers: int

    @classmethod
    def of(cls, bundle: Bundle, batch: int) -> Products:
        """Of a bundle's network."""
        shape = bundle.manifest.network
        return cls(batch * bundle.contract.signal.window_samples, shape["hidden"], shape["layers"])

    @property
    def flops(self) -> int:
        """Floating-point operations, a multiplication and an addition counted as two."""
        return self.layers * 2 * self.rows * self.channels * 2 * self.channels

    def draw(self, integer: bool = False) -> tuple[Matrix, list[Matrix]]:
        """Draw an input (B·L H) and, as in the network, a weight (H 2H) of its own for each layer.

        Parameters
        ----------
        integer
            Unsigned rows and signed columns of 8 bits, in place of float32.
        """
        random = np.random.default_rng(0)
        rows, columns = (self.rows, self.channels), (self.channels, 2 * self.channels)
        if integer:
            weights = [random.integers(-127, 128, columns, dtype=np.int8) for _ in range(self.layers)]
            return random.integers(0, 256, rows, dtype=np.uint8), weights
        return random.standard_normal(rows, dtype=np.float32), [
            random.standard_normal(columns, dtype=np.float32) for _ in range(self.layers)
        ]


def candidates(
    products: Products, threads: int, undo: ExitStack, precision: str = "fp32"
) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Everything installed that multiplies matrices.

    Parameters
    ----------
    products
        What to multiply.
    threads
        Of each product.
    undo
        Gives back thread counts that are global to the process.
    precision
        Of a bundle. On a CPU no library here multiplies in fp16.

    Returns
    -------
    candidates
        By name, which begins with a reduced precision.
    left_out
        Names of those that could not be had, and why.
    """
    candidates_by_name: dict[str, Candidate] = {}
    left_out: dict[str, str] = {}
    x, weights = products.draw(integer=precision == "int8")
    full = precision == "fp32"
    for name, make in _CANDIDATES.get(precision, {}).items():
        try:
            candidates_by_name[name if full else f"{precision}, {name}"] = make(x, weights, threads, undo)
        except LeftOut as reason:
            left_out[name if full else f"{precision} floor, {name}"] = str(reason)
    return candidates_by_name, left_out


def _onnxruntime(x: Matrix, weights: list[Matrix], threads: int, _: ExitStack) -> Candidate:
    """Constant weights, which the runtime packs at load; input and outputs stay where they are."""
    onnxruntime = import_runtime()
    operator, sums = ("MatMul", np.float32) if x.dtype == np.float32 else ("MatMulInteger", np.int32)
    session = make_session(_products_graph(operator, x, weights, np.dtype(sums)), threads)
    binding = session.io_binding()
    place = onnxruntime.OrtValue.ortvalue_from_numpy
    outputs = [place(np.empty((len(x), w.shape[1]), sums)) for w in weights]
    binding.bind_ortvalue_input("x", place(x))
    for index, output in enumerate(outputs):
        binding.bind_ortvalue_output(f"y{index}", output)

    def call() -> list[Any]:
        session.run_with_iobinding(binding)
        return outputs

    return call


def _products_graph(operator: str, x: Matrix, weights: list[Matrix], sums: np.dtype[Any]) -> bytes:
    from onnx import helper, numpy_helper

    from ecg2lab_export.graphs.builder import IR_VERSION, OPSET

    def value(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)

    graph = helper.make_graph(
        [helper.make_node(operator, ["x", f"w{i}"], [f"y{i}"]) for i in range(len(weights))],
        "floor",
        [value("x", x.dtype, x.shape)],
        [value(f"y{i}", sums, (len(x), w.shape[1])) for i, w in enumerate(weights)],
        [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    content: bytes = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets).SerializeToString()
    return content


def _numpy(x: Matrix, weights: list[Matrix], threads: int, undo: ExitStack) -> Candidate:
    """Whatever BLAS NumPy was built with, usually OpenBLAS; it packs the weights in every call."""
    _pin_blas(threads, undo)
    outputs = [np.empty((len(x), w.shape[1]), np.float32) for w in weights]

    def call() -> list[Any]:
        for weight, output in zip(weights, outputs, strict=True):
            np.matmul(x, weight, out=output)
        return outputs

    return call


def _pin_blas(threads: int, undo: ExitStack) -> None:
    """Make sure that NumPy multiplies in one thread.

    OpenBLAS reads its environment when NumPy is imported, which is long before this; afterwards only a call into the
    library changes its thread count, and threadpoolctl is the package that knows how.
    """
    if threads > 1:
        raise LeftOut("its helper threads spin on after a product and would slow whatever is timed next")
    if usable_cpus() == 1 or os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        return
    if util.find_spec("threadpoolctl") is None:
        raise LeftOut("its threads cannot be pinned: set OPENBLAS_NUM_THREADS=1 or install threadpoolctl")
    limits = import_module("threadpoolctl").threadpool_limits
    undo.enter_context(limits(1, user_api="blas"))


def _torch(x: Matrix, weights: list[Matrix], threads: int, undo: ExitStack, precision: str = "float32") -> Candidate:
    """PyTorch's oneDNN, weights packed once."""
    torch = torch_with(threads, undo)
    if not torch.backends.mkldnn.is_available():
        raise LeftOut("this torch was built without oneDNN")
    dtype = getattr(torch, precision)
    try:
        # The operators that torch.compile itself uses for a linear layer with frozen weights; they are not public.
        pack, linear = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
        signal = torch.from_numpy(x).to(dtype)
        packed = [pack(_rows_of_outputs(torch, w).to(dtype), len(x)) for w in weights]
        linear(signal, packed[0], None, "none", [], "")
    except (AttributeError, RuntimeError):
        raise LeftOut(f"torch {torch.__version__} has no packed {precision} product here") from None
    return lambda: [linear(signal, weight, None, "none", [], "") for weight in packed]


def _integer_in_torch(x: Matrix, weights: list[Matrix], threads: int, undo: ExitStack) -> Candidate:
    """PyTorch's oneDNN, weights packed once; it gives float32 back."""
    torch = torch_with(threads, undo)
    scale, zero = torch.full((weights[0].shape[1],), 0.01), torch.zeros(weights[0].shape[1], dtype=torch.int64)
    arguments: tuple[Any, ...] = (scale, zero, None, 1.0, 0, torch.float32, "none", [], "")
    try:  # neither operator is public
        multiply, pack = torch.ops.onednn.qlinear_pointwise, torch.ops.onednn.qlinear_prepack
        signal = torch.from_numpy(x)
        packed = [pack(_rows_of_outputs(torch, w), list(x.shape)) for w in weights]
        multiply(signal, 0.01, 128, packed[0], *arguments)
    except (AttributeError, RuntimeError):
        raise LeftOut(f"torch {torch.__version__} has no packed int8 product") from None
    return lambda: [multiply(signal, 0.01, 128, weight, *arguments) for weight in packed]


def _rows_of_outputs(torch: Any, weight: Matrix) -> Any:
    """As PyTorch stores the weight of a linear layer: (H 2H) → (2H H)."""
    return torch.from_numpy(np.ascontiguousarray(weight.T))


_CANDIDATES: dict[str, dict[str, Make]] = {
    "fp32": {"ONNX Runtime": _onnxruntime, "NumPy BLAS": _numpy, "torch oneDNN": _torch},
    "int8": {"ONNX Runtime": _onnxruntime, "torch oneDNN": _integer_in_torch},
    "bf16": {"torch oneDNN": partial(_torch, precision="bfloat16")},
}
