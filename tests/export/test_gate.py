"""The gate: a good reduction passes with its figures, a spoiled one is refused with them."""

import dataclasses

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle, Gate, Manifest
from ecg2lab.contract.claims import Experience, ExperienceLimit
from ecg2lab.errors import BackendError, BundleError, ParityError
from ecg2lab.proof import parity
from ecg2lab.system import cpu
from ecg2lab_export.architecture import contract_fit
from ecg2lab_export.experience import Space
from ecg2lab_export.forms import window_graph
from ecg2lab_export.forms.weights import weight_tensors
from ecg2lab_export.precision import auroc_loss, calibration, decisions_moved, gate
from ecg2lab_export.precision.passes import reduce_precision

from ..support.operating_points import decision, point

pytestmark = pytest.mark.slow

PRECISIONS = ("fp16", "bf16", "int8")


@pytest.fixture(scope="module")
def network(random_network):
    """Its head is ten times as large as at the start of training, so that logits differ between windows."""
    network = random_network(11, hidden=16, layers=2, length=100, targets=5)
    return dataclasses.replace(network, head_weight=10 * network.head_weight)


@pytest.fixture(scope="module")
def contract(network):
    return contract_fit.default_contract(network)


@pytest.fixture(scope="module")
def windows(contract):
    return calibration.generate(contract, 200)


@pytest.fixture(scope="module")
def model(network):
    return window_graph.build(network, "recurrent")


