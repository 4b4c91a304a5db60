"""The window graph in both forms on ONNX Runtime: the truth over sizes and batches, and what it is made of."""

import numpy as np
import onnx
import onnxruntime
import pytest

from ecg2lab_export.forms import window_graph
from ecg2lab_export.forms.window_graph import FORMS
from ecg2lab_export.graphs.builder import IR_VERSION, OPSET, require_portable
from ecg2lab_export.network import cardiolab

STATED = 1e-5
"""On logits of order 1, float32 against float64: the issue's limit. 2e-5 above N = 16 (`proof.logit_tolerance`)."""
FORBIDDEN = {"Loop", "Scan", "If", "DFT", "STFT", "MelWeightMatrix", "Conv", "SequenceMap", "Optional", "Einsum"}


@pytest.fixture(scope="module", params=sorted(FORMS))
def form(request):
    return request.param


def session_of(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def inputs(network, batch, seed=0):
    random = np.random.default_rng(seed)
    signal = np.clip(np.cumsum(random.normal(0, 0.2, (batch, network.leads, network.window)), axis=2), -3, 3)
    continuous = random.uniform(15, 160, (batch, network.continuous_features))
    categorical = np.stack([random.integers(0, len(t), batch) for t in network.embeddings], axis=1)
    return {
        "signal": signal.astype(np.float32),
        "continuous": continuous.astype(np.float32),
        "categorical": categorical.astype(np.int64),
    }


def truth(network, given):
    return network.logits(given["signal"], given["continuous"], given["categorical"])


@pytest.fixture(scope="module")
def parity_session(parity_case, form):
    return session_of(window_graph.build(cardiolab.read(parity_case.checkpoint), form))


def case_inputs(io, rows):
    return {name: io[name][rows] for name in ("signal", "continuous", "categorical")}


@pytest.mark.parametrize("batch", [1, 3, 4, 7])
def test_parity_logits_agree_at_every_batch(parity_case, parity_session, batch):
    rows = np.arange(batch) % 4
    logits = parity_session.run(None, case_inputs(parity_case.io, rows))[0]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, parity_case.io["logits"][rows], rtol=0, atol=STATED)


def test_windows_of_a_batch_do_not_see_each_other(parity_case, parity_session):
    """Rows or chunks of all windows lie in one axis: what crossed a window's border would show here."""
    io = parity_case.io
    spoiled = case_inputs(io, [0, 1, 2])
    spoiled["signal"] = spoiled["signal"].copy()
    spoiled["signal"][[0, 2]] = 3e3
    logits = parity_session.run(None, spoiled)[0]
    np.testing.assert_allclose(logits[1], io["logits"][1], rtol=0, atol=STATED)


def test_repetition_gives_the_same_bits(parity_case, parity_session):
    given = case_inputs(parity_case.io, [0, 1, 2, 3])
    first = parity_session.run(None, given)[0]
    for _ in range(3):
        np.testing.assert_array_equal(parity_session.run(None, given)[0], first)


@pytest.mark.parametrize(
    "sizes",
    [
        *({"length": length} for length in (2, 3, 29, 30, 31, 37, 50, 53, 100, 251, 1000)),
        *({"length": length, "directions": 1} for length in (2, 31, 37, 250, 251)),
        *({"state": state} for state in (2, 4, 16, 32, 64)),
        {"state": 64, "length": 1000, "hidden": 4, "layers": 1},
        {"layers": 1},
        {"layers": 4},
        {"hidden": 1},
        {"hidden": 1, "length": 20, "layers": 1, "directions": 1},
        {"hidden": 33},
        {"targets": 1, "leads": 1},
        {"targets": 204},
        {"widths": (5,)},
        {"tables": ((2, 3), (5, 1), (4, 2)), "numbers": 3},
    ],
    ids=str,
)
def test_networks_of_any_size_agree(random_network, form, sizes):
    network = random_network(1, **sizes)
    given = inputs(network, 3)
    logits, features = network.outputs(given["signal"], given["continuous"], given["categorical"])
    limit = STATED * (1 if network.state_size <= 16 else 2)
    found = session_of(window_graph.build(network, form)).run(["logits", "features"], given)
    np.testing.assert_allclose(found[0], logits, rtol=0, atol=limit * max(1, np.abs(logits).max()))
    np.testing.assert_allclose(found[1], features, rtol=0, atol=limit * np.abs(features).max())


