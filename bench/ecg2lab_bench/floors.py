"""The floor: the dense products of the S4 layers alone, by the best library at hand, timed beside the network.

Glossary: B batch, L window, H channels. A layer multiplies (B·L, H) by (H, 2H). Nothing that computes the network with
these products can be faster, so a time over its floor says the same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module, util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import import_runtime, make_session
from ecg2lab.loading import usable_cpus

Matrix = NDArray[np.float32]
Candidate = Callable[[], list[Any]]
"""Computes all products, and returns them as the library holds them."""


class LeftOut(Exception):
    """A candidate cannot be timed fairly here; the message says why."""


@dataclass(frozen=True)
class Products:
    """The dense products of one call of a network."""

    rows: int
    """B·L."""
    channels: int
    """H."""
    layers: int

    @property
    def flops(self) -> int:
        """Floating-point operations, a multiplication and an addition counted as two."""
        return self.layers * 2 * self.rows * self.channels * 2 * self.channels

    def draw(self) -> tuple[Matrix, list[Matrix]]:
        """Draw an input (B·L H) and, as in the network, a weight (H 2H) of its own for each layer."""
        random = np.random.default_rng(0)
        shape = (self.channels, 2 * self.channels)
        weights = [random.standard_normal(shape, dtype=np.float32) for _ in range(self.layers)]
        return random.standard_normal((self.rows, self.channels), dtype=np.float32), weights


def candidates(products: Products, threads: int, undo: ExitStack) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Everything installed that multiplies matrices.

    Parameters
    ----------
    products
        What to multiply.
    threads
        Of each product.
    undo
        Gives back thread counts that are global to the process.

    Returns
    -------
    candidates
        By name.
    left_out
        Names of those that could not be had, and why.
    """
    found: dict[str, Candidate] = {}
    left_out: dict[str, str] = {}
    x, weights = products.draw()
    for name, make in _CANDIDATES.items():
        try:
            found[name] = make(x, weights, threads, undo)
        except LeftOut as reason:
            left_out[name] = str(reason)
    return found, left_out


def _onnxruntime(x: Matrix, weights: list[Matrix], threads: int, _: ExitStack) -> Candidate:
    """MatMul with constant weights, which the runtime packs at load; input and outputs stay where they are."""
    onnxruntime = import_runtime()
    session = make_session(_matmul_graph(x, weights), threads)
    binding = session.io_binding()
    place = onnxruntime.OrtValue.ortvalue_from_numpy
    outputs = [place(np.empty((len(x), w.shape[1]), np.float32)) for w in weights]
    binding.bind_ortvalue_input("x", place(x))
    for index, output in enumerate(outputs):
        binding.bind_ortvalue_output(f"y{index}", output)

    def call() -> list[Any]:
        session.run_with_iobinding(binding)
        return outputs

    return call


def _matmul_graph(x: Matrix, weights: list[Matrix]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    from ecg2lab_export.graphs.builder import IR_VERSION, OPSET

    def value(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", f"w{i}"], [f"y{i}"]) for i in range(len(weights))],
        "floor",
        [value("x", x.shape)],
        [value(f"y{i}", (len(x), w.shape[1])) for i, w in enumerate(weights)],
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


def _torch(x: Matrix, weights: list[Matrix], threads: int, undo: ExitStack) -> Candidate:
    """PyTorch's oneDNN, weights packed once."""
    if util.find_spec("torch") is None:
        raise LeftOut("torch is not installed")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch loads: idle helpers sleep
    import torch

    undo.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        raise LeftOut("this torch was built without oneDNN")
    try:
        # The operators that torch.compile itself uses for a linear layer with frozen weights; they are not public.
        pack, linear = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
        signal = torch.from_numpy(x)
        packed = [pack(torch.from_numpy(np.ascontiguousarray(w.T)), len(x)) for w in weights]
        linear(signal, packed[0], None, "none", [], "")
    except (AttributeError, RuntimeError):
        raise LeftOut(f"torch {torch.__version__} has no packed oneDNN product") from None

    def call() -> list[Any]:
        return [linear(signal, weight, None, "none", [], "") for weight in packed]

    return call


_CANDIDATES: dict[str, Callable[[Matrix, list[Matrix], int, ExitStack], Candidate]] = {
    "ONNX Runtime": _onnxruntime,
    "NumPy BLAS": _numpy,
    "torch oneDNN": _torch,
}
