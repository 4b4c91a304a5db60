"""The step graph: the window graph's model, sample by sample, in chunks of any size, its state explicit."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest

from ecg2lab.backends.onnxruntime import OpenGraph
from ecg2lab.bundle import StepShape
from ecg2lab.contract import StaticInputs
from ecg2lab.stream.step import StepGraph
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.step_graph import MOST_SAMPLES
from ecg2lab_export.network import cardiolab
from ecg2lab_export.network.fusion import RealisedLayer, RealisedNetwork, StoredNetwork

STATED = 1e-5
"""On logits of order 1, float32 against float64: the limit of every form."""
MODEL = "0" * 64
FORBIDDEN = {"Loop", "Scan", "If", "DFT", "STFT", "Conv", "SequenceMap", "Optional", "Einsum"}


@pytest.fixture(scope="module")
def network(data_folder) -> StoredNetwork:
    return cardiolab.read(data_folder / "parity" / "causal-small" / "checkpoint.ckpt")


@pytest.fixture(scope="module")
def stored(data_folder):
    with np.load(data_folder / "parity" / "causal-small" / "io.npz") as arrays:
        return dict(arrays)


def stepper(network):
    shape = StepShape(most_samples=MOST_SAMPLES, state_size=step_graph.state_size(network))
    columns = StaticInputs(range(network.continuous_features), dict(enumerate(map(len, network.embeddings))))
    # Sizes are all that a step asks its contract; these networks have some that no contract can state.
    signal = SimpleNamespace(leads=range(network.leads), window_samples=network.window)
    contract = SimpleNamespace(signal=signal, static_inputs=columns, targets=range(network.targets))
    return StepGraph(OpenGraph(step_graph.build(network).SerializeToString(), 1), shape, contract, MODEL)


@pytest.fixture(scope="module")
def step(network):
    return stepper(network)


def walk(step, io, sizes, state=None):
    """Outputs after a walk in chunks of `sizes`, repeated until the window ends, and the state then."""
    state = state or step.initial(len(io["signal"]))
    at, turn, outputs = 0, 0, None
    while at < io["signal"].shape[2]:
        part = io["signal"][:, :, at : at + sizes[turn % len(sizes)]]
        outputs, state = step.outputs(part, io["continuous"], io["categorical"], state)
        at, turn = at + part.shape[2], turn + 1
    return outputs, state


def random_sizes():
    return list(np.random.default_rng(0).integers(1, 60, 40))


@pytest.mark.parametrize("sizes", [[1], [7], [17], [31], [32], [250], [1, 250], random_sizes()], ids=str)
def test_after_a_window_in_any_chunks_the_logits_are_the_published_ones(step, stored, sizes):
    outputs, state = walk(step, stored, sizes)
    np.testing.assert_allclose(outputs.logits, stored["logits"], rtol=0, atol=STATED)
    assert state.samples == 250


@pytest.mark.parametrize("sizes", [[1], [7], [17], [250], random_sizes()], ids=str)
@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_it_is_the_window_graph(network, step, stored, form, sizes):
    """Both within 1e-5 of the truth by their own tests; here against each other."""
    session = onnxruntime.InferenceSession(
        window_graph.build(network, form).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    given = {name: stored[name] for name in ("signal", "continuous", "categorical")}
    logits, features = session.run(["logits", "features"], given)
    outputs, _ = walk(step, stored, sizes)
    np.testing.assert_allclose(outputs.logits, logits, rtol=0, atol=STATED)
    np.testing.assert_allclose(outputs.features, features, rtol=0, atol=STATED * np.abs(features).max())


@pytest.mark.parametrize("samples", [1, 2, 37, 100, 249])
def test_at_any_moment_the_logits_are_those_of_the_samples_so_far(network, step, stored, samples):
    """A causal network of a shorter window: the kernel's first taps, and the mean over what there is."""
    cut = stored | {"signal": stored["signal"][:, :, :samples]}
    expected = longer(network, samples).logits(cut["signal"], cut["continuous"], cut["categorical"])
    np.testing.assert_allclose(walk(step, cut, [7])[0].logits, expected, rtol=0, atol=STATED)


@pytest.mark.parametrize(
    "sizes",
    [
        {"state": 2},
        {"state": 64, "length": 100},
        {"hidden": 1, "layers": 1},
        {"layers": 4, "length": 37},
        {"length": 2},
        {"targets": 1, "leads": 1},
        {"tables": ((2, 3), (5, 1), (4, 2)), "numbers": 3},
    ],
    ids=str,
)
def test_networks_of_any_size_agree(random_network, sizes):
    network = random_network(1, **{"directions": 1} | sizes)
    random = np.random.default_rng(0)
    signal = np.clip(np.cumsum(random.normal(0, 0.2, (3, network.leads, network.window)), axis=2), -3, 3)
    io = {
        "signal": signal.astype(np.float32),
        "continuous": random.uniform(15, 160, (3, network.continuous_features)).astype(np.float32),
        "categorical": np.stack([random.integers(0, len(t), 3) for t in network.embeddings], axis=1),
    }
    expected = network.logits(io["signal"], io["continuous"], io["categorical"])
    limit = STATED * (1 if network.state_size <= 16 else 2) * max(1, np.abs(expected).max())
    for chunks in ([1], [7], random_sizes()):
        np.testing.assert_allclose(walk(stepper(network), io, chunks)[0].logits, expected, rtol=0, atol=limit)


