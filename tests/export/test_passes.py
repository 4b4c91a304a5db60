"""Passes that reduce the precision: what they compute, against NumPy, and what they refuse."""

import dataclasses
import math

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from ecg2lab.backends.onnxruntime import make_session
from ecg2lab.errors import ParityError
from ecg2lab_export.architecture import contract_fit
from ecg2lab_export.forms import network_graph, window_graph
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.graphs.graph_pass import PassError
from ecg2lab_export.precision import calibration
from ecg2lab_export.precision.passes import as_computed_on_devices, reduce_precision
from ecg2lab_export.precision.passes.half_emulation import HalfEmulation
from ecg2lab_export.precision.passes.integer import OFFSET, quantise_weight
from ecg2lab_export.precision.passes.products import find_gated_products

PRECISIONS = ("fp16", "bf16", "int8")
BFLOAT16 = onnx.helper.tensor_dtype_to_np_dtype(TensorProto.BFLOAT16)


@pytest.fixture(scope="module")
def network(random_network):
    return random_network(7, hidden=24, layers=2, length=50)


@pytest.fixture(scope="module", params=["recurrent", "spectral"])
def window_model(request, network):
    return window_graph.build(network, request.param)


def mixing_graph(layer):
    """GELU, products, gate, residual and norm of one layer, its convolution given as y."""
    graph = GraphBuilder()
    shape = ("rows", layer.d.size)
    x, y = graph.input("x", "float32", shape), graph.input("y", "float32", shape)
    out = network_graph.add_mixing(graph, x, y, layer, "layers.0")
    return graph.finish({"out": (out, shape)}, "one layer")


@pytest.fixture(scope="module")
def mixing(network):
    return mixing_graph(network.layers[0])


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return {name: random.normal(0, 2, (40, 24)).astype(np.float32) for name in "xy"}


def run(model, feed):
    return make_session(model.SerializeToString(), threads=1).run(None, feed)[0]


def features_of(model, feed):
    return make_session(model.SerializeToString(), threads=1).run(["features"], feed)[0]


def gated(model, feed, multiply):
    """The layer in NumPy, its two products computed by `multiply(activation, weight, bias)`."""
    from scipy.special import erf

    (pair,) = find_gated_products(model)
    activation = (feed["y"] * (1 + erf(feed["y"].astype(np.float64) / math.sqrt(2))) / 2).astype(np.float32)
    return [multiply(activation, p.weight, p.bias).astype(np.float64) for p in pair.products]


def rounded(x, dtype):
    return x.astype(np.float32).astype(dtype).astype(np.float64)


def products_of(model, reduced, feed):
    """Both products of a graph made from `model`, which keep the names of their results, in float64."""
    extended = onnx.ModelProto()
    extended.CopyFrom(reduced)
    (pair,) = find_gated_products(model)
    names = [product.node.output[0] for product in pair.products]
    for name in names:
        extended.graph.output.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = make_session(extended.SerializeToString(), threads=1)
    return [x.astype(np.float64) for x in session.run(names, feed)]


def test_bf16_is_the_product_of_rounded_operands(mixing, rows):
    """What hardware with bfloat16 operands and float32 sums gives, but for the order of 24 additions."""
    expected = gated(mixing, rows, lambda a, w, b: rounded(a, BFLOAT16) @ rounded(w, BFLOAT16) + b)
    for found, wanted in zip(products_of(mixing, reduce_precision(mixing, "bf16"), rows), expected, strict=True):
        # a GELU that differs in its last bit may round to a neighbour: 2^-8 of a summand
        np.testing.assert_allclose(found, wanted, atol=2e-3)
        assert np.median(np.abs(found - wanted)) < 2e-6


def test_fp16_is_rounded_where_a_device_rounds(mixing, rows):
    emulated = as_computed_on_devices(reduce_precision(mixing, "fp16"), "fp16")
    half = np.float16

    def multiply(activation, weight, bias):
        return rounded(rounded(activation, half) @ rounded(weight, half) + rounded(bias, half), half)

    expected = gated(mixing, rows, multiply)
    for found, wanted in zip(products_of(mixing, emulated, rows), expected, strict=True):
        np.testing.assert_array_equal(found, found.astype(half))  # nothing between two float16 numbers
        # the order of additions may decide a rounding: one unit in the last place of numbers below 8
        np.testing.assert_allclose(found, wanted, atol=2**-8)
        assert np.median(np.abs(found - wanted)) == 0


