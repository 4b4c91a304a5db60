"""The proof: it fails when anything is wrong, and then no file is written."""

import dataclasses
import json

import msgspec
import numpy as np
import pytest

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError, CheckpointError, ContractError, ParityError
from ecg2lab_export import cardiolab, dplr, export, parity, pipeline, window_graph
from ecg2lab_export.golden import make_golden
from ecg2lab_export.realisation import _to_real_basis, realise_system


@pytest.fixture
def out(tmp_path):
    return tmp_path / "folder" / "x.ecg2lab"


def proof_of(network, systems=None, change=None):
    """A proof of a network, of other systems than its own, or of a graph that `change` has changed."""
    systems = systems or tuple(realise_system(layer.system) for layer in network.layers)
    graph = window_graph.build(network, systems)
    if change:
        change(graph)
    return parity.prove(network, systems, graph, make_golden(network, pipeline.default_contract(network)))


def test_an_export_passes_its_own_proof_and_carries_it(parity_case, out):
    report = export(parity_case.checkpoint, out)
    assert all(check.passed for check in report.checks)
    kinds = [check.name.split(" ")[0] for check in report.checks]
    assert kinds == ["kernel", "kernel", "logits", "logits"]
    assert msgspec.json.decode(Bundle.open(out).member("parity.json"), type=parity.ParityReport) == report


def test_golden_outputs_of_the_bundle_are_the_float64_logits(parity_case, out, contract):
    from safetensors.numpy import load

    export(parity_case.checkpoint, out, contract=contract)
    golden = load(Bundle.open(out).member("golden.safetensors"))
    network = cardiolab.read(parity_case.checkpoint)
    expected = network.logits(golden["signal"], golden["continuous"], golden["categorical"])
    assert golden["logits"].dtype == np.float64
    np.testing.assert_array_equal(golden["logits"], expected)
    for column, feature in enumerate(contract.continuous):
        assert (golden["continuous"][:, column] >= feature.minimum).all()
        assert (golden["continuous"][:, column] <= feature.maximum).all()
    assert np.abs(golden["signal"]).max() <= contract.preprocessing.clip_mv


def test_native_weights_of_the_bundle_give_the_published_kernel(parity_case, out):
    """What a native engine reads: recurring with a, b, c in float64 must give the authors' kernels."""
    from safetensors.numpy import load

    export(parity_case.checkpoint, out)
    weights = load(Bundle.open(out).member("weights.safetensors"))
    for index, stored in enumerate(parity_case.io["kernels"]):
        a, b, c = (weights[f"layers.{index}.{key}"] for key in "abc")
        taps, state = np.empty_like(stored), b
        for t in range(stored.shape[-1]):
            taps[..., t] = (c * state).sum(axis=-1)
            state = np.einsum("hnm,hm->hn", a, state)
        assert np.abs(taps - stored).max() < 1e-9 * np.abs(stored).max()


def c_tilde_as_c(system):
    a_bar, b_bar = dplr.discretise(system)
    return _to_real_basis(a_bar, b_bar, dplr.complete(system.c))


def directions_exchanged(system):
    real = realise_system(system)
    return dataclasses.replace(real, c=np.ascontiguousarray(real.c[::-1]))


def a_little_faster(system):
    return realise_system(system._replace(log_dt=system.log_dt + 1e-4))


def single_precision(system):
    """The realisation rounded before, not after, the blocks are formed."""
    real = realise_system(system)
    return dataclasses.replace(real, a=real.a.astype(np.float32).astype(np.float64) * (1 + 2e-6))


@pytest.mark.parametrize("wrong", [c_tilde_as_c, directions_exchanged, a_little_faster, single_precision])
def test_a_wrong_realisation_is_refused_and_nothing_is_written(parity_case, out, monkeypatch, wrong):
    if wrong is directions_exchanged and "causal" in str(parity_case.checkpoint):
        wrong = c_tilde_as_c
    monkeypatch.setattr(pipeline, "realise_system", wrong)
    with pytest.raises(ParityError, match=r"kernel of layer \d.*no bundle was written"):
        export(parity_case.checkpoint, out)
    assert not out.parent.exists()


def test_a_refused_export_leaves_an_older_bundle_as_it_was(parity_case, out, monkeypatch):
    export(parity_case.checkpoint, out)
    before = out.read_bytes()
    monkeypatch.setattr(pipeline, "realise_system", c_tilde_as_c)
    with pytest.raises(ParityError):
        export(parity_case.checkpoint, out)
    assert out.read_bytes() == before
    assert [p.name for p in out.parent.iterdir()] == [out.name]


