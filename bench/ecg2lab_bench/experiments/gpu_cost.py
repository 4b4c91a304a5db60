"""When a GPU is worth it: the work of the window graph, counted, beside the time that the native engine takes here.

`python -m ecg2lab_bench.experiments gpu-cost`. A GPU launches each kernel of the graph, then computes: with K kernels
of t each, F operations a window and a rate R it takes about K·t + B·F/R for B windows. No GPU is asked; what is printed
is how much a launch may cost for the GPU to be as fast as one core of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import numpy as np
import onnx
import typer

from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab_bench.measuring import models, workload
from ecg2lab_bench.measuring.models import LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.timing import Subject, timings
from ecg2lab_bench.report.page import markdown_table, table

BATCHES = (1, 4, 16, 64)
RATES_TFLOPS = (0.5, 5.0)
"""Of products in fp32: a cart's integrated graphics, and a desktop's or a Jetson's GPU, as assumed."""
_BUDGET_S = 40.0
_NO_KERNEL = ("Constant", "Identity", "Reshape")


class Work(NamedTuple):
    """Of a window graph."""

    kernels: int
    """Nodes that compute or move; a provider may fuse some."""
    mflop: float
    """Of its matrix products, a window."""
    weights_mb: float
    window_kb: float
    """That go to the GPU and back, a window."""


def main() -> None:
    """Print both tables in Markdown."""
    with ExitStack() as undo:
        loaded = models.load(Plan(), undo)
        subjects = [subject for model in loaded for subject in _subjects(model)]
        taken = timings(subjects, _BUDGET_S)
        works = {model.key: count(model.bundle) for model in loaded}
    rows = [
        (key, str(work.kernels), f"{work.mflop:.0f}", f"{work.weights_mb:.1f}", f"{work.window_kb:.1f}")
        for key, work in works.items()
    ]
    typer.echo(markdown_table(table(("model", "kernels", "MFLOP a window", "graph, MB", "a window, kB"), rows)))
    rates = [f"launch at {rate} TFLOP/s, µs" for rate in RATES_TFLOPS]
    lines: list[tuple[str, ...]] = []
    for subject, timing in zip(subjects, taken, strict=True):
        key = str(subject.model)
        even = _break_even(works[key], subject.batch, timing.p50_ms)
        lines.append((key, str(subject.batch), f"{timing.p50_ms:.2f}", *even))
    typer.echo("\n" + markdown_table(table(("model", "windows", "native, ms", *rates), lines)))


def count(bundle: Bundle) -> Work:
    """The work of one window, from the graph itself."""
    model = onnx.load_from_string(bundle.member(WINDOW_GRAPH))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        sizes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        assert all(sizes[value.name]), f"the size of {value.name} is not known"
    # A product's operations: twice its outputs times what is summed for each.
    flop = sum(
        2.0 * np.prod(sizes[node.output[0]]) * _summed(node, sizes)
        for node in graph.node
        if node.op_type in ("MatMul", "Gemm")
    )
    moved = sum(4 * np.prod(sizes[value.name]) for value in (*graph.input, *graph.output))
    return Work(
        kernels=sum(node.op_type not in _NO_KERNEL for node in graph.node),
        mflop=float(flop) / 1e6,
        weights_mb=len(bundle.member(WINDOW_GRAPH)) / 1e6,
        window_kb=float(moved) / 1e3,
    )


def _summed(node: onnx.NodeProto, sizes: dict[str, tuple[int, ...]]) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return sizes[node.input[0]][0 if transposed else -1]


def _subjects(model: LoadedModel) -> Iterator[Subject]:
    for batch in BATCHES:
        inputs = workload.network_inputs(model.bundle.contract, batch)
        yield Subject(model.key, "bare", "native", batch, partial(model.engine.run, *inputs))


def _break_even(work: Work, batch: int, native_ms: float) -> Iterator[str]:
    """What a launch may cost; below nothing, the GPU computes longer than the CPU."""
    for rate in RATES_TFLOPS:
        left_ms = native_ms - batch * work.mflop / (rate * 1e6) * 1e3
        yield f"{1e3 * left_ms / work.kernels:.1f}" if left_ms > 0 else "never"
