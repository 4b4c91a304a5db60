"""A small builder for ONNX graphs: constants by value, nodes by operator, names made up on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
"""The first with LayerNormalization; ONNX Runtime reads it since 1.12 (2022)."""
IR_VERSION = 8
"""That of opset 17, so that a runtime of that age accepts the file."""
_ELEMENT = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


class GraphBuilder:
    """Collects nodes and constants; a value is handled by its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def input(self, name: str, dtype: str, shape: Sequence[int | str]) -> str:
        """Declare an input; a string in the shape is a free dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, _ELEMENT[dtype], shape))
        return name

    def constant(self, value: NDArray[Any] | Sequence[int] | float, dtype: str = "float32") -> str:
        """Store a constant, rounded once; equal constants are stored once."""
        array = np.ascontiguousarray(value, dtype=dtype).reshape(np.shape(value))
        name = f"c{len(self._constants)}"
        known = self._names.setdefault((dtype, array.shape, array.tobytes()), name)
        if known == name:
            self._constants.append(numpy_helper.from_array(array, name))
        return known

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Append a node; returns the name of its output, or a tuple of names."""
        names = [f"v{self._count + i}" for i in range(outputs)]
        self._count += outputs
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else tuple(names)

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Reshape; 0 copies a dimension, one -1 is inferred."""
        return str(self.add("Reshape", value, self.constant(shape, "int64")))

    def finish(self, name: str, output: str, shape: Sequence[int | str], doc: str) -> onnx.ModelProto:
        """Close the graph with its one output, and check it."""
        self._nodes.append(helper.make_node("Identity", [output], [name]))
        result = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "ecg2lab", self._inputs, [result], self._constants, doc_string=doc)
        model = helper.make_model(
            graph,
            producer_name="ecg2lab",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model, full_check=True)
        return model
