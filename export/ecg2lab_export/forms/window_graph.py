"""The whole network over one window as an ONNX graph: static window, free batch, standard operators only.

There are two forms of its convolutions, and a guess which of them is the faster.

Glossary: B batch, L window, H channels, n targets, F features; shapes in comments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import onnx

from ecg2lab_export.forms import recurrent, spectral
from ecg2lab_export.forms.network_graph import add_encoder, add_head, add_mixing
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.fusion import FusionNetwork, S4Layer

Form = Literal["spectral", "recurrent"]
Convolution = Callable[[GraphBuilder, str, S4Layer], str]
"""Appends y = conv(u, k) + D·u of a layer, u given by its name, to a graph: (B·L, H) → (B·L, H)."""

FORMS: dict[Form, Convolution] = {"spectral": spectral.add_spectral, "recurrent": recurrent.add_recurrence}
_COST_OF_A_RECURRENT_MULTIPLICATION = 5.5
"""Against one of the spectral form, on ONNX Runtime: its products are tiny, one per channel, and turn the activations
around. Over 25 sizes the choice so made costs 7 % of time at worst (experiment `form-choice` of the laboratory)."""


def by_speed(network: FusionNetwork) -> tuple[Form, ...]:
    """All forms, the one first that is expected to be faster for this window and state size."""
    window, states = network.window, max(layer.realisation.states for layer in network.layers)
    directions = 1 if network.causal else 2
    chunks = _COST_OF_A_RECURRENT_MULTIPLICATION * recurrent.multiplications(window, states, directions)
    first: Form = "spectral" if spectral.plan_for(window).multiplications <= chunks else "recurrent"
    return (first, *(form for form in FORMS if form != first))


def build(network: FusionNetwork, form: Form) -> onnx.ModelProto:
    """Build the graph `(signal, continuous, categorical) → (logits, features)`.

    Parameters
    ----------
    network
        Parameters.
    form
        Of the convolutions.

    Returns
    -------
    ModelProto
        Inputs (B leads L) float32, (B features) float32, (B categories) int64; outputs (B n) and (B F)
        float32.
    """
    return build_with(network, FORMS[form], form)


def build_with(network: FusionNetwork, convolution: Convolution, form: str) -> onnx.ModelProto:
    """`build` with a convolution of the caller's, which `form` describes."""
    graph = GraphBuilder()
    x = add_encoder(graph, network, network.window)  # (B·L H)
    for index, layer in enumerate(network.layers):
        x = add_mixing(graph, x, convolution(graph, x, layer), layer, f"layers.{index}")
    outputs = add_head(graph, _mean_over_time(graph, x, network), network)
    return graph.finish(outputs, f"S4 fusion network, {form} form, window {network.window}")


def build_convolution(layer: S4Layer, form: Form) -> onnx.ModelProto:
    """The convolution of one layer alone, `u → y` of shape (B·L H): for proving its kernel."""
    graph = GraphBuilder()
    shape = ("rows", layer.d.size)
    u = graph.input("u", "float32", shape)
    return graph.finish({"y": (FORMS[form](graph, u, layer), shape)}, "one S4 layer")


def _mean_over_time(graph: GraphBuilder, x: str, network: FusionNetwork) -> str:
    """(B·L H) → (B H), as a product with a constant row: at batch 1 faster than a reduction over a middle axis."""
    by_window = graph.reshape(x, (-1, network.window, network.hidden))
    row = graph.constant(np.full((1, network.window), 1 / network.window))
    return graph.reshape(graph.add("MatMul", row, by_window), (-1, network.hidden))
