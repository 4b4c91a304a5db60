"""The native engine against the network in float64: every size, instruction set, thread count and batch."""

import threading

import numpy as np
import pytest

from ecg2lab._native import _core
from ecg2lab_bench.synthetic import random_network
from ecg2lab_export.forms.cascade import fit_cascade
from ecg2lab_export.forms.weights import weight_tensors
from ecg2lab_export.network.fusion import NORM_EPSILON, convolve, gelu
from ecg2lab_export.precision.passes.integer import OFFSET, quantise_weight

LOGITS = 1e-5
"""Of logits of order 1, at N ≤ 16; twice that at N = 64. Worst measured here: 1.3e-6."""
SETS = _core.instruction_sets()


def weights_of(network, cascade=True):
    cascades = {i: fit_cascade(layer) for i, layer in enumerate(network.layers)} if cascade else {}
    return weight_tensors(network, cascades)


def engine_of(network, weights=None, threads=1, instruction_set="", precision="fp32", **changes):
    sizes = {
        "leads": network.leads,
        "window": network.window,
        "continuous": network.continuous_features,
        "categorical": [len(table) for table in network.embeddings],
        "targets": network.targets,
    }
    weights = weights_of(network) if weights is None else weights
    how = {"threads": threads, "precision": precision, "instruction_set": instruction_set}
    return _core.Engine(weights, **(sizes | changes), **how)


def inputs_of(network, batch, seed=0):
    random = np.random.default_rng(seed)
    signal = random.normal(0, 0.5, (batch, network.leads, network.window)).astype(np.float32)
    continuous = random.normal(50, 20, (batch, network.continuous_features)).astype(np.float32)
    codes = [random.integers(0, len(table), batch) for table in network.embeddings]
    return signal, continuous, np.stack(codes, axis=1)


def both(engine, *inputs):
    """Logits and features beside each other, (B n+F)."""
    return np.concatenate(engine.run(*inputs), axis=1)


@pytest.fixture(scope="module")
def network():
    return random_network(hidden=40, layers=3, targets=7)


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("cascade", [True, False], ids=["cascade", "chunks"])
@pytest.mark.parametrize(
    "sizes",
    [
        {"hidden": 64, "layers": 4, "targets": 24},
        {"hidden": 1, "layers": 1, "targets": 1, "state_size": 2, "window": 50},
        {"hidden": 7, "layers": 2, "targets": 2, "state_size": 4, "window": 51},
        {"hidden": 33, "layers": 2, "targets": 5, "state_size": 16, "window": 97, "causal": True},
        {"hidden": 130, "layers": 1, "targets": 3, "state_size": 10, "window": 133},
        {"hidden": 24, "layers": 1, "targets": 3, "state_size": 64, "window": 250},
        {"hidden": 16, "layers": 1, "targets": 3, "state_size": 32, "window": 2, "causal": True},
        {"hidden": 9, "layers": 1, "targets": 3, "state_size": 8, "window": 1300},
    ],
    ids=str,
)
def test_every_size_computes_the_network(sizes, cascade, instruction_set):
    """Channels, rows and sections around the sizes of vectors, tiles, slices and pipelines; windows of many parts."""
    network = random_network(**sizes)
    inputs = inputs_of(network, 2)
    engine = engine_of(network, weights_of(network, cascade), 1, instruction_set)
    logits, features = engine.run(*inputs)
    assert logits.dtype == features.dtype == np.float32
    assert engine.features == network.features
    tolerance, truth = LOGITS if network.state_size <= 16 else 2 * LOGITS, network.outputs(*inputs)
    np.testing.assert_allclose(logits, truth.logits, rtol=0, atol=tolerance)
    np.testing.assert_allclose(features, truth.features, rtol=0, atol=tolerance * np.abs(truth.features).max())


@pytest.mark.parametrize("instruction_set", SETS)
def test_threads_batch_and_position_do_not_change_a_bit(network, instruction_set):
    weights, inputs = weights_of(network), inputs_of(network, 5)
    expected = both(engine_of(network, weights, 1, instruction_set), *inputs)
    for threads in (2, 3, 8):
        engine = engine_of(network, weights, threads, instruction_set)
        for _ in range(5):
            np.testing.assert_array_equal(both(engine, *inputs), expected)
        for at in range(5):
            alone = both(engine, *(x[at : at + 1] for x in inputs))
            np.testing.assert_array_equal(alone[0], expected[at])