def test_int8_is_the_quantised_product(mixing, rows, computable):
    computable("int8")

    def multiply(activation, weight, bias):
        quantised, channel = quantise_weight(weight)
        shifted = activation + np.float32(OFFSET)
        row = shifted.max(axis=1, keepdims=True) * np.float32(1 / 255)
        levels = np.clip(np.rint(shifted / row), 0, 255)
        effective = row.astype(np.float64) * levels - np.float64(np.float32(OFFSET))
        return effective @ (quantised * channel.astype(np.float64)) + bias

    expected = gated(mixing, rows, multiply)
    for found, wanted in zip(products_of(mixing, reduce_precision(mixing, "int8"), rows), expected, strict=True):
        # a GELU that differs in its last bit may fall on the next level: a 255th of the row's largest, times a weight
        np.testing.assert_allclose(found, wanted, atol=2e-2)
        assert np.median(np.abs(found - wanted)) < 2e-6


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [("fp16", 2**-10), ("bf16", 2**-7), ("int8", 2 / 127)],
)
def test_a_layer_stays_near_fp32(mixing, rows, precision, tolerance, computable):
    """Tolerance: two roundings of the format, relative to normalised outputs around 1, times four for the largest."""
    computable(precision)
    reduced = as_computed_on_devices(reduce_precision(mixing, precision), precision)
    error = np.abs(run(reduced, rows) - run(mixing, rows))
    assert 0 < error.max() < 4 * tolerance
    assert np.median(error) < tolerance / 4


def test_int8_of_a_row_does_not_depend_on_its_batch(mixing, rows):
    """A patient's answer must not change with who else is in the batch: equal to the last bit."""
    reduced = reduce_precision(mixing, "int8")
    together = run(reduced, rows)
    loud = {name: np.concatenate([x[:5], 1000 * x[5:]]) for name, x in rows.items()}
    np.testing.assert_array_equal(run(reduced, {name: x[:5] for name, x in rows.items()}), together[:5])
    np.testing.assert_array_equal(run(reduced, loud)[:5], together[:5])


def test_int8_sums_do_not_saturate(network, computable):
    """Largest weights times largest activations: 16-bit sums of pairs, as CPUs without VNNI make them, would clip."""
    computable("int8")
    layer = network.layers[0]
    columns = layer.output_weight.shape
    loud = dataclasses.replace(layer, output_weight=np.full(columns, 0.1), output_bias=np.zeros(columns[0]))
    feed = {name: np.full((40, 24), 3, np.float32) for name in "xy"}
    model = mixing_graph(loud)
    pairs = products_of(model, reduce_precision(model, "int8"), feed), products_of(model, model, feed)
    for found, wanted in zip(*pairs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_int8_is_the_same_with_and_without_the_optimiser(mixing, rows):
    """ONNX Runtime fuses scales that it takes for scalars, silently wrong; the graph must not look like one."""
    reduced, answers = reduce_precision(mixing, "int8").SerializeToString(), []
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(reduced, options, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, rows)[0])
    # a GELU that differs in its last bit may move one of 24 activations by one level
    np.testing.assert_allclose(*answers, atol=2e-2)
    assert np.median(np.abs(answers[0] - answers[1])) < 1e-6


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_pass_changes_the_products_and_nothing_else(window_model, precision):
    before = window_model.SerializeToString(deterministic=True)
    reduced = reduce_precision(window_model, precision)
    assert window_model.SerializeToString(deterministic=True) == before
    again = reduce_precision(window_model, precision)
    assert reduced.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    assert list(reduced.graph.input) == list(window_model.graph.input)
    assert list(reduced.graph.output) == list(window_model.graph.output)
    assert reduced.opset_import == window_model.opset_import
    assert reduced.ir_version == window_model.ir_version
    names = [n.name for n in reduced.graph.node if n.name.endswith((".value", ".gate"))]
    assert sorted(names) == [f"layers.{i}.{what}" for i in range(2) for what in ("gate", "value")]
    kept = {n.output[0]: n for n in reduced.graph.node}
    pairs = find_gated_products(window_model)
    replaced = {x.node.output[0] for pair in pairs for x in pair.products} | {pair.output.output[0] for pair in pairs}
    for node in window_model.graph.node:
        assert node.output[0] in replaced or kept[node.output[0]] == node


