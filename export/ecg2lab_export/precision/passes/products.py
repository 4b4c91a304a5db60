"""Finds the dense products of the layers in a window graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from ecg2lab_export.graphs.editor import GraphEditor, Replacement
from ecg2lab_export.graphs.graph_pass import PassError

_NAME = re.compile(r"layers\.(\d+)\.(value|gate)")
_LAYOUT = ("Reshape", "Transpose", "Concat", "Identity")
"""Operators that move numbers without changing them."""
_GELU_DEPTH = 4
"""Nodes from the end of the GELU pattern, Mul(Mul(x, Add(Erf(Div(x)), 1)), 0.5), up to its Erf."""


@dataclass(frozen=True)
class Product:
    """One Gemm: activation · weight + bias."""

    node: onnx.NodeProto
    weight: NDArray[np.float32]  # (H H), inputs first
    bias: NDArray[np.float32]  # (H)

    @property
    def name(self) -> str:
        """Of the node: `layers.0.value`."""
        return str(self.node.name)


@dataclass(frozen=True)
class GatedProducts:
    """Of one layer: value · sigmoid(gate), both from the same activation."""

    value: Product
    gate: Product
    sigmoid: onnx.NodeProto
    output: onnx.NodeProto
    """The multiplication."""

    @property
    def activation(self) -> str:
        """(B·L H), after GELU."""
        return str(self.value.node.input[0])

    @property
    def products(self) -> tuple[Product, Product]:
        """Value and gate."""
        return self.value, self.gate


def find_gated_products(model: onnx.ModelProto) -> tuple[GatedProducts, ...]:
    """In the order of the layers.

    Raises
    ------
    PassError
        If a layer is not `value · sigmoid(gate)` with two Gemm of constant float32 weights, named
        `layers.{i}.value` and `layers.{i}.gate`, over one activation; or if there is no layer.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    products: dict[tuple[int, str], Product] = {}
    for node in model.graph.node:
        match = _NAME.fullmatch(node.name)
        if match:
            products[int(match[1]), match[2]] = _product(node, constants)
    layers = sorted({layer for layer, _ in products})
    if not layers or len(products) != 2 * len(layers):
        raise PassError("the graph has no pairs of Gemm called layers.0.value and layers.0.gate, and so on")
    return tuple(_pair(model, products[layer, "value"], products[layer, "gate"]) for layer in layers)


def product_replacements(
    pairs: tuple[GatedProducts, ...],
    prepare: Callable[[GraphEditor, str], None],
    multiply: Callable[[GraphEditor, Product], None],
) -> dict[str, Replacement]:
    """Replace every product; the activation of a layer, given by its name, is prepared once, before both."""

    def replacement(product: Product) -> Replacement:
        def append(editor: GraphEditor, node: onnx.NodeProto) -> None:
            if node.input[0] not in prepared:
                prepared.add(node.input[0])
                prepare(editor, node.input[0])
            multiply(editor, product)

        return append

    prepared: set[str] = set()
    return {x.node.output[0]: replacement(x) for pair in pairs for x in pair.products}


def reduced_products(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Whatever carries the names of the products, after a pass.

    Raises
    ------
    PassError
        If there is nothing.
    """
    products = [node for node in model.graph.node if _NAME.fullmatch(node.name)]
    if not products:
        raise PassError("the graph has lost its dense products")
    return products


def require_gelu(model: onnx.ModelProto, pair: GatedProducts) -> None:
    """Raise PassError unless the activation is what a GELU gave, moved about at most."""
    producers = {output: node for node in model.graph.node for output in node.output}
    waiting = [pair.activation]
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.op_type in _LAYOUT:
            waiting += node.input[:] if node.op_type == "Concat" else node.input[:1]
        elif node is None or not _ends_gelu(node, producers):
            raise PassError(f"{pair.value.name}: its activation does not come from a GELU")


def _ends_gelu(node: onnx.NodeProto, producers: dict[str, onnx.NodeProto]) -> bool:
    level = [node]
    for _ in range(_GELU_DEPTH):
        if any(x.op_type in ("Erf", "Gelu") for x in level):
            return node.op_type in ("Mul", "Gelu")
        level = [producers[name] for x in level for name in x.input if name in producers]
    return False


def _product(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> Product:
    if node.op_type != "Gemm" or node.attribute or len(node.input) != 3:
        raise PassError(f"{node.name} is no plain Gemm with a bias")
    if not all(name in constants for name in node.input[1:]):
        raise PassError(f"{node.name} has weights that are no constants")
    weight, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
    if weight.dtype != np.float32 or bias.dtype != np.float32 or weight.shape != 2 * bias.shape:
        raise PassError(f"{node.name} is no square float32 product")
    return Product(node, weight, bias)


def _pair(model: onnx.ModelProto, value: Product, gate: Product) -> GatedProducts:
    if value.node.input[0] != gate.node.input[0]:
        raise PassError(f"{value.name} and {gate.name} have different activations")
    sigmoid = _only_consumer(model, gate.node, "Sigmoid")
    output = _only_consumer(model, sigmoid, "Mul")
    if _only_consumer(model, value.node, "Mul").output[0] != output.output[0]:
        raise PassError(f"{value.name} is not multiplied by the sigmoid of {gate.name}")
    return GatedProducts(value, gate, sigmoid, output)


def _only_consumer(model: onnx.ModelProto, node: onnx.NodeProto, operator: str) -> onnx.NodeProto:
    consumers = list(_consumers(model, node.output[0]))
    if len(consumers) != 1 or consumers[0].op_type != operator:
        raise PassError(f"{node.name or node.output[0]} does not go into one {operator} alone")
    return consumers[0]


def _consumers(model: onnx.ModelProto, value: str) -> Iterator[onnx.NodeProto]:
    return (node for node in model.graph.node if value in node.input)
