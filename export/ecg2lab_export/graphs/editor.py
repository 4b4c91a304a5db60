"""Replaces nodes in a copy of a graph, with the constants that they need and without those that nobody needs now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Replacement = Callable[["GraphEditor", onnx.NodeProto], None]
"""Appends what stands in place of a node."""


class GraphEditor:
    """Collects the nodes of the new graph; a value is handled by its name.

    New values are named after the node that they replace, so that equal graphs give equal bytes.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """Start from a copy."""
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        self._constants = {tensor.name: tensor for tensor in self._model.graph.initializer}
        self._nodes: list[onnx.NodeProto] = []

    def replace(self, replacements: dict[str, Replacement]) -> onnx.ModelProto:
        """Walk through the graph in its order, and let the replacements of nodes, by output, append theirs."""
        for node in self._model.graph.node:
            append = replacements.get(node.output[0])
            if append:
                append(self, node)
            else:
                self._nodes.append(node)
        return self._finish()

    def constant(self, value: NDArray[Any], name: str) -> str:
        """Store a constant."""
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        return name

    def add(self, operator: str, *inputs: str, output: str, name: str | None = None, **attributes: Any) -> str:
        """Append a node with one output; returns the output's name."""
        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        return output

    def cast(self, value: str, element: int, output: str) -> str:
        """Append a conversion to an element type of `TensorProto`."""
        return self.add("Cast", value, output=output, to=element)

    def rounded(self, value: str, element: int, output: str) -> str:
        """Append a conversion to a shorter float and back: float32 with that float's values."""
        return self.cast(self.cast(value, element, f"{output}.short"), TensorProto.FLOAT, output)

    def _finish(self) -> onnx.ModelProto:
        graph = self._model.graph
        used = {name for node in self._nodes for name in node.input}
        nodes = [_copy(node) for node in self._nodes]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(nodes)
        graph.initializer.extend(tensor for name, tensor in self._constants.items() if name in used)
        return self._model


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    """Of a node that the deletion of its old list would take along."""
    copied = onnx.NodeProto()
    copied.CopyFrom(node)
    return copied
