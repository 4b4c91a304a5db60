"""What the bench compares with computes the same network: else its times would say nothing."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import util

import numpy as np
import pytest

from ecg2lab_bench.measuring.libraries import LeftOut
from ecg2lab_bench.peers import eager, runtimes
from ecg2lab_bench.peers.plain_graphs import add_depthwise
from ecg2lab_bench.peers.runtimes import Inputs
from ecg2lab_bench.synthetic import random_network
from ecg2lab_export.forms import window_graph
from ecg2lab_export.network.fusion import StoredNetwork

ROUNDING = 1e-5
"""Of logits of order 1 in float32, as the export allows."""


def small(causal: bool) -> tuple[StoredNetwork, Inputs]:
    network = random_network(hidden=8, state_size=4, layers=2, window=30, targets=3, causal=causal)
    random = np.random.default_rng(1)
    signal = random.standard_normal((2, 12, 30), dtype=np.float32)
    continuous = random.standard_normal((2, 10), dtype=np.float32)
    return network, (signal, continuous, random.integers(0, 2, (2, 2)))


@pytest.mark.parametrize("causal", [False, True])
def test_the_depthwise_graph_is_the_network(causal: bool) -> None:
    network, inputs = small(causal)
    graph = window_graph.build_with(network, add_depthwise, "depthwise")
    assert sum(node.op_type == "Conv" for node in graph.graph.node) == 2
    found = runtimes.on_onnxruntime(graph.SerializeToString(), 1)(inputs)
    assert np.abs(found - network.logits(*inputs)).max() <= ROUNDING


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("convolution", eager.CONVOLUTIONS)
def test_the_eager_network_is_the_network(causal: bool, convolution: str) -> None:
    pytest.importorskip("torch")
    network, inputs = small(causal)
    with ExitStack() as undo:
        found = eager.in_eager_mode(network, convolution, 1, undo)(inputs)
    assert np.abs(found - network.logits(*inputs)).max() <= ROUNDING


@pytest.mark.parametrize("causal", [False, True])
def test_openvino_runs_the_graphs_of_a_bundle(causal: bool) -> None:
    pytest.importorskip("openvino")
    network, inputs = small(causal)
    graph = window_graph.build(network, "spectral").SerializeToString()
    found = runtimes.on_openvino(graph, 1)(inputs)
    assert np.abs(found - network.logits(*inputs)).max() <= ROUNDING


def test_peers_that_are_not_installed_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    with pytest.raises(LeftOut, match="openvino is not installed"):
        runtimes.on_openvino(b"", 1)
    with ExitStack() as undo, pytest.raises(LeftOut, match="torch is not installed"):
        eager.in_eager_mode(small(False)[0], "FFT", 1, undo)
