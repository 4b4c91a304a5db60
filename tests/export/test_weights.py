"""`weights.safetensors`: what a native engine reads, and from which every graph can be built again."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError
from ecg2lab_export import export
from ecg2lab_export.forms import window_graph
from ecg2lab_export.forms.weights import read_network, weight_tensors
from ecg2lab_export.network import cardiolab


@pytest.fixture(scope="module")
def exported(parity_case, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "x.ecg2lab"
    export(parity_case.checkpoint, path)
    return Bundle.open(path)


@pytest.mark.slow
def test_the_state_space_gives_the_authors_kernels(parity_case, exported):
    """Recurring with a, b and c in float64, sample by sample: what a native engine starts from."""
    weights = load(exported.member("weights.safetensors"))
    for index, stored in enumerate(parity_case.io["kernels"]):
        a, b, c = (weights[f"layers.{index}.{key}"] for key in "abc")
        assert a.dtype == b.dtype == c.dtype == np.float64
        taps, state = np.empty_like(stored), b
        for t in range(stored.shape[-1]):
            taps[..., t] = (c * state).sum(axis=-1)
            state = np.einsum("dhnm,dhm->dhn", a, state)
        assert np.abs(taps - stored).max() < 1e-9 * np.abs(stored).max()


@pytest.mark.slow
def test_the_cascade_gives_the_authors_kernels_in_float32(parity_case, exported):
    from ecg2lab_export.forms.cascade import Cascade

    weights = load(exported.member("weights.safetensors"))
    for index, stored in enumerate(parity_case.io["kernels"]):
        parts = [weights[f"layers.{index}.cascade.{key}"] for key in ("h", "r", "taps")]
        assert {x.dtype for x in parts} == {np.dtype(np.float32)}
        errors = np.abs(Cascade(*parts).kernel(stored.shape[-1]) - stored).max(axis=-1)
        assert (errors / np.abs(stored).max(axis=-1)).max() < 2e-6


def test_the_network_read_back_computes_the_logits(parity_case, exported):
    """Weights were rounded to float32 once, BatchNorm folded before: 1e-5, half of what a bundle is held to."""
    io = parity_case.io
    logits = read_network(exported).logits(io["signal"], io["continuous"], io["categorical"])
    np.testing.assert_allclose(logits, io["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_graphs_can_be_built_from_it(parity_case, exported, form):
    from ecg2lab.backends.onnxruntime import make_session

    io = parity_case.io
    session = make_session(window_graph.build(read_network(exported), form).SerializeToString(), threads=1)
    logits = session.run(None, {name: io[name] for name in ("signal", "continuous", "categorical")})[0]
    np.testing.assert_allclose(logits, io["logits"], rtol=0, atol=1e-5)


def test_the_network_read_back_knows_its_sizes_but_not_its_published_parameters(parity_case, exported):
    network, original = read_network(exported), cardiolab.read(parity_case.checkpoint)
    for name in ("leads", "hidden", "window", "causal", "continuous_features", "targets"):
        assert getattr(network, name) == getattr(original, name), name
    assert network.states <= original.state_size
    assert not hasattr(network, "state_size")


def test_every_number_of_the_network_is_stored_once(random_network):
    """No name of the published state space is left, and of BatchNorm only the mean, which comes off first."""
    network = random_network(0, layers=2)
    names = set(weight_tensors(network, {}))
    layer = {"a", "b", "c", "d", "output.weight", "output.bias", "norm.weight", "norm.bias"}
    expected = {f"layers.{i}.{key}" for i in range(2) for key in layer}
    expected |= {f"{part}.{key}" for part in ("encoder", "head") for key in ("weight", "bias")}
    expected |= {f"static.{i}.{key}" for i in range(3) for key in ("mean", "weight", "bias")}
    assert names == expected | {"embeddings.0", "embeddings.1"}


@pytest.mark.parametrize("name", ["encoder.weight", "head.bias", "layers.0.c", "layers.1.norm.weight", "static.0.bias"])
def test_a_missing_tensor_is_named(exported, name):
    weights = load(exported.member("weights.safetensors"))
    del weights[name]
    contents = {member: exported.member(member) for member in exported.manifest.members}
    contents |= {bundles.WEIGHTS: save(weights)}
    sealed = bundles.seal(exported.manifest, contents)
    # What shows how many inputs the network takes is asked for as soon as a bundle is opened.
    missing = f"weights.safetensors (lacks {name}|is not that of a network: '{name}' is missing)"
    with pytest.raises(BundleError, match=missing):
        read_network(Bundle.from_bytes(sealed))
