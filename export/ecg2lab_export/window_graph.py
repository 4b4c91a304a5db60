"""The whole network over one window as an ONNX graph: static window, free batch, standard operators only.

Glossary: B batch, L window, H channels, E width of the static branch, n targets; shapes in comments.
"""

from __future__ import annotations

import math

import numpy as np
import onnx

from ecg2lab.backends.onnxruntime import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab_export.graph import GraphBuilder
from ecg2lab_export.network import NORM_EPSILON, Network, S4Layer
from ecg2lab_export.realisation import Realisation
from ecg2lab_export.recurrent import add_recurrence


def build(network: Network, systems: tuple[Realisation, ...]) -> onnx.ModelProto:
    """Build the graph `(signal, continuous, categorical) → logits`.

    Parameters
    ----------
    network
        Parameters.
    systems
        The realisation of each layer.

    Returns
    -------
    ModelProto
        Inputs (B leads L) float32, (B features) float32, (B categories) int64; output (B n) float32.
    """
    graph = GraphBuilder()
    signal = graph.input(SIGNAL, "float32", ("batch", network.leads, network.window))
    x = _encoder(graph, signal, network)  # (B·L H)
    for layer, system in zip(network.layers, systems, strict=True):
        x = _s4_layer(graph, x, layer, system, network.window)
    pooled = graph.reshape(x, (-1, network.window, network.hidden))
    pooled = graph.add("ReduceMean", pooled, axes=(1,), keepdims=0)  # (B H)
    joined = graph.add("Concat", pooled, _static_branch(graph, network), axis=1)  # (B H+E)
    logits = graph.add("Gemm", joined, graph.constant(network.head_weight.T), graph.constant(network.head_bias))
    doc = f"S4 fusion network, chunked recurrence, window {network.window}"
    return graph.finish(LOGITS, logits, ("batch", network.targets), doc)


def build_convolution(layer: S4Layer, system: Realisation, window: int) -> onnx.ModelProto:
    """The convolution of one layer alone, `u → y` of shape (B·L H): for proving its kernel."""
    graph = GraphBuilder()
    channels = layer.d.size
    u = graph.input("u", "float32", ("rows", channels))
    return graph.finish("y", add_recurrence(graph, u, system, layer.d, window), ("rows", channels), "one S4 layer")


def _encoder(graph: GraphBuilder, signal: str, network: Network) -> str:
    by_time = graph.add("Transpose", signal, perm=(0, 2, 1))  # (B L leads)
    rows = graph.reshape(by_time, (-1, network.leads))  # (B·L leads)
    weight, bias = graph.constant(network.encoder_weight.T), graph.constant(network.encoder_bias)
    return str(graph.add("Gemm", rows, weight, bias))


def _s4_layer(graph: GraphBuilder, x: str, layer: S4Layer, system: Realisation, window: int) -> str:
    """(B·L H) → (B·L H)."""
    y = _gelu(graph, add_recurrence(graph, x, system, layer.d, window))
    value_weight, gate_weight = np.split(layer.output_weight, 2)
    value_bias, gate_bias = np.split(layer.output_bias, 2)
    # GLU as two products: no split of a wide activation, and runtimes fuse the bias into each.
    value = graph.add("Gemm", y, graph.constant(value_weight.T), graph.constant(value_bias))
    gate = graph.add("Gemm", y, graph.constant(gate_weight.T), graph.constant(gate_bias))
    glu = graph.add("Mul", value, graph.add("Sigmoid", gate))
    scale, shift = graph.constant(layer.norm_weight), graph.constant(layer.norm_bias)
    residual = graph.add("Add", x, glu)
    return str(graph.add("LayerNormalization", residual, scale, shift, axis=-1, epsilon=NORM_EPSILON))


def _gelu(graph: GraphBuilder, x: str) -> str:
    """Exact GELU in the pattern that runtimes recognise and fuse; the operator itself came with opset 20."""
    scaled = graph.add("Div", x, graph.constant(math.sqrt(2)))
    phi = graph.add("Add", graph.add("Erf", scaled), graph.constant(1.0))
    return str(graph.add("Mul", graph.add("Mul", x, phi), graph.constant(0.5)))


def _static_branch(graph: GraphBuilder, network: Network) -> str:
    continuous = graph.input(CONTINUOUS, "float32", ("batch", network.continuous_features))
    categorical = graph.input(CATEGORICAL, "int64", ("batch", len(network.embeddings)))
    parts = []
    for index, table in enumerate(network.embeddings):
        code = graph.add("Gather", categorical, graph.constant(index, "int64"), axis=1)  # (B)
        parts.append(graph.add("Gather", graph.constant(table), code, axis=0))
    x = graph.add("Concat", *parts, continuous, axis=1)
    for index, block in enumerate(network.static):
        weight, bias = block.folded()  # BatchNorm is affine at inference
        x = graph.add("Gemm", x, graph.constant(weight.T), graph.constant(bias))
        if index < len(network.static) - 1:
            x = graph.add("Relu", x)
    return str(x)
