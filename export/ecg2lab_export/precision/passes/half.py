"""The dense products, with their gate, in float16."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from ecg2lab.errors import ParityError
from ecg2lab_export.graphs.editor import GraphEditor
from ecg2lab_export.graphs.graph_pass import GraphPass, PassError
from ecg2lab_export.precision.passes.products import (
    Product,
    find_gated_products,
    product_replacements,
    reduced_products,
)

LARGEST = float(np.finfo(np.float16).max)


class HalfProducts(GraphPass):
    """Float16 from the activation to the product with the gate, strongly typed.

    1. The activation is converted once, for value and gate; GELU stays float32, where its cancellation is harmless.
    2. Weights and bias are stored in float16, rounded to nearest; one beyond the range of float16 is refused.
    3. Sigmoid and multiplication are float16 too: they cost no accuracy that the products have not lost already, and
       one conversion back is enough.
    4. The residual sum and everything after it are float32.

    An activation beyond 65504 becomes infinite; nothing is clamped, so that the gate sees it and refuses.
    """

    def require(self, model: onnx.ModelProto) -> None:
        """Every layer is a pair of float32 products in the range of float16."""
        for pair in find_gated_products(model):
            for product in pair.products:
                _require_range(product)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace products, sigmoid and multiplication of each layer."""
        pairs = find_gated_products(model)
        gates = {pair.output.output[0]: _gate for pair in pairs}
        return GraphEditor(model).replace({**product_replacements(pairs, _convert, _multiply), **gates})

    def ensure(self, changed: onnx.ModelProto) -> None:
        """All weights of the products are float16."""
        constants = {tensor.name: tensor.data_type for tensor in changed.graph.initializer}
        if any(constants[name] != TensorProto.FLOAT16 for x in reduced_products(changed) for name in x.input[1:]):
            raise PassError("a product is not float16")


def _require_range(product: Product) -> None:
    largest = max(float(np.abs(product.weight).max()), float(np.abs(product.bias).max()))
    if not largest <= LARGEST:
        raise ParityError(
            f"{product.name}: a weight of {largest:.3g} is beyond float16, which ends at {LARGEST:g}; use bf16 or fp32"
        )


def _convert(editor: GraphEditor, activation: str) -> None:
    editor.cast(activation, TensorProto.FLOAT16, f"{activation}.half")  # rule 1


def _multiply(editor: GraphEditor, product: Product) -> None:
    weight = editor.constant(product.weight.astype(np.float16), f"{product.name}.weight")  # rule 2
    bias = editor.constant(product.bias.astype(np.float16), f"{product.name}.bias")
    node = product.node
    editor.add("Gemm", f"{node.input[0]}.half", weight, bias, output=node.output[0], name=node.name)


def _gate(editor: GraphEditor, node: onnx.NodeProto) -> None:
    narrow = editor.add("Mul", *node.input, output=f"{node.output[0]}.half", name=node.name)  # rule 3
    editor.cast(narrow, TensorProto.FLOAT, node.output[0])  # rule 4


def half_constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Constants of a graph that are stored in float16, by name."""
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT16
    }
