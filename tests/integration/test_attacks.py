"""Bundles made to deceive: each test is named after the attack."""

import json

import msgspec
import numpy as np
import onnx
import pytest

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.onnx_guard import refers_outside


@pytest.fixture(scope="module")
def contents(bundle):
    opened = Bundle.open(bundle)
    return {name: opened.member(name) for name in bundles.MEMBERS if name != bundles.STEP_GRAPH}


def forged(contents, change_manifest=lambda manifest: manifest, **members):
    """A bundle whose digests are right, however wrong the rest is."""
    contents = {**contents, **{name.replace("_", "."): content for name, content in members.items()}}
    manifest = json.loads(contents[bundles.MANIFEST])
    for name in contents.keys() - {bundles.MANIFEST}:
        manifest["members"][name] = msgspec.to_builtins(bundles.Digest.of(contents[name]))
    encoded = change_manifest(json.dumps(manifest, ensure_ascii=False)).encode("utf-8", "surrogateescape")
    return bundles.pack({**contents, bundles.MANIFEST: encoded})


def graph_with(contents, change):
    model = onnx.load_from_string(contents[bundles.WINDOW_GRAPH])
    change(model)
    return model.SerializeToString()


def refused(content, message, backend="auto"):
    with pytest.raises(ecg2lab.BundleError, match=message):
        ecg2lab.load(Bundle.from_bytes(content, "forged"), backend)


def test_a_forgery_that_changes_nothing_loads(contents):
    with ecg2lab.load(Bundle.from_bytes(forged(contents))) as engine:
        assert engine.contract.targets


def test_weights_in_a_file_beside_the_caller(contents, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def point_outside(model):
        tensor = next(t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
        (tmp_path / "outside.bin").write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "outside.bin"

    refused(forged(contents, window_onnx=graph_with(contents, point_outside)), "outside the bundle")


@pytest.mark.parametrize("place", ["attribute", "attribute graph", "function", "sparse"])
def test_weights_outside_are_found_wherever_they_hide(place):
    tensor = onnx.TensorProto(data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    model = onnx.ModelProto()
    if place == "attribute":
        model.graph.node.add().attribute.add().t.CopyFrom(tensor)
    elif place == "attribute graph":
        model.graph.node.add().attribute.add().g.initializer.append(tensor)
    elif place == "function":
        model.functions.add().node.add().attribute.add().tensors.append(tensor)
    else:
        model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    assert refers_outside(model.SerializeToString())
    assert not refers_outside(onnx.ModelProto(ir_version=8).SerializeToString())


def test_a_graph_that_is_no_message(contents):
    for content in (b"\xff" * 64, contents[bundles.WINDOW_GRAPH][:-5]):
        refused(forged(contents, window_onnx=content), "no ONNX graph")


def test_a_graph_of_other_sizes_than_its_contract(contents):
    def fewer_targets(text):
        manifest = json.loads(text)
        manifest["contract"]["targets"].pop()
        return json.dumps(manifest)

    def shorter_window(text):
        return text.replace('"window_samples": 250', '"window_samples": 125')

    refused(forged(contents, fewer_targets), "does not fit its contract at 'logits'", "onnxruntime")
    refused(forged(contents, fewer_targets), "logits does not fit the contract", "native")
    refused(forged(contents, shorter_window), "does not fit its contract at 'signal'", "onnxruntime")
    refused(forged(contents, shorter_window), "does not fit the contract: signal", "native")
    refused(
        forged(contents, lambda t: t.replace('"window_samples": 250', '"window_samples": 1' + "0" * 15)), "manifest"
    )


def test_a_manifest_that_says_two_things(contents):
    repeated = '"synthetic_weights": true, "synthetic_weights": false'
    refused(
        forged(contents, lambda t: t.replace('"synthetic_weights": true', repeated)),
        "'synthetic_weights' appears twice",
    )


@pytest.mark.parametrize(
    "change", [lambda t: "[" * 100_000, lambda t: t.replace("mV", "\udcff"), lambda t: "", lambda t: "null"]
)
def test_a_manifest_that_is_no_json(contents, change):
    refused(forged(contents, change), "invalid manifest")


def test_a_bundle_without_end(tmp_path):
    huge = tmp_path / "huge.ecg2lab"
    with huge.open("wb") as file:
        file.truncate(2**32)  # sparse: occupies nothing
    for path, message in ((huge, "larger than any bundle"), ("/dev/zero", "no regular file")):
        with pytest.raises(ecg2lab.BundleError, match=message):
            ecg2lab.load(path)


def test_logits_that_are_not_finite_are_no_answer(contents, recording):
    def spoil(model):
        head = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and tuple(t.dims) == (10,)]
        head[-1].CopyFrom(onnx.numpy_helper.from_array(np.full(10, np.nan, np.float32), head[-1].name))

    with (
        ecg2lab.load(
            Bundle.from_bytes(forged(contents, window_onnx=graph_with(contents, spoil))), "onnxruntime"
        ) as engine,
        pytest.raises(ecg2lab.BackendError, match="not finite"),
    ):
        engine.predict(recording)