def changed(model, node_name, position, change):
    """A copy in which one constant, the input of a node at a position, is changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node = next(node for node in copy.graph.node if node.name == node_name)
    tensor = next(tensor for tensor in copy.graph.initializer if tensor.name == node.input[position])
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))
    return copy


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_good_reduction_passes_and_says_what_was_measured(model, windows, contract, precision, computable):
    computable(precision)
    measured = gate.measure(model, reduce_precision(model, precision), precision, windows, contract)
    passed = measured.gate()
    assert (passed.precision, passed.windows, passed.data) == (precision, 200, "generated windows, no patients")
    assert passed.data_sha256 == windows.sha256
    assert (passed.targets_by_labels, passed.targets_expected, passed.targets_unmeasured) == (0, 5, ())
    losses = {x.target: x.loss for x in measured.losses}
    assert passed.worst_auroc_loss == max(losses.values()) == losses[passed.worst_target] <= passed.limit == 0.002
    assert passed.macro_auroc_loss == pytest.approx(np.mean(list(losses.values())))
    assert 0 < passed.logit_error_median < passed.logit_error_max < 0.2
    assert passed.runtime.startswith("onnxruntime ")
    assert ("emulated" in passed.runtime) == (precision == "fp16")
    assert passed.cpu == cpu.name()


def test_equal_graphs_lose_nothing(model, windows, contract):
    """Float32 beside itself: the machinery adds nothing of its own."""
    passed = gate.measure(model, model, "bf16", windows, contract).gate(0.0)
    assert passed.worst_auroc_loss == passed.logit_error_max == 0


def test_outputs_of_fp32_may_be_computed_once(model, windows, contract):
    reduced = reduce_precision(model, "bf16")
    once = gate.measure(gate.outputs(model, windows), reduced, "bf16", windows, contract)
    assert once == gate.measure(model, reduced, "bf16", windows, contract)


def test_labels_are_used_where_they_suffice(model, windows, contract):
    """Labels for two targets; the third has too few of one kind, the others none."""
    random = np.random.default_rng(0)
    labels = np.full((200, 5), np.nan, np.float32)
    labels[:, :2] = random.random((200, 2)) < 0.4
    labels[:, 2] = np.arange(200) < 3
    known = dataclasses.replace(windows, labels=labels)
    measured = gate.measure(model, reduce_precision(model, "bf16"), "bf16", known, contract)
    assert [x.basis for x in measured.losses[2:]] == ["expected"] * 3
    assert measured.gate(0.1).targets_by_labels + measured.gate(0.1).targets_expected == 5
    assert "labels" in {x.basis for x in measured.losses[:2]}
    assert known.sha256 != windows.sha256


def test_a_spoiled_reduction_is_refused_with_its_figures(model, windows, contract):
    """One weight matrix with its channels in the wrong order."""
    reduced = reduce_precision(changed(model, "layers.1.value", 1, lambda w: w[:, ::-1].copy()), "bf16")
    measured = gate.measure(model, reduced, "bf16", windows, contract)
    worst = measured.measured[0]
    assert worst.loss > 0.002
    with pytest.raises(ParityError) as refusal:
        measured.gate()
    message = str(refusal.value)
    assert message.startswith("bf16 loses more than 0.002 AUROC on generated windows, no patients (200 windows)")
    assert f"{worst.target} {worst.loss:.2g} (of {worst.auroc:.3f}, expected)" in message


def test_the_users_limit_decides(model, windows, contract):
    measured = gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract)
    worst = measured.measured[0].loss
    assert worst > 0
    assert measured.gate(worst).worst_auroc_loss == worst
    with pytest.raises(ParityError, match="bf16 loses more than"):
        measured.gate(worst / 2)


def test_an_offset_of_all_logits_is_refused_though_it_costs_no_auroc(model, windows, contract):
    offset = np.float32([0, 0, 0.2, 0, 0])
    reduced = changed(reduce_precision(model, "bf16"), "head", 2, lambda bias: bias + offset)
    with pytest.raises(ParityError, match=r"bf16 moves the logit of target_002 by 0.2 in the median window"):
        gate.measure(model, reduced, "bf16", windows, contract).gate()


def with_points(contract, logits):
    """Every target is flagged in about a tenth of the windows."""
    cuts = 1 / (1 + np.exp(-np.quantile(logits, 0.9, axis=0)))
    targets = (
        msgspec.structs.replace(t, decision=decision(point(threshold=float(cut), windows=1)))
        for t, cut in zip(contract.targets, cuts, strict=True)
    )
    return msgspec.structs.replace(contract, targets=tuple(targets))


def within(contract, distance, features):
    """A limit for one window."""
    limits = (ExperienceLimit(windows=1, facts="all", most_missing=12, distance=distance, patients=100),)
    own = Experience(features=features, quantile=0.99, trained_on="a", chosen_on="b", limits=limits)
    return msgspec.structs.replace(contract, experience=own)


def test_flags_that_change_are_counted(model, windows, contract):
    exact = gate.outputs(model, windows)
    decided = with_points(contract, exact.logits)
    moved = exact._replace(logits=exact.logits + 0.05 * exact.logits.std(axis=0))
    share = decisions_moved.measure(exact, moved, decided, None).flags_changed
    flags = [
        decisions_moved.calibrated(x.logits, decided.targets) >= np.quantile(exact.logits, 0.9, axis=0)
        for x in (exact, moved)
    ]
    assert share == pytest.approx((flags[0] != flags[1]).mean(), abs=2e-3)
    assert share > 0.005
    measured = gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, decided)
    assert measured.gate().flags_changed == measured.decisions.flags_changed <= measured.gate().decision_limit == 0.005
    too_many = dataclasses.replace(measured, decisions=decisions_moved.DecisionsMoved(share, None, None))
    with pytest.raises(ParityError, match=rf"bf16: {share:.2%} of the flags change, more than 0.5%, on generated"):
        too_many.gate()


def test_what_is_outside_experience_is_counted(model, windows, contract):
    exact = gate.outputs(model, windows)
    mean = exact.features.mean(axis=0)
    space = Space(mean.astype(np.float32), np.eye(mean.size, dtype=np.float32))
    limit = float(np.quantile(space.distances(exact.features), 0.9))
    known = within(contract, limit, mean.size)
    assert decisions_moved.measure(exact, exact, known, space).outside_reduced == pytest.approx(0.1)
    further = exact._replace(features=mean + 1.1 * (exact.features - mean))
    moved = decisions_moved.measure(exact, further, known, space)
    assert moved.outside_reduced > moved.outside_fp32 + 0.005
    measured = gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, known, space=space)
    assert measured.gate().outside_fp32 == pytest.approx(0.1)
    with pytest.raises(ParityError, match=r"are outside experience, 10\.00% in fp32, more than 0\.5% beyond it"):
        dataclasses.replace(measured, decisions=moved).gate()
    nearer = exact._replace(features=mean + 0.9 * (exact.features - mean))
    assert decisions_moved.measure(exact, nearer, known, space).refusal() is None


def test_without_points_or_limits_nothing_is_counted(model, windows, contract):
    exact = gate.outputs(model, windows)
    assert decisions_moved.measure(exact, exact, contract, None) == decisions_moved.DecisionsMoved(None, None, None)


def test_an_activation_beyond_float16_is_refused(network, windows, contract):
    """Skip weights of a million: the convolution reaches a million, float16 ends at 65504."""
    loud = dataclasses.replace(network.layers[0], d=1e6 * network.layers[0].d)
    model = window_graph.build(dataclasses.replace(network, layers=(loud, *network.layers[1:])), "recurrent")
    with pytest.raises(ParityError, match=r"fp16 gives logits that are not finite for \d+ of 200 windows"):
        gate.measure(model, reduce_precision(model, "fp16"), "fp16", windows, contract)
    gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract)


def with_certain_targets(network, certain):
    bias = network.head_bias.copy()
    bias[certain] = 5000.0
    return window_graph.build(dataclasses.replace(network, head_bias=bias), "recurrent")


def test_a_target_without_an_auroc_is_named(network, windows, contract):
    model = with_certain_targets(network, [3])
    passed = gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract).gate()
    assert passed.targets_unmeasured == ("target_003",)
    assert passed.targets_expected == 4


def test_a_gate_that_can_measure_nothing_refuses(network, windows, contract):
    model = with_certain_targets(network, slice(None))
    with pytest.raises(ParityError, match="cannot measure an AUROC on generated windows"):
        gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract).gate()


def test_not_a_number_never_passes(model, windows, contract):
    measured = gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract)
    spoiled = auroc_loss.TargetLoss("x", "expected", 0.7, float("nan"), 0.0)
    with pytest.raises(ParityError):
        dataclasses.replace(measured, losses=(spoiled,)).gate()


def test_int8_is_refused_on_a_cpu_without_8_bit_products(model, windows, contract, monkeypatch):
    reduced = reduce_precision(model, "int8")
    monkeypatch.setattr(cpu, "features", lambda: ("avx2", "fma", "avx512f", "avx512bw"))
    with pytest.raises(BackendError, match="int8 needs a CPU with VNNI"):
        gate.measure(model, reduced, "int8", windows, contract)
    gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract)


def test_int8_is_measured_in_plain_c_where_the_weights_are_at_hand(network, model, windows, contract, monkeypatch):
    """The sums are whole numbers, so that it does not matter what adds them; see the next test."""
    reduced, weights = reduce_precision(model, "int8"), weight_tensors(network, {})
    monkeypatch.setattr(cpu, "features", lambda: ("avx2", "fma"))
    measured = gate.measure(model, reduced, "int8", windows, contract, weights)
    assert measured.runtime == "ecg2lab native, plain C++"
    assert 0 < measured.logit_error_max < 0.25
    assert measured.gate().precision == "int8"


def test_plain_c_measures_int8_as_instructions_do(network, model, windows, contract, computable, monkeypatch):
    """Rounding of one scale may move a logit by a little; what the gate sees is moved less than a tenth."""
    computable("int8")
    reduced, weights = reduce_precision(model, "int8"), weight_tensors(network, {})
    fast = gate.measure(model, reduced, "int8", windows, contract, weights)
    monkeypatch.setattr(cpu, "features", lambda: ("avx2", "fma"))
    plain = gate.measure(model, reduced, "int8", windows, contract, weights)
    assert plain.runtime != fast.runtime
    assert plain.logit_error_max == pytest.approx(fast.logit_error_max, rel=0.1)


@pytest.fixture
def passed(model, windows, contract):
    return gate.measure(model, reduce_precision(model, "bf16"), "bf16", windows, contract).gate()


def rewritten(content: bytes, **changes) -> bytes:
    """The small bundle with another manifest."""
    opened = Bundle.from_bytes(content)
    manifest = msgspec.to_builtins(opened.manifest) | changes
    members = {name: opened.member(name) for name in opened.manifest.members}
    return bundles.pack({bundles.MANIFEST: msgspec.json.encode(manifest), **members})


def in_int8(content: bytes) -> bytes:
    """The small bundle with the graph of int8, proved by nobody."""
    opened = Bundle.from_bytes(content)
    graph = reduce_precision(onnx.load_from_string(opened.member(bundles.WINDOW_GRAPH)), "int8").SerializeToString()
    proof = msgspec.structs.replace(parity.recorded(opened), precision="int8")
    changed = {bundles.WINDOW_GRAPH: graph, bundles.PARITY: msgspec.json.encode(proof)}
    members = {name: opened.member(name) for name in opened.manifest.members} | changed
    return bundles.seal(msgspec.structs.replace(opened.manifest, precision="int8"), members)


def test_a_manifest_carries_its_gates(small_bundle, passed):
    opened = Bundle.from_bytes(rewritten(small_bundle, gates={"bf16": msgspec.to_builtins(passed)}))
    assert opened.manifest.gates == {"bf16": passed}


def test_a_bundle_without_gates_stays_readable(small_bundle):
    manifest = msgspec.to_builtins(Bundle.from_bytes(small_bundle).manifest)
    del manifest["gates"]
    assert msgspec.convert(manifest, Manifest).gates == {}


def test_a_gate_of_before_decisions_were_counted_is_one(small_bundle, passed):
    told = msgspec.to_builtins(passed)
    for name in ("decision_limit", "flags_changed", "outside_fp32", "outside_reduced"):
        del told[name]
    opened = Bundle.from_bytes(rewritten(small_bundle, gates={"bf16": told}))
    assert opened.manifest.gates["bf16"].flags_changed is None


@pytest.mark.parametrize(
    ("precision", "change", "message"),
    [
        ("bf16", {"worst_auroc_loss": 0.1}, "the gate of bf16 was not passed"),
        ("fp16", {}, "the gate of fp16 speaks of bf16"),
        ("fp32", {}, "fp32"),
        ("bf16", {"data_sha256": "0"}, "data_sha256"),
        ("bf16", {"logit_error_max": None}, "logit_error_max"),
        ("bf16", {"flags_changed": 0.1}, "the gate of bf16 was not passed"),
        ("bf16", {"flags_changed": 0.1, "decision_limit": None}, "without a limit"),
        ("bf16", {"flags_changed": -0.1}, "flags_changed"),
        ("bf16", {"outside_fp32": 0.01, "outside_reduced": 0.02}, "the gate of bf16 was not passed"),
        ("bf16", {"outside_fp32": 0.01}, "of one precision alone"),
    ],
)
def test_a_gate_that_was_not_passed_is_no_gate(small_bundle, passed, precision, change, message):
    told = msgspec.to_builtins(passed) | change
    with pytest.raises(BundleError, match=message):
        Bundle.from_bytes(rewritten(small_bundle, gates={precision: told}))


def test_an_int8_bundle_does_not_load_on_a_cpu_without_8_bit_products(small_bundle, monkeypatch):
    import ecg2lab

    monkeypatch.setattr(cpu, "features", lambda: ("neon", "fp16"))
    with pytest.raises(BackendError, match="int8 needs a CPU with VNNI"):
        ecg2lab.load(Bundle.from_bytes(in_int8(small_bundle)), backend="onnxruntime")


def test_inspect_shows_the_gates(small_bundle, passed, tmp_path):
    from typer.testing import CliRunner

    from ecg2lab.cli import app

    path = tmp_path / "gated.ecg2lab"
    path.write_bytes(rewritten(small_bundle, gates={"bf16": msgspec.to_builtins(passed)}))
    shown = " ".join(CliRunner().invoke(app, ["inspect", str(path)]).output.split())
    for figure in ("bf16", "200", passed.data, passed.worst_target, f"{passed.worst_auroc_loss:.1e}"):
        assert figure in shown
    told = msgspec.json.decode(CliRunner().invoke(app, ["inspect", str(path), "--json"]).output)
    assert msgspec.convert(told["manifest"]["gates"]["bf16"], Gate) == passed
