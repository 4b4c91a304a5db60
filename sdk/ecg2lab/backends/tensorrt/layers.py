"""What became of the graph: layers of an engine, counted from the listing that TensorRT's engine inspector prints.

One line a layer, `Name: …, LayerType: …, Inputs: […], …, Outputs: [ { …, Datatype: Half, … }], …, Metadata: [ONNX
Layer: a][ONNX Layer: b]`; in TensorRT 10 the type stands in `Format/Datatype: Row major linear FP16 format`. TensorRT
for RTX logs the same listing while it builds, so that it can be had where no GPU is.
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


def summarise(listing: str) -> LayerSummary | None:
    """Count the layers of a listing (`LayerInformationFormat.ONELINE`, detailed profiling verbosity).

    None if there is no layer in it, as when a version prints another form.
    """
    lines = [line for line in listing.splitlines() if line.startswith("Name: ") and "LayerType: " in line]
    if not lines:
        return None
    nodes = [set(re.findall(r"\[ONNX Layer: ([^\]]*)\]", line)) for line in lines]
    kinds = Counter(re.findall(r"LayerType: ([^,]*)", line)[0] for line in lines)
    return LayerSummary(
        layers=len(lines),
        fused=sum(len(names) > 1 for names in nodes),
        nodes=len(set().union(*nodes)),
        kinds=dict(kinds.most_common()),
        precisions=dict(Counter(filter(None, map(_precision, lines))).most_common()),
    )


def _precision(line: str) -> str | None:
    """Of the first output of a layer."""
    _, _, outputs = line.partition("Outputs: [")
    first = re.match(r"[^}]*?Datatype: ([^},]*)", outputs)
    if first is None:
        return None
    words = first[1].split()
    return next((name for name, spellings in _TYPES.items() if set(spellings) & set(words)), first[1].strip())
