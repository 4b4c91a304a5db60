"""Features, the second output: every backend gives those of float64, and bundles that give none say so."""

import json

import msgspec
import numpy as np
import pytest
from experience import experience_of, members_with_experience, tensors_of, write_with_experience
from safetensors.numpy import save

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab import selftest
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.errors import BackendError, BundleError

STATED = 1e-5
"""Of the window's largest feature, float32 against float64."""
BACKENDS = ["native", "onnxruntime", "torch"]
OLD = "released/0.1.0/bidirectional.ecg2lab"


def golden_of(path):
    golden = read_golden(Bundle.open(path))
    return tuple(golden[name] for name in ("signal", "continuous", "categorical")), golden


@pytest.fixture(params=["bundle", "causal_bundle"])
def either(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_those_of_float64(either, backend):
    inputs, golden = golden_of(either)
    largest = np.abs(golden["features"]).max(axis=1, keepdims=True)
    with ecg2lab.load(either, backend=backend, threads=1) as engine:
        features, outputs = engine.features(*inputs), engine.outputs(*inputs)
        assert (np.abs(features - golden["features"]) <= STATED * largest).all()
        np.testing.assert_array_equal(outputs.features, features)
        np.testing.assert_array_equal(outputs.logits, engine.run(*inputs))
        for at in range(len(features)):
            alone = engine.features(*(array[at : at + 1] for array in inputs))
            assert (np.abs(alone - golden["features"][at]) <= STATED * largest[at]).all()
        assert engine.features(*(array[:0] for array in inputs)).shape == (0, features.shape[1])


def test_they_are_what_the_last_layer_is_given(either):
    """The logits are the last layer's of them, in float64 and with the bundle's own weights."""
    opened = Bundle.open(either)
    golden, weights = read_golden(opened), opened.tensors(bundles.WEIGHTS)
    assert golden["features"].shape == (len(golden["signal"]), opened.features)
    logits = golden["features"] @ weights["head.weight"].T.astype(np.float64) + weights["head.bias"]
    np.testing.assert_allclose(logits, golden["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bundle_of_an_older_version_gives_none_whatever_could_compute_them(data_folder, backend):
    """Its manifest rules: native and torch have them, and would give what no proof speaks of."""
    path = data_folder / OLD
    inputs, golden = golden_of(path)
    assert "features" not in golden
    assert Bundle.open(path).features is None
    with ecg2lab.load(path, backend=backend, threads=1) as engine:
        outputs = engine.outputs(*inputs)
        assert outputs.features is None
        np.testing.assert_array_equal(outputs.logits, engine.run(*inputs))
        with pytest.raises(BackendError, match="gives no features: it was exported by an older ecg2lab; export it"):
            engine.features(*inputs)


def test_the_step_gives_those_of_its_window(causal_bundle):
    inputs, golden = golden_of(causal_bundle)
    with ecg2lab.load(causal_bundle, threads=1) as engine:
        step = engine.step_graph()
        outputs, _ = step.outputs(*inputs, state=step.initial(len(inputs[0])))
        largest = np.abs(golden["features"]).max()
        np.testing.assert_allclose(outputs.features, engine.features(*inputs), rtol=0, atol=STATED * largest)


def test_selftest_finds_features_that_are_not_those_of_the_bundle(bundle, doctored):
    opened = Bundle.open(bundle)
    golden = {name: np.array(array) for name, array in opened.tensors(bundles.GOLDEN).items()}
    golden["features"][3, 5] += 1e-2
    report = selftest.run(Bundle.open(doctored(bundle, {bundles.GOLDEN: save(golden)})))
    assert {check.quantity for check in report.checks if not check.passed} == {"features"}


def test_features_that_no_proof_speaks_of_are_refused(bundle, doctored):
    proof = json.loads(Bundle.open(bundle).member(bundles.PARITY))
    proof["checks"] = [check for check in proof["checks"] if check["quantity"] != "features"]
    with pytest.raises(BundleError, match=r"parity\.json is no proof of this bundle; export it again"):
        Bundle.open(doctored(bundle, {bundles.PARITY: json.dumps(proof).encode()}))


def with_network(opened, **changes):
    network = {**opened.manifest.network, **changes}
    return {"network": {name: size for name, size in network.items() if size is not None}}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (159, "its graph does not fit its manifest at 'features'; export it again"),
        (None, "other inputs and outputs than it should; export it again"),
        (0, "invalid manifest"),
    ],
)
def test_a_manifest_that_says_other_features_than_the_graph_is_refused(bundle, doctored, features, message):
    with pytest.raises(BundleError, match=message):
        Bundle.open(doctored(bundle, {}, **with_network(Bundle.open(bundle), features=features)))


def test_golden_features_that_do_not_fit_are_refused(bundle, doctored):
    golden = {name: np.array(array) for name, array in Bundle.open(bundle).tensors(bundles.GOLDEN).items()}
    for wrong in (golden["features"][:, :-1], golden["features"].astype(np.float32), golden["features"] * np.nan, None):
        arrays = {name: array for name, array in golden.items() if name != "features"}
        if wrong is not None:
            arrays["features"] = np.ascontiguousarray(wrong)
        opened = Bundle.open(doctored(bundle, {bundles.GOLDEN: save(arrays)}))
        with pytest.raises(BundleError, match="features does not fit the contract; export the bundle again"):
            selftest.run(opened)


def test_mean_and_whitening_travel_in_a_bundle(bundle, tmp_path):
    opened = Bundle.open(write_with_experience(bundle, tmp_path / "x.ecg2lab"))
    assert opened.native.names[-1] == bundles.EXPERIENCE
    tensors = opened.tensors(bundles.EXPERIENCE)
    expected = tensors_of(read_golden(opened)["features"])
    assert tensors.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(tensors[name], array)
    assert selftest.run(opened).passed


def changed(name, change):
    def apply(tensors):
        return tensors | {name: np.ascontiguousarray(change(tensors[name]))}

    return apply


def with_nan(array):
    array = array.copy()
    array.flat[-1] = np.nan
    return array


TENSORS = {
    "mean too short": (changed("mean", lambda a: a[:-1]), "mean has another shape or type"),
    "mean of one row": (changed("mean", lambda a: a[None]), "mean has another shape or type"),
    "float64": (changed("whitening", lambda a: a.astype(np.float64)), "whitening has another shape or type"),
    "whitening not square": (changed("whitening", lambda a: a[:, 1:]), "whitening has another shape or type"),
    "not finite": (changed("whitening", with_nan), "whitening is not finite"),
    "mean not finite": (changed("mean", with_nan), "mean is not finite"),
    "no mean": (lambda tensors: {"whitening": tensors["whitening"]}, "lacks mean"),
    "no whitening": (lambda tensors: {"mean": tensors["mean"]}, "lacks whitening"),
    "more": (lambda tensors: tensors | {"median": tensors["mean"]}, "holds more than mean and whitening"),
}


@pytest.mark.parametrize(("change", "message"), TENSORS.values(), ids=TENSORS)
def test_a_malformed_experience_is_refused_by_name(bundle, change, message):
    opened = Bundle.open(bundle)
    members = members_with_experience(opened, change(tensors_of(read_golden(opened)["features"])))
    refused(opened, members, experience_of(opened.features), f"experience.safetensors.* {message}; export it again")


def refused(opened, members, experience, message, **changes):
    contract = msgspec.structs.replace(opened.contract, experience=experience)
    manifest = msgspec.structs.replace(opened.manifest, contract=contract, **changes)
    with pytest.raises(BundleError, match=message):
        Bundle.from_bytes(bundles.seal(manifest, members))


def test_an_experience_that_contradicts_its_bundle_is_refused_by_name(bundle):
    opened = Bundle.open(bundle)
    members, own = members_with_experience(opened), experience_of(opened.features)
    bare = {name: content for name, content in members.items() if name != bundles.EXPERIENCE}
    refused(
        opened, bare, own, "its contract speaks of experience, but it lacks experience.safetensors; export it again"
    )
    refused(opened, members, None, "its contract does not speak of its experience.safetensors; export it again")
    refused(opened, members, experience_of(159), "its manifest says features 160, its contract 159; export it again")


def test_an_experience_of_a_bundle_that_gives_no_features_is_refused_by_name(data_folder):
    opened = Bundle.open(data_folder / OLD)
    members = members_with_experience(opened, tensors_of(np.random.default_rng(0).normal(size=(9, 160))))
    refused(opened, members, experience_of(160), "speaks of experience, but its graphs give no features; export it")
