"""What the tests of the model repository share: bundles, a written model, and Triton's own reader of configurations."""

import msgspec
import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab_export import export
from ecg2lab_export.triton import repository
from ecg2lab_export.triton.settings import Settings


@pytest.fixture(scope="session")
def path(tmp_path_factory, data_folder, contract):
    out = tmp_path_factory.mktemp("bundle") / "ward-7.ecg2lab"
    checkpoint = data_folder / "parity" / "bidirectional-small" / "checkpoint.ckpt"
    export(checkpoint, out, contract=contract, synthetic_weights=True)
    return out


@pytest.fixture(scope="session")
def bundle(path):
    return Bundle.open(path)


@pytest.fixture(scope="session")
def model(tmp_path_factory, bundle):
    """Folder of the plain model."""
    out = tmp_path_factory.mktemp("plain") / "repo"
    repository.write(bundle, out, Settings(name="ward-7"))
    return out / "ward-7"


@pytest.fixture
def recording(data_folder):
    return ecg2lab.read(data_folder / "HR06000.hea")


def _parsed(folder):
    return text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())


def _written(bundle, out, *, name="m", tensorrt=False, stream=False, replace=False, **settings):
    return repository.write(
        bundle, out, Settings(name=name, **settings), tensorrt=tensorrt, stream=stream, replace=replace
    )


def _changed(bundle, contents=None, **manifest):
    """A bundle whose digests are right, with another manifest or other members."""
    members = {name: bundle.member(name) for name in bundle.manifest.members} | (contents or {})
    return Bundle.from_bytes(bundles.seal(msgspec.structs.replace(bundle.manifest, **manifest), members), "changed")


@pytest.fixture(scope="session")
def parsed():
    """The configuration in a model's folder, read with Triton's schema."""
    return _parsed


@pytest.fixture(scope="session")
def written():
    """Write a bundle's models into a repository."""
    return _written


@pytest.fixture(scope="session")
def changed():
    """A bundle whose digests are right, with another manifest or other members."""
    return _changed


@pytest.fixture(scope="session")
def shift_a_bias():
    return _shift_a_bias


def _shift_a_bias(graph):
    """Of the head, by far more than rounding."""
    model = onnx.load_from_string(graph)
    bias = next(t for t in model.graph.initializer if tuple(t.dims) == (10,) and t.data_type == onnx.TensorProto.FLOAT)
    moved = onnx.numpy_helper.to_array(bias) + np.float32(0.01)
    bias.CopyFrom(onnx.numpy_helper.from_array(moved, bias.name))
    return model.SerializeToString()
