"""The dense products with operands in bfloat16."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from ecg2lab.errors import ParityError
from ecg2lab_export.graphs.editor import GraphEditor
from ecg2lab_export.graphs.graph_pass import GraphPass, PassError
from ecg2lab_export.precision.passes.products import (
    Product,
    find_gated_products,
    product_replacements,
    reduced_products,
)


class RoundedProducts(GraphPass):
    """What hardware with bfloat16 operands and float32 sums computes, in operators that every runtime has.

    1. The activation is rounded to bfloat16 once, for value and gate, and goes on as float32.
    2. Weights are stored in bfloat16, half the size, and converted when the runtime loads them.
    3. The product of two bfloat16 numbers is exact in float32, so a float32 Gemm of rounded operands gives what
       AVX512_BF16, AMX and Arm BFMMLA give, but for the order of summation.
    4. The bias is added to the float32 sum, and stays float32.

    A Gemm between bfloat16 tensors would say the same in fewer nodes, but ONNX Runtime has none on a CPU
    (NOT_IMPLEMENTED from 1.18 to 1.32).
    """

    def require(self, model: onnx.ModelProto) -> None:
        """Every layer is a pair of products whose weights do not overflow when rounded."""
        for pair in find_gated_products(model):
            for product in pair.products:
                if not np.isfinite(_rounded(product.weight).astype(np.float32)).all():
                    raise ParityError(f"{product.name}: a weight is beyond the range of bfloat16; use fp32")

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace both products of each layer."""
        return GraphEditor(model).replace(product_replacements(find_gated_products(model), _round, _multiply))

    def ensure(self, changed: onnx.ModelProto) -> None:
        """Each product takes converted bfloat16 weights."""
        short = {tensor.name for tensor in changed.graph.initializer if tensor.data_type == TensorProto.BFLOAT16}
        converted = {node.output[0] for node in changed.graph.node if node.op_type == "Cast" and node.input[0] in short}
        if any(node.input[1] not in converted for node in reduced_products(changed)):
            raise PassError("a product's weights are not bfloat16")


def _rounded(value: np.ndarray) -> np.ndarray:
    """To bfloat16, nearest, ties to even."""
    with np.errstate(over="ignore"):
        return np.asarray(value.astype(helper.tensor_dtype_to_np_dtype(TensorProto.BFLOAT16)))


def _round(editor: GraphEditor, activation: str) -> None:
    editor.rounded(activation, TensorProto.BFLOAT16, f"{activation}.rounded")  # rule 1


def _multiply(editor: GraphEditor, product: Product) -> None:
    node = product.node
    short = editor.constant(_rounded(product.weight), f"{node.name}.weight")  # rule 2
    weight = editor.cast(short, TensorProto.FLOAT, f"{node.name}.weight.wide")
    inputs = f"{node.input[0]}.rounded", weight, node.input[2]
    editor.add("Gemm", *inputs, output=node.output[0], name=node.name)  # rules 3 and 4
