"""The dense products in 8-bit integers."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from ecg2lab_export.graphs.editor import GraphEditor
from ecg2lab_export.graphs.graph_pass import GraphPass, PassError
from ecg2lab_export.precision.passes.products import (
    Product,
    find_gated_products,
    product_replacements,
    reduced_products,
    require_gelu,
)

OFFSET = 0.17
"""Above the depth of GELU, whose minimum is -0.16997 at -0.75179."""
_LARGEST_WEIGHT, _LARGEST_ACTIVATION = 127, 255


class IntegerProducts(GraphPass):
    """Weights in 8 bits for each output channel, activations in 8 bits for each row, sums in 32 bits.

    1. Weight: w ≈ t·v with v in -127 … 127 and t = max|w| / 127 for each output channel; a channel of zeros has t = 1.
    2. Activation: GELU is never below -0.17, so y + 0.17 ≈ s·q with q in 0 … 255 and s = max(y + 0.17) / 255 for each
       row, which is one moment of one window. No zero point is needed.
    3. y·w = s·t·(q·v) - 0.17·Σ t·v. The last term is a constant of the channel and goes into the bias.
    4. Value and gate share the quantised activation.

    A scale of its own for each row keeps the answer for a window independent of what else is in its batch, which one
    scale for the tensor (DynamicQuantizeLinear) does not, and halves the largest error. Static ranges (QuantizeLinear
    and DequantizeLinear with percentiles) clip what calibration has not seen, and ONNX Runtime turns them back into
    float32 products. Weights are signed: with unsigned ones ONNX Runtime is as slow as in float32.
    """

    def require(self, model: onnx.ModelProto) -> None:
        """Every layer is a pair of products after a GELU."""
        for pair in find_gated_products(model):
            require_gelu(model, pair)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace both products of each layer."""
        pairs = find_gated_products(model)
        return GraphEditor(model).replace(product_replacements(pairs, _quantise_activation, _multiply))

    def ensure(self, changed: onnx.ModelProto) -> None:
        """All products are integer products of 8-bit weights."""
        constants = {tensor.name: tensor.data_type for tensor in changed.graph.initializer}
        products = reduced_products(changed)
        if any(x.op_type != "MatMulInteger" or constants[x.input[1]] != TensorProto.INT8 for x in products):
            raise PassError("a product is not int8")


def quantise_weight(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rule 1.

    Parameters
    ----------
    weight
        (I O).

    Returns
    -------
    quantised
        (I O), within ±127.
    scale
        (O).
    """
    largest = np.abs(weight).max(axis=0)
    scale = np.where(largest > 0, largest / np.float32(_LARGEST_WEIGHT), np.float32(1)).astype(np.float32)
    quantised = np.clip(np.rint(weight / scale), -_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int8)
    return quantised, scale


def _quantise_activation(editor: GraphEditor, activation: str) -> None:
    """Rule 2: `….quantised` (B·L H) uint8 and `….scale` (B·L 1)."""
    offset = editor.constant(np.float32(OFFSET), "int8.offset")
    steps = editor.constant(np.float32(1 / _LARGEST_ACTIVATION), "int8.step")
    shifted = editor.add("Add", activation, offset, output=f"{activation}.shifted")
    largest = editor.add("ReduceMax", shifted, output=f"{activation}.largest", axes=[1], keepdims=0)
    scale = editor.add("Mul", largest, steps, output=f"{activation}.row_scale")
    editor.add("QuantizeLinear", shifted, scale, output=f"{activation}.quantised", axis=0)
    last = editor.constant(np.array([1]), "int8.last_axis")
    editor.add("Unsqueeze", scale, last, output=f"{activation}.scale")


def _multiply(editor: GraphEditor, product: Product) -> None:
    """Rule 3."""
    name, activation = product.name, product.node.input[0]
    quantised, scale = quantise_weight(product.weight)
    shift = np.float64(np.float32(OFFSET)) * (quantised * scale.astype(np.float64)).sum(axis=0)
    bias = editor.constant((product.bias - shift).astype(np.float32), f"{name}.bias")
    weight = editor.constant(quantised, f"{name}.weight")
    sums = editor.add("MatMulInteger", f"{activation}.quantised", weight, output=f"{name}.sums", name=name)
    y = editor.cast(sums, TensorProto.FLOAT, f"{name}.sums.float")
    # One scale after the other: their product first, and ONNX Runtime takes the scale of the rows for a scalar.
    y = editor.add("Mul", y, f"{activation}.scale", output=f"{name}.by_row")
    y = editor.add("Mul", y, editor.constant(scale, f"{name}.scale"), output=f"{name}.by_channel")
    editor.add("Add", y, bias, output=product.node.output[0])