def bfloat16(x):
    """To the nearest number with eight bits of significand, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)


def bytes_of_activations(y):
    """In 255 steps of each row, from the depth of GELU on."""
    offset = np.float64(np.float32(OFFSET))
    step = (y.max(axis=-1, keepdims=True) + offset) / 255
    return np.rint((y + offset) / step) * step - offset


def bytes_of_weights(weight):
    quantised, scale = quantise_weight(np.ascontiguousarray(weight.T, np.float32))
    return (quantised * scale.astype(np.float64)).T


REDUCED = {"bf16": (bfloat16, bfloat16), "int8": (bytes_of_activations, bytes_of_weights)}
"""How a precision rounds what the dense products multiply; the sums are exact beside that."""


def reduced_logits(network, precision, signal, continuous, categorical):
    """The network in float64, but for the factors of its dense products."""
    activations, weights = REDUCED[precision]
    x = np.swapaxes(signal.astype(np.float64), 1, 2) @ network.encoder_weight.T + network.encoder_bias
    for layer in network.layers:
        y = activations(gelu(convolve(x, layer.kernel) + layer.d * x))
        value, gate = np.split(y @ weights(layer.output_weight).T + layer.output_bias, 2, axis=-1)
        x = x + value / (1 + np.exp(-gate))
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + NORM_EPSILON) * layer.norm_weight + layer.norm_bias
    joined = np.concatenate([x.mean(axis=1), network._static(continuous, categorical)], axis=1)
    return joined @ network.head_weight.T + network.head_bias


@pytest.mark.parametrize(
    ("precision", "instruction_set"), [(p, name) for p in REDUCED for name in _core.instruction_sets(p)]
)
@pytest.mark.parametrize("hidden", [7, 40, 300])
@pytest.mark.parametrize("window", [50, 251])
def test_a_reduced_precision_rounds_as_its_gate_was_told(hidden, window, precision, instruction_set):
    """As the graph does on which a gate measures. A GELU that differs in its last bit may fall on the next level, and
    moves a logit by a level's share of one product in thousands: 1e-4, where the rounding itself costs 1e-3.
    """
    network = random_network(hidden=hidden, layers=2, targets=5, window=window)
    inputs = inputs_of(network, 2)
    weights = weights_of(network)
    engine = engine_of(network, weights, 1, instruction_set, precision)
    assert (engine.precision, engine.instruction_set) == (precision, instruction_set)
    logits, _ = engine.run(*inputs)
    np.testing.assert_allclose(logits, reduced_logits(network, precision, *inputs), rtol=0, atol=1e-4)
    assert np.abs(logits - network.logits(*inputs)).max() > 1e-5
    three = engine_of(network, weights, 3, instruction_set, precision)
    np.testing.assert_array_equal(three.run(*inputs)[0], logits)
    np.testing.assert_array_equal(three.run(*(x[1:] for x in inputs))[0][0], logits[1])


@pytest.mark.parametrize("precision", REDUCED)
def test_a_precision_that_the_cpu_lacks_is_refused(network, precision):
    """The portable kernels are there to test others by; nobody is given them for a precision that is to be fast."""
    if any(not name.startswith("portable") for name in _core.instruction_sets(precision)):
        assert engine_of(network, precision=precision).precision == precision
        return
    with pytest.raises(ValueError, match=f"this CPU lacks the instructions for {precision}"):
        engine_of(network, precision=precision)


def test_a_precision_that_nobody_has_is_refused(network):
    with pytest.raises(ValueError, match="no kernels for the precision 'fp16'"):
        engine_of(network, precision="fp16")


def test_one_engine_answers_many_threads_at_once(network):
    """Whoever finds the helpers taken computes alone; no answer may depend on it."""
    engine = engine_of(network, threads=2)
    inputs = [inputs_of(network, 2, seed) for seed in range(4)]
    expected = [both(engine, *x) for x in inputs]
    wrong = []

    def work(index):
        for _ in range(30):
            if not np.array_equal(both(engine, *inputs[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong


def test_engines_come_and_go(network):
    """Helpers end with their engine, whether or not they ever had work."""
    weights, inputs = weights_of(network), inputs_of(network, 1)
    before = threading.active_count()
    expected = both(engine_of(network, weights), *inputs)
    for _ in range(50):
        engine_of(network, weights, threads=4)
        np.testing.assert_array_equal(both(engine_of(network, weights, threads=4), *inputs), expected)
    assert threading.active_count() == before


def test_a_signal_of_zeros_and_one_at_the_clip_limit(network):
    for value in (0.0, 3.0, -3.0):
        signal, continuous, categorical = inputs_of(network, 1)
        signal[:] = value
        logits, _ = engine_of(network).run(signal, continuous, categorical)
        expected = network.logits(signal, continuous, categorical)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=LOGITS)


def test_numbers_that_almost_vanish_cost_no_more(network):
    """Their sum is exact zero or nothing that a logit could show; the caller's rounding mode is as it was."""
    signal, continuous, categorical = inputs_of(network, 1)
    tiny = np.float32(1e-39)
    engine_of(network).run(signal * tiny, continuous, categorical)
    assert np.float32(1e-39) * np.float32(1) > 0