@pytest.mark.parametrize(("precision", "saved"), [("fp16", 2), ("bf16", 2), ("int8", 3)])
def test_the_file_becomes_smaller_by_the_weights(random_network, precision, saved):
    """Bytes saved for each weight of the products, less some kilobytes for scales and names."""
    network = random_network(2, hidden=64, layers=1, length=50)
    model = window_graph.build(network, "recurrent")
    difference = len(model.SerializeToString()) - len(reduce_precision(model, precision).SerializeToString())
    assert difference > saved * network.layers[0].output_weight.size - 4000


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_reduced_graph_answers_as_fp32_does(window_model, network, precision, computable):
    """On generated windows; logits and features of a random network are about 1, an int8 product is good to 1 %."""
    computable(precision)
    feed = calibration.generate(contract_fit.default_contract(network), 16).feed(slice(None))
    error = np.abs(run(reduce_precision(window_model, precision), feed) - run(window_model, feed)).max()
    assert 0 < error < {"fp16": 1e-3, "bf16": 5e-3, "int8": 2e-2}[precision]
    reduced, full = (features_of(model, feed) for model in (reduce_precision(window_model, precision), window_model))
    assert reduced.dtype == np.float32
    assert 0 < np.abs(reduced - full).max() < {"fp16": 1e-3, "bf16": 5e-3, "int8": 2e-2}[precision]


def test_weights_are_quantised_to_the_nearest_of_255_levels_of_their_channel():
    random = np.random.default_rng(1)
    weight = (random.standard_normal((50, 8)) * 10.0 ** np.arange(-4, 4)).astype(np.float32)
    weight[:, 3] = 0
    quantised, scale = quantise_weight(weight)
    assert (np.abs(quantised).max(axis=0) == [127, 127, 127, 0, 127, 127, 127, 127]).all()
    assert scale[3] == 1
    assert (np.abs(weight - quantised * scale) <= scale * (0.5 + 1e-5)).all()


def test_a_weight_beyond_float16_is_refused_by_name(network):
    weight = network.layers[0].output_weight.copy()
    weight[30, 2] = 7e4
    model = mixing_graph(dataclasses.replace(network.layers[0], output_weight=weight))
    with pytest.raises(ParityError, match=r"layers\.0\.gate: a weight of 7e\+04 is beyond float16"):
        reduce_precision(model, "fp16")
    reduce_precision(model, "bf16")


def unnamed(model):
    for node in model.graph.node:
        node.ClearField("name")


def one_unnamed(model):
    next(n for n in model.graph.node if n.name == "layers.1.gate").ClearField("name")


def other_activation(model):
    next(n for n in model.graph.node if n.name == "layers.1.gate").input[0] = "signal"


def other_weights(model):
    name = next(n for n in model.graph.node if n.name == "layers.1.gate").input[1]
    tensor = next(x for x in model.graph.initializer if x.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.ones((24, 12), np.float32), name))


def without_gate(model):
    next(n for n in model.graph.node if n.op_type == "Sigmoid").op_type = "Tanh"


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spoil", [unnamed, one_unnamed, other_activation, other_weights, without_gate])
def test_a_graph_that_is_not_ours_is_refused(network, precision, spoil):
    model = window_graph.build(network, "recurrent")
    spoil(model)
    with pytest.raises(PassError):
        reduce_precision(model, precision)


def test_int8_is_refused_after_anything_but_a_gelu(network):
    """The offset of the quantisation is that of GELU's minimum."""
    model = window_graph.build(network, "recurrent")
    for node in model.graph.node:
        if node.op_type == "Erf":
            node.op_type = "Tanh"
    with pytest.raises(PassError, match="does not come from a GELU"):
        reduce_precision(model, "int8")


def test_reducing_twice_is_refused(window_model):
    for precision in PRECISIONS:
        with pytest.raises(PassError):
            reduce_precision(reduce_precision(window_model, precision), precision)


def test_nothing_to_emulate_is_refused(window_model):
    with pytest.raises(PassError, match="nothing in float16"):
        HalfEmulation()(window_model)
