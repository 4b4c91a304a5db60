"""What every graph of the network is made of, apart from the convolution of its S4 layers.

Glossary: B batch, L samples, H channels, E width of the static branch, n targets; shapes in comments. Activations are
rows of one time step each, rank 2: runtimes fuse residual, norm and GLU better there than at rank 3.
"""

from __future__ import annotations

import math

import numpy as np

from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.fusion import NORM_EPSILON, FusionNetwork, S4Layer

Shape = tuple[int | str, ...]


def add_encoder(graph: GraphBuilder, network: FusionNetwork, samples: int | str) -> str:
    """Declare the signal (B leads L) and encode it: (B·L H)."""
    signal = graph.input(SIGNAL, "float32", ("batch", network.leads, samples))
    by_time = graph.add("Transpose", signal, perm=(0, 2, 1))  # (B L leads)
    rows = graph.reshape(by_time, (-1, network.leads))  # (B·L leads)
    weight, bias = graph.constant(network.encoder_weight.T), graph.constant(network.encoder_bias)
    return graph.add("Gemm", rows, weight, bias, name="encoder")


def add_mixing(graph: GraphBuilder, x: str, y: str, layer: S4Layer, name: str) -> str:
    """What follows the convolution: GELU, linear, GLU, residual, norm.

    Parameters
    ----------
    graph
        To append to.
    x, y
        (B·L, H): input of the layer, and its convolution.
    layer
        Parameters.
    name
        `layers.i`: the dense products are called `layers.i.value` and `layers.i.gate`, by which passes find them.

    Returns
    -------
    str
        (B·L, H).
    """
    y = _gelu(graph, y)
    value_weight, gate_weight = np.split(layer.output_weight, 2)
    value_bias, gate_bias = np.split(layer.output_bias, 2)
    # GLU as two products: no split of a wide activation, and runtimes fuse the bias into each.
    value = graph.add("Gemm", y, graph.constant(value_weight.T), graph.constant(value_bias), name=f"{name}.value")
    gate = graph.add("Gemm", y, graph.constant(gate_weight.T), graph.constant(gate_bias), name=f"{name}.gate")
    glu = graph.add("Mul", value, graph.add("Sigmoid", gate))
    scale, shift = graph.constant(layer.norm_weight), graph.constant(layer.norm_bias)
    residual = graph.add("Add", x, glu)
    return graph.add("LayerNormalization", residual, scale, shift, axis=-1, epsilon=NORM_EPSILON)


def _gelu(graph: GraphBuilder, x: str) -> str:
    """Exact GELU in the pattern that runtimes recognise and fuse; the operator itself came with opset 20."""
    scaled = graph.add("Div", x, graph.constant(math.sqrt(2)))
    phi = graph.add("Add", graph.add("Erf", scaled), graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, phi), graph.constant(0.5))


def add_head(graph: GraphBuilder, pooled: str, network: FusionNetwork) -> dict[str, tuple[str, Shape]]:
    """Join the pooled series (B H) with the static branch: the graph's outputs, as `GraphBuilder.finish` takes them."""
    features = graph.add("Concat", pooled, _static_branch(graph, network), axis=1)  # (B H+E)
    weight, bias = graph.constant(network.head_weight.T), graph.constant(network.head_bias)
    logits = graph.add("Gemm", features, weight, bias, name="head")
    return {LOGITS: (logits, ("batch", network.targets)), FEATURES: (features, ("batch", network.features))}


def _static_branch(graph: GraphBuilder, network: FusionNetwork) -> str:
    continuous = graph.input(CONTINUOUS, "float32", ("batch", network.continuous_features))
    categorical = graph.input(CATEGORICAL, "int64", ("batch", len(network.embeddings)))
    parts = []
    for index, table in enumerate(network.embeddings):
        code = graph.add("Gather", categorical, graph.constant(index, "int64"), axis=1)  # (B)
        parts.append(graph.add("Gather", graph.constant(table), code, axis=0))
    x = graph.add("Concat", *parts, continuous, axis=1)
    for index, block in enumerate(network.static):
        mean, weight, bias = block.folded()  # BatchNorm is affine at inference
        if mean.any():
            x = graph.add("Sub", x, graph.constant(mean))
        x = graph.add("Gemm", x, graph.constant(weight.T), graph.constant(bias), name=f"static.{index}")
        if index < len(network.static) - 1:
            x = graph.add("Relu", x)
    return x