def test_every_changed_constant_of_the_graph_is_found(random_network):
    """Each float constant in turn is made 1 % larger; the logits of the golden inputs must tell."""
    import onnx

    network = random_network(3, hidden=4, state=4, layers=1, length=60)
    systems = tuple(realise_system(layer.system) for layer in network.layers)
    graph = window_graph.build(network, systems)
    names = [x.name for x in graph.graph.initializer if x.data_type == onnx.TensorProto.FLOAT]
    for index in range(len(names)):

        def change(model, index=index):
            constants = [x for x in model.graph.initializer if x.data_type == onnx.TensorProto.FLOAT]
            array = onnx.numpy_helper.to_array(constants[index]) * np.float32(1.01)
            constants[index].CopyFrom(onnx.numpy_helper.from_array(array, constants[index].name))

        report = proof_of(network, change=change)
        assert not any(c.passed for c in report.checks if c.name.startswith("logits")), names[index]


def test_not_a_number_never_passes(random_network):
    """Comparisons with NaN are false, also in `max`: each check must see it, wherever it stands."""
    network = random_network(4, hidden=3, layers=1, length=40)
    real = realise_system(network.layers[0].system)
    for key in "abc":
        spoiled = getattr(real, key).copy()
        spoiled[-1] = np.nan
        report = proof_of(network, systems=(dataclasses.replace(real, **{key: spoiled}),))
        assert not any(check.passed for check in report.checks), key


@pytest.mark.parametrize(
    ("error", "passed"), [(0.9e-5, True), (1e-5, True), (1.1e-5, False), (float("nan"), False), (float("inf"), False)]
)
def test_a_check_passes_up_to_its_limit(error, passed):
    check = parity.Check("logits", error, 1e-5)
    assert check.passed == passed
    report = parity.ParityReport("recurrent", "fp32", "x", (parity.Check("kernel", 0.0, 1e-6), check))
    if passed:
        report.require()
    else:
        with pytest.raises(ParityError, match="logits"):
            report.require()


def test_a_channel_without_a_kernel_is_exact_not_an_error(random_network):
    """C = 0 and D = 0: a dead channel, as pruning leaves; its error is 0, not 0/0."""
    network = random_network(5, hidden=3, layers=1, length=40)
    layer = network.layers[0]
    c, d = layer.system.c.copy(), layer.d.copy()
    c[:, 1], d[1] = 0, 0
    dead = dataclasses.replace(network, layers=(dataclasses.replace(layer, system=layer.system._replace(c=c), d=d),))
    proof_of(dead).require()


def test_exporting_twice_gives_the_same_bytes(parity_case, tmp_path, contract):
    for name in ("a", "b"):
        export(parity_case.checkpoint, tmp_path / f"{name}.ecg2lab", contract=contract)
    assert (tmp_path / "a.ecg2lab").read_bytes() == (tmp_path / "b.ecg2lab").read_bytes()


def test_the_bundle_says_what_it_is(parity_case, out, contract):
    import hashlib

    export(parity_case.checkpoint, out, contract=contract, synthetic_weights=True)
    manifest = Bundle.open(out).manifest
    assert manifest.contract == contract
    assert manifest.lineage.checkpoint_sha256 == hashlib.sha256(parity_case.checkpoint.read_bytes()).hexdigest()
    assert manifest.network.causal == ("causal" in str(parity_case.checkpoint))
    assert (manifest.network.hidden, manifest.network.state_size, manifest.network.layers) == (32, 8, 2)
    assert manifest.notice == "synthetic weights, not for clinical use"
    assert (manifest.opset, manifest.form, manifest.precision) == (17, "recurrent", "fp32")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"targets": c["targets"][:9]}, "10 targets, the contract 9"),
        (lambda c: {"continuous": c["continuous"][:9]}, "10 continuous features, the contract 9"),
        (lambda c: {"categorical": c["categorical"][:1]}, "2 categorical features, the contract 1"),
        (lambda c: {"signal": c["signal"] | {"window_samples": 500}}, "250 samples a window, the contract 500"),
        (lambda c: {"signal": c["signal"] | {"leads": c["signal"]["leads"][:8]}}, "12 leads, the contract 8"),
        (
            lambda c: {
                "categorical": [
                    c["categorical"][0],
                    c["categorical"][1] | {"categories": ["a", "b", "c", "d", "e", "f"]},
                ]
            },
            "5 categories of race, the contract 6",
        ),
    ],
)
def test_a_contract_of_another_network_is_refused(parity_case, out, contract, change, message):
    plain = json.loads(contracts.encode(contract))
    other = contracts.decode(json.dumps(plain | change(plain)))
    with pytest.raises(ContractError, match=message):
        export(parity_case.checkpoint, out, contract=other)
    assert not out.exists()


@pytest.mark.parametrize("options", [{"precision": "int8"}, {"form": "spectral"}, {"form": "x"}])
def test_what_is_not_available_is_refused_by_name(parity_case, out, options):
    with pytest.raises(CheckpointError, match=f"{next(iter(options.values()))!r} is not available"):
        export(parity_case.checkpoint, out, **options)


def test_a_damaged_bundle_is_never_written(parity_case, out, monkeypatch):
    """What was written is read back first."""
    right = bundles.pack
    monkeypatch.setattr(bundles, "pack", lambda contents: right(contents)[:-1])
    with pytest.raises(BundleError):
        export(parity_case.checkpoint, out)
    assert not out.exists()