def test_patients_of_one_batch_do_not_mix(step, stored):
    """Each is what it is alone, whatever its neighbour does; not to the last bit, for products group rows anew."""
    pair = {name: stored[name][:2].copy() for name in ("signal", "continuous", "categorical")}
    expected = stored["logits"][1]
    for spoil in (0.0, 3.0, 3e3):
        pair["signal"][0] = spoil
        np.testing.assert_allclose(walk(step, pair, [17])[0].logits[1], expected, rtol=0, atol=STATED)


def test_the_state_of_one_row_is_the_state_of_that_patient_alone(step, stored):
    """A batch may be split, and its parts go on alone."""
    half = {name: stored[name] for name in ("continuous", "categorical")} | {"signal": stored["signal"][:, :, :100]}
    rest = {name: stored[name][1:2] for name in ("continuous", "categorical")}
    _, state = walk(step, half, [17])
    alone = type(state)(state.values[1:2], state.samples, state.model)
    outputs, _ = walk(step, rest | {"signal": stored["signal"][1:2, :, 100:]}, [17], alone)
    np.testing.assert_allclose(outputs.logits[0], stored["logits"][1], rtol=0, atol=STATED)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_graph_holds_standard_operators_and_floats_only(random_network, layers):
    graph = step_graph.build(random_network(2, directions=1, layers=layers))
    onnx.checker.check_model(graph, full_check=True)
    assert [(x.domain, x.version) for x in graph.opset_import] == [("", 17)]
    assert graph.ir_version == 8
    assert {node.domain for node in graph.graph.node} == {""}
    assert not {node.op_type for node in graph.graph.node} & FORBIDDEN
    assert not graph.functions
    assert not any(a.g.node or a.graphs for node in graph.graph.node for a in node.attribute)
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True)
    kinds = {x.data_type for x in graph.graph.initializer}
    kinds |= {x.type.tensor_type.elem_type for x in inferred.graph.value_info}
    assert kinds == {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    assert not any(x.external_data for x in graph.graph.initializer)


def test_batch_and_samples_are_free_and_the_state_has_one_row_each(random_network):
    network = random_network(3, directions=1, targets=6)
    graph = step_graph.build(network).graph
    shapes = {
        x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
        for x in (*graph.input, *graph.output)
    }
    size = step_graph.state_size(network)
    assert shapes == {
        "signal": ["batch", 12, "samples"],
        "continuous": ["batch", 10],
        "categorical": ["batch", 2],
        "state": ["batch", size],
        "logits": ["batch", 6],
        "features": ["batch", network.features],
        "next_state": ["batch", size],
    }


def test_building_twice_gives_the_same_bytes(random_network):
    network = random_network(4, directions=1)
    one, other = (step_graph.build(network).SerializeToString(deterministic=True) for _ in range(2))
    assert one == other


def test_the_dense_products_have_the_names_of_the_window_graph(random_network):
    network = random_network(4, directions=1)
    step, window = (
        [node.name for node in graph.graph.node if node.name]
        for graph in (step_graph.build(network), window_graph.build(network, "spectral"))
    )
    assert set(window) <= set(step)
    assert len(set(step)) == len(step)


def test_the_slices_of_the_state_are_named(random_network):
    """ONNX Runtime 1.18 to 1.21 fuses slices of one value and names the results after them: nameless ones clash."""
    nodes = step_graph.build(random_network(4, directions=1)).graph.node
    names = [node.name for node in nodes if node.op_type == "Slice" and node.input[0] == "state"]
    assert len(names) == 7  # two for each layer, sum and rest of the mean, count
    assert all(names)


def test_a_bidirectional_network_has_none_and_the_reason_is_said(random_network):
    with pytest.raises(ValueError, match="bidirectional network has no step: each output waits for the whole window"):
        step_graph.build(random_network(0))


def test_a_hundred_windows_without_reset_neither_grow_nor_drift(random_network):
    """25 000 samples: the state keeps its size, and the logits are still those of all samples in float64.

    1e-5 as for one window: what float32 loses in the states and in the mean over time is kept and added again.
    """
    network = random_network(6, hidden=4, layers=1, directions=1)
    step = stepper(network)
    window = np.clip(np.cumsum(np.random.default_rng(0).normal(0, 0.2, (1, 12, 250)), axis=2), -3, 3)
    io = {"continuous": np.full((1, 10), 70, np.float32), "categorical": np.zeros((1, 2), np.int64)}
    io["signal"] = window.astype(np.float32)
    state, outputs = step.initial(), None
    size = len(state.to_bytes())
    for _ in range(100):
        outputs, state = walk(step, io, [250], state)
        assert len(state.to_bytes()) == size
    assert state.samples == 25_000
    expected = longer(network, 25_000).logits(np.tile(io["signal"], (1, 1, 100)), io["continuous"], io["categorical"])
    np.testing.assert_allclose(outputs.logits, expected, rtol=0, atol=STATED)


def longer(network, window):
    """The same network over a longer window: its recurrences go on, as a bundle holds them."""
    layers = [
        RealisedLayer(**fields(layer) | {"system": dataclasses.replace(layer.realisation, length=window)})
        for layer in network.layers
    ]
    return RealisedNetwork(**fields(network) | {"layers": tuple(layers)})


def fields(record):
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
