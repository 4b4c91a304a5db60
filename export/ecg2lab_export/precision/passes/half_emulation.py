"""A float16 graph in float32 arithmetic, rounded wherever a device rounds."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from ecg2lab_export.graphs.editor import GraphEditor, Replacement
from ecg2lab_export.graphs.graph_pass import GraphPass, PassError
from ecg2lab_export.precision.passes.half import half_constants


class HalfEmulation(GraphPass):
    """The values of a strongly typed float16 graph, computed by a CPU that has no float16.

    1. A constant in float16 becomes float32 with the same value.
    2. A conversion to float16 is followed by one back to float32.
    3. An operation between float16 values is computed in float32, as devices accumulate, and its result is rounded.
    4. A conversion back to float32 has nothing left to do.

    The product of two float16 numbers is exact in float32, so what remains is the order of summation.
    """

    def require(self, model: onnx.ModelProto) -> None:
        """There is something in float16."""
        if not half_constants(model):
            raise PassError("the graph has nothing in float16")

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace each operation that has a float16 result."""
        narrow = set(half_constants(model))
        replacements: dict[str, Replacement] = {}
        for node in model.graph.node:  # in topological order, so that inputs are classified before they are met
            takes_narrow = any(name in narrow for name in node.input)
            if node.op_type == "Cast" and helper.get_node_attr_value(node, "to") == TensorProto.FLOAT16:
                replacements[node.output[0]] = _round_input
                narrow.add(node.output[0])
            elif takes_narrow and node.op_type == "Cast":
                replacements[node.output[0]] = _pass_on
            elif takes_narrow:
                replacements[node.output[0]] = _round_result
                narrow.add(node.output[0])
        editor = GraphEditor(model)
        for name, value in half_constants(model).items():
            editor.constant(value.astype(np.float32), name)  # rule 1
        return editor.replace(replacements)

    def ensure(self, changed: onnx.ModelProto) -> None:
        """No constant is left in float16."""
        if half_constants(changed):
            raise PassError("a constant is still in float16")


def _round_input(editor: GraphEditor, node: onnx.NodeProto) -> None:
    editor.rounded(node.input[0], TensorProto.FLOAT16, node.output[0])  # rule 2


def _pass_on(editor: GraphEditor, node: onnx.NodeProto) -> None:
    editor.add("Identity", node.input[0], output=node.output[0])  # rule 4


def _round_result(editor: GraphEditor, node: onnx.NodeProto) -> None:
    wide = editor.add(node.op_type, *node.input, output=f"{node.output[0]}.wide", name=node.name)  # rule 3
    editor.rounded(wide, TensorProto.FLOAT16, node.output[0])
