"""A small builder for ONNX graphs: constants by value, nodes by operator, names made up on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ecg2lab._native import _core

OPSET = _core.opset
"""17: the first with LayerNormalization; ONNX Runtime reads it since 1.12 (2022)."""
IR_VERSION = _core.ir_version
"""8: that of opset 17, so that a runtime of that age accepts the file."""
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
        stored = self._names.setdefault((dtype, array.shape, array.tobytes()), name)
        if stored == name:
            self._constants.append(numpy_helper.from_array(array, name))
        return stored

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Append a node with one output; returns the output's name. Named nodes are found again by passes."""
        output = f"v{self._count}"
        self._count += 1
        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        return output

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Reshape; 0 copies a dimension, one -1 is inferred."""
        return self.add("Reshape", value, self.constant(shape, "int64"))

    def pad(self, rows: str, length: int, width: int, padding: int) -> str:
        """Append zeros to each of B sequences of rows: (B·L W) → (B L+padding W); without padding nothing is done."""
        if not padding:
            return rows
        sequences = self.reshape(rows, (-1, length, width))
        return self.add("Pad", sequences, self.constant((0, 0, 0, 0, padding, 0), "int64"))

    def crop(self, value: str, length: int, width: int, padding: int) -> str:
        """Undo `pad`: B sequences in any shape → (B·L W)."""
        if padding:
            value = self.reshape(value, (-1, length + padding, width))
            value = self.add("Slice", value, *(self.constant((x,), "int64") for x in (0, length, 1)))
        return self.reshape(value, (-1, width))

    def finish(self, outputs: Mapping[str, tuple[str, Sequence[int | str]]], doc: str) -> onnx.ModelProto:
        """Close the graph and check it; `outputs` names values and gives their shapes."""
        for name, (value, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, (_, shape) in outputs.items()]
        graph = helper.make_graph(self._nodes, "ecg2lab", self._inputs, results, self._constants, doc_string=doc)
        model = helper.make_model(
            graph,
            producer_name="ecg2lab",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def require_portable(model: onnx.ModelProto, most_samples: int = 0) -> onnx.ModelProto:
    """Make sure of what every reader of bundles asks of a graph, before it is proved; returns it.

    Parameters
    ----------
    model
        To be put into a bundle.
    most_samples
        That a step graph takes; 0: it is a window graph.

    Raises
    ------
    ValueError
        Naming what is not on the readers' list: a fault of the builder, not of its input.
    """
    try:
        _core.check_graph(model.SerializeToString(), most_samples)
    except ValueError as error:
        raise ValueError(f"the graph {error}") from None
    return model
