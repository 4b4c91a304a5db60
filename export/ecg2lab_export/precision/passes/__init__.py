"""Passes over the window graph: the dense products of its layers in a reduced precision.

Only these products are reduced. Recurrence or spectral products, LayerNorm, residual, encoder, static branch and head
stay float32: the products hold most of the arithmetic, and the state of a recurrence loses digits at every step.
"""

from __future__ import annotations

import onnx

from ecg2lab.bundle import ReducedPrecision
from ecg2lab_export.graphs.graph_pass import GraphPass
from ecg2lab_export.precision.passes.half import HalfProducts
from ecg2lab_export.precision.passes.half_emulation import HalfEmulation
from ecg2lab_export.precision.passes.integer import IntegerProducts
from ecg2lab_export.precision.passes.rounded import RoundedProducts

_PASSES: dict[ReducedPrecision, GraphPass] = {
    "fp16": HalfProducts(),
    "bf16": RoundedProducts(),
    "int8": IntegerProducts(),
}


def reduce_precision(model: onnx.ModelProto, precision: ReducedPrecision) -> onnx.ModelProto:
    """Reduce the dense products of a float32 window graph.

    Parameters
    ----------
    model
        The window graph; left as it is.
    precision
        Of the products.

    Returns
    -------
    ModelProto
        A new model with the same inputs and outputs; equal models give equal bytes.

    Raises
    ------
    ParityError
        If a weight is beyond the range of the precision.
    PassError
        If the graph is not one of ours.
    """
    return _PASSES[precision](model)


def as_computed_on_devices(model: onnx.ModelProto, precision: ReducedPrecision) -> onnx.ModelProto:
    """Of a reduced graph, the form whose results on a CPU are those of a device that has the precision.

    ONNX Runtime computes float16 on most CPUs in float32 and leaves the rounding of activations out (seen from 1.18 to
    1.32), so it would flatter that precision; the others are computed as they are written.
    """
    return HalfEmulation()(model) if precision == "fp16" else model
