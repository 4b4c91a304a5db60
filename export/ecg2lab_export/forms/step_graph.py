"""A causal network as a pure step: (samples, state) → (outputs, state), for any number of samples up to `MOST_SAMPLES`.

Glossary: B batch, T samples of this step, H channels, R states a channel, n targets, F features; shapes in comments.

The state begins as zeros; the logits after a step are those of all samples since then, so after L samples they are the
window graph's. It is one row of float32 numbers for each of the batch: per layer R states of each channel and what they
lack, the sum of the last layer's output over time and what it lacks, and the count of samples.

*What they lack*: a state close to a pole at 1 changes by far less than itself at each step, and float32 would round the
change away, a little each time. So what an addition loses is kept and added next time (Kahan, CACM 1965), and of the
transition only its difference from 1 is stored. For T samples, Āᵀ is put together from the powers 1, 2, 4, 8 and 16 by
the bits of T: five small products in place of a table with a matrix for every T.
"""

from __future__ import annotations

import numpy as np
import onnx

from ecg2lab.bundle.network_inputs import NEXT_STATE, SIGNAL, STATE
from ecg2lab_export.forms.chunked import cut
from ecg2lab_export.forms.network_graph import add_encoder, add_head, add_mixing
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.dplr import Real
from ecg2lab_export.network.fusion import FusionNetwork, S4Layer

_BITS = 5
MOST_SAMPLES = 2**_BITS - 1
"""Of one step."""


def state_size(network: FusionNetwork) -> int:
    """Numbers in the state of one window."""
    return sum(2 * network.hidden * layer.realisation.states for layer in network.layers) + 2 * network.hidden + 1


def build(network: FusionNetwork) -> onnx.ModelProto:
    """Build the graph `(signal, continuous, categorical, state) → (logits, features, next_state)`.

    Parameters
    ----------
    network
        A causal one.

    Returns
    -------
    ModelProto
        Inputs (B leads T) float32, (B features) float32, (B categories) int64, (B S) float32; outputs (B n), (B F) and
        (B S).

    Raises
    ------
    ValueError
        If the network looks ahead: no state can hold what has not been recorded yet.
    """
    if not network.causal:
        raise ValueError("a bidirectional network has no step: each output waits for the whole window")
    graph = GraphBuilder()
    x = add_encoder(graph, network, "samples")  # (B·T H)
    samples = _dimension(graph, SIGNAL, 2)
    step = _Step(graph, samples, network.hidden, state_size(network))
    for index, layer in enumerate(network.layers):
        x = add_mixing(graph, x, step.convolve(x, layer), layer, f"layers.{index}")
    outputs = add_head(graph, step.mean(x), network)
    outputs[NEXT_STATE] = (step.next_state(), ("batch", step.size))
    return graph.finish(outputs, f"S4 fusion network, step of up to {MOST_SAMPLES} samples")


def build_convolution(layer: S4Layer) -> onnx.ModelProto:
    """The convolution of one causal layer alone, `(u, state) → (y, next_state)`, (T H), (1 S): to prove its kernel."""
    graph = GraphBuilder()
    hidden = layer.d.size
    u = graph.input("u", "float32", ("samples", hidden))
    step = _Step(graph, _dimension(graph, u, 0), hidden, 2 * hidden * layer.realisation.states)
    y = step.convolve(u, layer)
    outputs = {"y": (y, ("samples", hidden)), NEXT_STATE: (step.next_state(), ("batch", step.size))}
    return graph.finish(outputs, "one S4 layer in steps")


def _dimension(graph: GraphBuilder, value: str, axis: int) -> str:
    """One size of a value, as (1)."""
    bounds = (graph.constant((v,), "int64") for v in (axis, axis + 1))
    return graph.add("Slice", graph.add("Shape", value), *bounds)


