"""Convolutions for window graphs that a bundle never has: what people export today, and none at all.

Glossary: B batch, L window, H channels; shapes in comments.
"""

from __future__ import annotations

import numpy as np

from ecg2lab.proof.kernels import two_sided
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.fusion import S4Layer


def add_depthwise(graph: GraphBuilder, u: str, layer: S4Layer) -> str:
    """Append y = conv(u, k) + D·u as one depthwise Conv: 2L-1 taps, or L if the layer is causal.

    It is how a kernel that was computed once is exported without further thought. All around it is our own graph, so a
    plain export of the whole network can only be slower.

    Parameters
    ----------
    graph
        To append to.
    u
        (B·L, H).
    layer
        Of which the convolution is wanted.

    Returns
    -------
    str
        (B·L, H).
    """
    window, channels = layer.system.length, layer.d.size
    ahead = 0 if layer.system.directions == 1 else window - 1
    lags = two_sided(layer.kernel, layer.d)[window - 1 - ahead :]  # lag -ahead first
    taps = np.swapaxes(lags[::-1], 0, 1)[:, None, :]  # the operator correlates, so the largest lag comes first
    x = graph.reshape(u, (-1, window, channels))  # (B L H)
    x = graph.add("Transpose", x, perm=(0, 2, 1))  # (B H L)
    x = graph.add("Conv", x, graph.constant(taps), group=channels, pads=(window - 1, ahead))
    return graph.reshape(graph.add("Transpose", x, perm=(0, 2, 1)), (-1, channels))  # (B·L H)


def add_nothing(graph: GraphBuilder, u: str, layer: S4Layer) -> str:
    """Leave the convolution out: what remains is what any form of it is paid on top of."""
    del graph, layer
    return u