def test_no_windows_give_no_logits(network):
    logits, features = engine_of(network).run(*inputs_of(network, 0))
    assert logits.shape == (0, network.targets)
    assert features.shape == (0, network.features)


@pytest.mark.parametrize("code", [-1, 5, 2**40])
def test_a_code_that_no_category_has_is_refused(network, code):
    signal, continuous, categorical = inputs_of(network, 2)
    categorical[1, 1] = code
    with pytest.raises(ValueError, match=f"category 1 has no code {code}"):
        engine_of(network).run(signal, continuous, categorical)


@pytest.mark.parametrize("argument", range(3))
def test_an_input_of_another_shape_is_refused(network, argument):
    inputs = list(inputs_of(network, 2))
    inputs[argument] = inputs[argument][:, :-1].copy()
    with pytest.raises(ValueError, match="another shape"):
        engine_of(network).run(*inputs)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("layers.1.b", None, "lack layers.1.b"),
        ("head.bias", lambda x: x[:-1], r"head.bias has shape \(6\), not \(7\)"),
        ("encoder.weight", lambda x: x.astype(np.float64), "encoder.weight is not of type F32"),
        ("layers.0.a", lambda x: x.astype(np.float32), "layers.0.a is not of type F64"),
        ("layers.2.output.weight", lambda x: x * np.float32(np.nan), "layers.2.output.weight has values that are not"),
        ("layers.0.cascade.r", lambda x: x[:, :-1], "layers.0.cascade.r has shape"),
        ("layers.0.cascade.taps", None, "lack layers.0.cascade.taps"),
        ("embeddings.1", lambda x: x[:-1], "embeddings.1 has shape"),
        ("static.0.mean", None, "lack static.0.mean"),
        ("encoder.bias", lambda x: x.astype(np.int32), "neither float32 nor float64"),
    ],
)
def test_weights_that_do_not_fit_are_refused(network, name, change, message):
    weights = weights_of(network)
    if change is None:
        del weights[name]
    else:
        weights[name] = np.ascontiguousarray(change(weights[name]))
    with pytest.raises(ValueError, match=message):
        engine_of(network, weights)


def test_sizes_of_another_contract_are_refused(network):
    with pytest.raises(ValueError, match="7 outputs, the contract 8 targets"):
        engine_of(network, targets=8)


@pytest.mark.parametrize(("choice", "message"), [("mmx", "no kernels"), ("neon", "no kernels|lacks"), ("avx512", "")])
def test_an_instruction_set_that_is_not_here_is_refused(network, choice, message):
    if choice in SETS:
        assert engine_of(network, instruction_set=choice).instruction_set == choice
        return
    with pytest.raises(ValueError, match=message or "lacks|no kernels"):
        engine_of(network, instruction_set=choice)


def test_no_thread_is_refused(network):
    with pytest.raises(ValueError, match="at least one thread"):
        engine_of(network, threads=0)
