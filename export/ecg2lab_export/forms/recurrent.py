"""The S4 convolution as a chunked recurrence in standard ONNX operators.

Glossary: B batch, L window, H channels, R states, T chunk, nc chunks (nc·T ≥ L), D directions; shapes in comments.

Products run per channel, so the channel comes first. The state at the chunk borders is a linear recurrence x_{j+1} =
x_j P + e_j; it is solved for all chunks at once in ⌈log₃(nc - 1)⌉ passes (after Hillis and Steele, CACM 1986): after
pass k every border has gathered the 3ᵏ chunks before it. The number of nodes thus hardly grows with the window.
"""

from __future__ import annotations

import numpy as np

from ecg2lab_export.forms.chunked import ChunkedBlocks, cut
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.dplr import Real
from ecg2lab_export.network.fusion import S4Layer

_CHUNKS_TRIED = range(20, 31)
_RADIX = 3
"""Neighbours gathered in a pass; against 2 it halves the number of tiny products at the price of a few constants."""


def chunk_for(window: int) -> int:
    """T that wastes the fewest padded samples, the one nearest to 25 among equals; a short window is one chunk.

    25 balances the products inside a chunk (growing with T) against those across chunks (falling with T) at N = 8.
    """
    if window < _CHUNKS_TRIED.stop:
        return window
    return min(_CHUNKS_TRIED, key=lambda t: (-window % t, abs(t - 25)))


def multiplications(window: int, states: int, directions: int) -> int:
    """Per channel: T inside a chunk, entering and leaving the states, and gathering them at the borders."""
    chunk = chunk_for(window)
    chunks = -(-window // chunk)
    passes = 0
    while _RADIX**passes < chunks - 1:
        passes += 1
    return window * (chunk + 2 * directions * states) + chunks * directions * passes * _RADIX * states**2


def add_recurrence(graph: GraphBuilder, u: str, layer: S4Layer) -> str:
    """Append the `Convolution` of a layer."""
    window, channels = layer.system.length, layer.d.size
    chunk = chunk_for(window)
    blocks = cut(layer.realisation, layer.d, chunk)
    chunks = -(-window // chunk)
    padding = chunks * chunk - window

    folded = graph.reshape(graph.pad(u, window, channels, padding), (-1, chunk, channels))  # (B·nc T H)
    by_channel = graph.add("Transpose", folded, perm=(2, 0, 1))  # (H B·nc T)
    y = graph.add("MatMul", by_channel, graph.constant(blocks.inside))  # (H B·nc T)
    if chunks > 1:
        y = graph.add("Add", y, _across_chunks(graph, by_channel, blocks, chunks))
    y = graph.add("Transpose", y, perm=(1, 2, 0))  # (B·nc T H)
    return graph.crop(y, window, channels, padding)


def _across_chunks(graph: GraphBuilder, by_channel: str, blocks: ChunkedBlocks, chunks: int) -> str:
    """What a chunk owes to the chunks before it, and after it: (H B·nc T)."""
    channels, _, states = blocks.borders[0].enter.shape
    gathered = []
    for border, step in zip(blocks.borders, (1, -1), strict=False):
        entering = graph.add("MatMul", by_channel, graph.constant(border.enter))  # (H B·nc R)
        entering = graph.reshape(entering, (channels, -1, chunks, states))  # (H B nc R)
        x = _gather(graph, _shift(graph, entering, step, chunks), border.carry, step, chunks)
        gathered.append(graph.reshape(x, (channels, -1, states)))  # (H B·nc R)
    joined = gathered[0] if len(gathered) == 1 else graph.add("Concat", *gathered, axis=2)  # (H B·nc D·R)
    leave = np.concatenate([border.leave for border in blocks.borders], axis=1)  # (H D·R T)
    return graph.add("MatMul", joined, graph.constant(leave))


def _gather(graph: GraphBuilder, x: str, power: Real, step: int, chunks: int) -> str:
    """x_j ← Σ_{i≥0} x_{j - i·step} Pⁱ for all j at once, x being (H B nc R).

    Each pass gathers three neighbours in one product: x ← [x_j, x_{j-d}, x_{j-2d}] · [I; Pᵈ; P²ᵈ].
    """
    transposed = np.swapaxes(power, 1, 2)[:, None]  # row vectors: (H 1 R R)
    distance = 1
    while distance < chunks - 1:  # the first border carries nothing, so nc-1 terms are all there are
        parts, weights = [x], [np.broadcast_to(np.eye(transposed.shape[-1]), transposed.shape)]
        for _ in range(_RADIX - 1):
            if distance * len(parts) < chunks:
                parts.append(_shift(graph, x, step * distance * len(parts), chunks))
            weights.append(weights[-1] @ transposed)
        stacked = np.concatenate(weights[: len(parts)], axis=2)  # (H 1 3R R)
        x = graph.add("MatMul", graph.add("Concat", *parts, axis=3), graph.constant(stacked))
        transposed = weights[-1] @ transposed
        distance *= _RADIX
    return x


def _shift(graph: GraphBuilder, x: str, distance: int, chunks: int) -> str:
    """Move (H B nc R) along the chunks, zeros entering; a positive distance moves towards the end."""
    far = abs(distance)
    start, stop = (0, chunks - far) if distance > 0 else (far, chunks)
    bounds = [graph.constant(v, "int64") for v in ((start,), (stop,), (2,))]
    kept = graph.add("Slice", x, *bounds)
    pads = (0, 0, far, 0, 0, 0, 0, 0) if distance > 0 else (0, 0, 0, 0, 0, 0, far, 0)
    return graph.add("Pad", kept, graph.constant(pads, "int64"))