@pytest.mark.parametrize("directions", [1, 2])
def test_a_graph_holds_standard_operators_only(random_network, form, directions):
    graph = window_graph.build(random_network(2, directions=directions), form)
    onnx.checker.check_model(graph, full_check=True)
    assert [(x.domain, x.version) for x in graph.opset_import] == [("", 17)]
    assert graph.ir_version == 8
    assert {node.domain for node in graph.graph.node} == {""}
    assert not {node.op_type for node in graph.graph.node} & FORBIDDEN
    assert not graph.functions
    assert not any(a.g.node or a.graphs for node in graph.graph.node for a in node.attribute)


def test_a_graph_holds_real_numbers_inside_itself(random_network, form):
    graph = window_graph.build(random_network(2), form)
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True)
    kinds = {x.data_type for x in graph.graph.initializer}
    kinds |= {x.type.tensor_type.elem_type for x in inferred.graph.value_info}
    assert kinds == {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    for constant in graph.graph.initializer:
        assert constant.data_location == onnx.TensorProto.DEFAULT
        assert not constant.external_data
        assert np.isfinite(onnx.numpy_helper.to_array(constant)).all()


def test_the_window_is_static_and_the_batch_free(random_network, form):
    network = random_network(3, length=37, targets=6)
    graph = window_graph.build(network, form).graph
    shapes = {
        x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
        for x in (*graph.input, *graph.output)
    }
    assert shapes == {
        "signal": ["batch", 12, 37],
        "continuous": ["batch", 10],
        "categorical": ["batch", 2],
        "logits": ["batch", 6],
        "features": ["batch", network.features],
    }


def test_building_twice_gives_the_same_bytes(random_network, form):
    one, other = (window_graph.build(random_network(4), form) for _ in range(2))
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


def test_the_dense_products_are_found_by_name(random_network, form):
    """Passes to another precision find them so: (B·L, H) by a constant (H, H), plus a constant (H)."""
    network = random_network(5, hidden=6, layers=3)
    graph = window_graph.build(network, form).graph
    constants = {x.name: onnx.numpy_helper.to_array(x) for x in graph.initializer}
    nodes = {node.name: node for node in graph.node if node.name}
    for index, layer in enumerate(network.layers):
        for part, half in (("value", slice(0, 6)), ("gate", slice(6, 12))):
            node = nodes[f"layers.{index}.{part}"]
            assert node.op_type == "Gemm"
            weight, bias = (constants[name] for name in node.input[1:])
            np.testing.assert_array_equal(weight, layer.output_weight[half].T.astype(np.float32))
            np.testing.assert_array_equal(bias, layer.output_bias[half].astype(np.float32))
    assert len(nodes) == len([node for node in graph.node if node.name])  # no name twice


def test_the_number_of_nodes_hardly_grows_with_the_window(random_network, form):
    """The borders are gathered in a logarithm of steps; unrolled, 30 more chunks would be 180 more nodes."""
    sizes = [
        len(window_graph.build(random_network(5, hidden=2, layers=1, length=n), form).graph.node) for n in (250, 1000)
    ]
    assert sizes[1] <= sizes[0] + 40


def broken(graph, rule):
    """The graph, one rule of `require_portable` broken."""
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    if rule == "opset":
        changed.opset_import[0].version = OPSET + 1
    elif rule == "ir":
        changed.ir_version = IR_VERSION + 1
    elif rule == "domain":
        changed.graph.node[0].domain = "com.example"
    elif rule == "operator":
        changed.graph.node[0].op_type = "Loop"
    elif rule == "type":
        changed.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2), "double"))
    elif rule == "outside":
        changed.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    return changed


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("opset", "is of opset 18, IR 8"),
        ("ir", "is of opset 17, IR 9"),
        ("domain", r"has the operator com\.example\.Transpose"),
        ("operator", "has the operator Loop"),
        ("type", "has numbers of type 11"),
        ("outside", "keeps numbers in files outside"),
    ],
)
def test_a_graph_that_older_runtimes_could_not_run_is_never_handed_on(random_network, rule, message):
    graph = window_graph.build(random_network(2, hidden=2, layers=1, length=30), "spectral")
    with pytest.raises(ValueError, match=f"the graph {message}"):
        require_portable(broken(graph, rule))
