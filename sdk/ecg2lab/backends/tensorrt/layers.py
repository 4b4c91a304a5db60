"""What became of the graph: layers of an engine, read from the listing that TensorRT's engine inspector prints.

One line a layer, `Name: …, LayerType: …, Inputs: […], Constants: […], Outputs: [ { …, Datatype: Half, … }], …,
Metadata: [ONNX Layer: a][ONNX Layer: b]`; TensorRT 10 lists no constants, and the type stands in `Format/Datatype: Row
major linear FP16 format`. TensorRT for RTX logs the same while it builds, so that it can be had where no GPU is.
"""

from __future__ import annotations

import re
from collections import Counter

import msgspec

_TYPES = {
    "fp32": ("Float", "FP32"),
    "fp16": ("Half", "FP16"),
    "bf16": ("BFloat16", "BF16"),
    "int8": ("Int8", "INT8"),
    "int32": ("Int32", "INT32"),
    "int64": ("Int64", "INT64"),
    "bool": ("Bool", "BOOL"),
}


_PARTS = re.compile(r", (LayerType|Inputs|Constants|Outputs|TacticName|Metadata): ")


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer; types are those of its tensors, in order."""

    name: str
    """TensorRT's own; that of a generated kernel spells what it does: `__myl_FcDivErfAddMulMul_myl0_10`."""
    kind: str
    """TensorRT's own, too: `gemm`, `kgen` …"""
    nodes: tuple[str, ...]
    """Nodes of the graph that it computes, or a part of; a node without a name is called `node_of_` its output."""
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]


class LayerSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over the layers of an engine."""

    layers: int
    fused: int
    """Layers that compute more than one node of the graph."""
    nodes: int
    """Nodes of the graph that the layers name; what was folded into constants is in none."""
    kinds: dict[str, int]
    """Layers by TensorRT's own type, the most frequent first."""
    precisions: dict[str, int]
    """Layers by the type of their first output; a layer without output is not counted."""
    each: tuple[Layer, ...] = ()
    """In the order in which they run; records of 0.1.0 have none."""


def summarise(listing: str) -> LayerSummary | None:
    """Read the layers of a listing (`LayerInformationFormat.ONELINE`, detailed profiling verbosity).

    None if there is no layer in it, as when a version prints another form.
    """
    lines = [line for line in listing.splitlines() if line.startswith("Name: ") and "LayerType: " in line]
    layers = tuple(map(_layer, lines))
    if not layers:
        return None
    return LayerSummary(
        layers=len(layers),
        fused=sum(len(layer.nodes) > 1 for layer in layers),
        nodes=len({node for layer in layers for node in layer.nodes}),
        kinds=dict(Counter(layer.kind for layer in layers).most_common()),
        precisions=dict(Counter(layer.outputs[0] for layer in layers if layer.outputs).most_common()),
        each=layers,
    )


def _layer(line: str) -> Layer:
    name, *rest = _PARTS.split(line.removeprefix("Name: "))
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    return Layer(
        name=name,
        kind=parts["LayerType"],
        nodes=tuple(dict.fromkeys(re.findall(r"\[ONNX Layer: ([^\]]*)\]", line))),
        inputs=_types(parts.get("Inputs", "")),
        constants=_types(parts.get("Constants", "")),
        outputs=_types(parts.get("Outputs", "")),
    )


def _types(tensors: str) -> tuple[str, ...]:
    return tuple(map(_type, re.findall(r"Datatype: ([^,}]*)", tensors)))


def _type(described: str) -> str:
    words = set(described.split())
    return next((name for name, spellings in _TYPES.items() if words & set(spellings)), described.strip())