class _Step:
    """Takes the state apart from front to back, and puts the next one together."""

    def __init__(self, graph: GraphBuilder, samples: str, hidden: int, size: int) -> None:
        self.size = size
        self._graph = graph
        self._samples = samples  # T, as (1)
        self._hidden = hidden
        self._state = graph.input(STATE, "float32", ("batch", size))
        self._taken = 0
        self._next: list[str] = []
        ends = (graph.constant((v,), "int64") for v in (-1, hidden))
        self._rows = graph.add("Concat", next(ends), samples, next(ends), axis=0)  # shape (B T H)
        self._bits = [self._bit(k) for k in range(_BITS)]

    def convolve(self, x: str, layer: S4Layer) -> str:
        """Append y = conv(x, k) + D·x, and move the states one step on: (B·T H) → (B·T H)."""
        graph, states = self._graph, layer.realisation.states
        blocks = cut(layer.realisation, layer.d, MOST_SAMPLES)
        border = blocks.borders[0]
        u = graph.add("Transpose", graph.add("Reshape", x, self._rows), perm=(2, 0, 1))  # (H B T)
        state, lacking = (self._take_channels(states) for _ in range(2))  # (H B R)

        inside = self._first(self._first(graph.constant(blocks.inside), 1), 2)  # (H T T)
        leave = self._first(graph.constant(border.leave), 2)  # (H R T)
        y = graph.add("Add", graph.add("MatMul", u, inside), graph.add("MatMul", state, leave))  # (H B T)

        change = graph.add("Add", self._carried(state, layer), graph.add("MatMul", u, self._last(border.enter)))
        for value in _add_up(graph, state, lacking, change):
            self._keep(graph.add("Transpose", value, perm=(1, 0, 2)), self._hidden * states)
        return graph.reshape(graph.add("Transpose", y, perm=(1, 2, 0)), (-1, self._hidden))

    def mean(self, x: str) -> str:
        """Mean over all samples since the state was zero: (B·T H) → (B H)."""
        graph = self._graph
        total, lacking = self._take(self._hidden), self._take(self._hidden)
        by_time = graph.add("Reshape", x, self._rows)  # (B T H)
        here = graph.add("ReduceSum", by_time, graph.constant((1,), "int64"), keepdims=0)  # (B H)
        total, lacking = _add_up(graph, total, lacking, here)
        count = graph.add("Add", self._take(1), graph.add("Cast", self._samples, to=onnx.TensorProto.FLOAT))  # (B 1)
        for value, width in ((total, self._hidden), (lacking, self._hidden), (count, 1)):
            self._keep(value, width)
        return graph.add("Div", total, count)

    def next_state(self) -> str:
        """(B S)."""
        return self._graph.add("Concat", *self._next, axis=1)

    def _carried(self, state: str, layer: S4Layer) -> str:
        """(Āᵀ - 1) x by the bits of T: (H B R)."""
        graph = self._graph
        power = layer.realisation.a[0]  # (H R R)
        change = None
        for bit in self._bits:
            here = state if change is None else graph.add("Add", state, change)
            less_one = np.swapaxes(power - np.eye(power.shape[-1]), 1, 2)
            moved = graph.add("Mul", graph.add("MatMul", here, graph.constant(less_one)), bit)
            change = moved if change is None else graph.add("Add", change, moved)
            power = power @ power
        assert change is not None
        return change

    def _bit(self, k: int) -> str:
        graph = self._graph
        shifted = graph.add("Div", self._samples, graph.constant((2**k,), "int64"))
        bit = graph.add("Mod", shifted, graph.constant((2,), "int64"))
        return graph.add("Cast", bit, to=onnx.TensorProto.FLOAT)

    def _first(self, value: str, axis: int) -> str:
        """The first T along an axis."""
        graph = self._graph
        return graph.add("Slice", value, graph.constant((0,), "int64"), self._samples, graph.constant((axis,), "int64"))

    def _last(self, value: Real) -> str:
        """The last T along axis 1."""
        graph = self._graph
        start = graph.add("Sub", graph.constant((MOST_SAMPLES,), "int64"), self._samples)
        end, axis = graph.constant((MOST_SAMPLES,), "int64"), graph.constant((1,), "int64")
        return graph.add("Slice", graph.constant(value), start, end, axis)

    def _take_channels(self, states: int) -> str:
        """The next part of the state: (H B R)."""
        part = self._graph.reshape(self._take(self._hidden * states), (-1, self._hidden, states))
        return self._graph.add("Transpose", part, perm=(1, 0, 2))

    def _take(self, width: int) -> str:
        """The next part of the state: (B width)."""
        bounds = [self._graph.constant((v,), "int64") for v in (self._taken, self._taken + width, 1)]
        # Named, for ONNX Runtime 1.18 to 1.21 fuses such slices and refuses to load what it has named alike.
        part = self._graph.add("Slice", self._state, *bounds, name=f"state.{self._taken}")
        self._taken += width
        return part

    def _keep(self, value: str, width: int) -> None:
        self._next.append(self._graph.reshape(value, (-1, width)))


def _add_up(graph: GraphBuilder, value: str, lacking: str, change: str) -> tuple[str, str]:
    """Add a change to a value, and keep what float32 lost of it; the loss of last time is added too."""
    change = graph.add("Add", change, lacking)
    total = graph.add("Add", value, change)
    return total, graph.add("Sub", change, graph.add("Sub", total, value))
