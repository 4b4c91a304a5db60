"""The client that is written beside a model: its requests fit the configuration, its answers are the engine's."""

import importlib.util
import re
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
from experience import experience_of, write_with_experience
from safetensors.numpy import load
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, TYPE_INT64

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.errors import BackendError


class Server:
    """In place of a Triton server: accepts what the model's configuration allows, and runs the repository's graph."""

    def __init__(self, folder, config):
        self.config = config
        self.batches = []
        self._session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])

    def get_model_config(self, name):
        assert name == self.config.name
        return SimpleNamespace(config=self.config)

    def infer(self, name, inputs, outputs):
        assert name == self.config.name
        names = [output.name() for output in outputs]
        assert names == ["logits", "features"] == [output.name for output in self.config.output]
        declared = {x.name: x for x in self.config.input}
        feed = {}
        for tensor in inputs:
            wanted = declared.pop(tensor.name())
            batch, *dims = tensor.shape()
            assert 1 <= batch <= self.config.max_batch_size
            assert dims == list(wanted.dims)
            assert tensor.datatype() == {TYPE_FP32: "FP32", TYPE_INT64: "INT64"}[wanted.data_type]
            dtype = {TYPE_FP32: np.float32, TYPE_INT64: np.int64}[wanted.data_type]
            feed[tensor.name()] = np.frombuffer(tensor._get_content(), dtype).reshape(batch, *dims)
        assert not declared
        self.batches.append(batch)
        return SimpleNamespace(as_numpy=dict(zip(names, self._session.run(names, feed), strict=True)).get)


@pytest.fixture
def served(monkeypatch, parsed):
    """Of a model's folder the client's module, loaded from there, and the server that it meets."""

    def serve(folder):
        server = Server(folder, parsed(folder))
        monkeypatch.setattr(tritonclient.grpc, "InferenceServerClient", lambda address: server)
        spec = importlib.util.spec_from_file_location("triton_client", folder / "client.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setattr("sys.dont_write_bytecode", True)
        spec.loader.exec_module(module)
        return module, server

    return serve


@pytest.fixture
def client(model, served):
    return served(model)


@pytest.mark.slow
def test_the_client_answers_as_the_engine(client, path, recording):
    """Both compute in float32, in other batches."""
    module, server = client
    patient = ecg2lab.Patient(age=63, sex="female", heart_rate_bpm=88)
    findings = module.Model("anywhere").predict(recording, patient)
    with ecg2lab.load(path, threads=1) as engine:
        expected = engine.predict(recording, patient).findings
    assert [f.target for f in findings] == [f.target for f in expected]
    assert [f.detected for f in findings] == [f.detected for f in expected]
    assert np.allclose([f.probability for f in findings], [f.probability for f in expected], atol=1e-5)
    assert server.batches == [4]


@pytest.mark.slow
def test_the_client_decides_how_far_experience_reaches_as_the_engine(path, tmp_path, recording, written, served):
    """Every recording is beyond a limit of next to nothing: nothing is flagged."""
    bundle = ecg2lab.Bundle.open(path)
    near = experience_of(bundle.features, limits=[(n, 1e-6) for n in (1, 4, 6)])
    own = write_with_experience(path, tmp_path / "near.ecg2lab", near)
    written(ecg2lab.Bundle.open(own), tmp_path / "near")
    module, _ = served(tmp_path / "near" / "m")
    findings = module.Model("anywhere").predict(recording, ecg2lab.Patient(age=63, sex="female"))
    with ecg2lab.load(own, threads=1) as engine:
        expected = engine.predict(recording, ecg2lab.Patient(age=63, sex="female")).findings
    assert [f.verdict for f in findings] == [f.verdict for f in expected]
    assert not any(f.detected for f in findings)


def test_the_client_splits_what_is_larger_than_a_batch(client, path, recording):
    module, server = client
    long = ecg2lab.Recording(np.tile(recording.samples, 12), fs=recording.fs, leads=recording.leads, unit="mV")
    findings = module.Model("anywhere").predict(long, ecg2lab.Patient())
    with ecg2lab.load(path, threads=1) as engine:
        expected = engine.predict(long).findings
    assert np.allclose([f.probability for f in findings], [f.probability for f in expected], atol=1e-5)
    assert server.batches == [16, 16, 16]


def test_the_graph_in_the_repository_computes_what_the_engine_runs(client, path, bundle):
    module, _ = client
    golden = load(bundle.member(bundles.GOLDEN))
    inputs = {name: golden[name] for name in ("signal", "continuous", "categorical")}
    with ecg2lab.load(path, threads=1) as engine:
        expected = engine.outputs(**inputs)
    # the same graph on the same processor: threads may change the order of sums, no more
    served = module.Model("anywhere").outputs(inputs)
    assert np.abs(served.logits - expected.logits).max() < 2e-6
    assert np.abs(served.features - expected.features).max() < 1e-6 * np.abs(expected.features).max()


def test_the_client_shows_whether_a_server_computes_the_model(client, model, capsys):
    module, server = client
    module.report_golden(module.Model("anywhere"))
    assert re.findall("largest error of a (logit|feature): ", capsys.readouterr().out) == ["logit", "feature"]
    genuine = server.infer
    for wrong in ("logits", "features"):
        server.infer = lambda *given, wrong=wrong, **named: SimpleNamespace(
            as_numpy=lambda name: genuine(*given, **named).as_numpy(name) + 1e-3 * (name == wrong)
        )
        with pytest.raises(BackendError, match="does not compute this bundle"):
            module.report_golden(module.Model("anywhere"))


def test_the_client_refuses_a_server_with_another_bundle(client):
    module, server = client
    server.config.parameters["ecg2lab_bundle_digest"].string_value = "0" * 64
    with pytest.raises(BackendError, match="another bundle"):
        module.Model("anywhere")


def test_a_server_that_does_not_answer_is_one_line(client, monkeypatch):
    module, server = client

    def silent(name):
        raise tritonclient.grpc.InferenceServerException("failed to connect")

    monkeypatch.setattr(server, "get_model_config", silent)
    monkeypatch.setattr("sys.argv", ["client.py", "anywhere"])
    with pytest.raises(SystemExit, match="^error: BackendError: anywhere: failed to connect$"):
        module.main()


def test_the_client_complains_in_one_line(client, model, monkeypatch):
    module, _ = client
    monkeypatch.setattr("sys.argv", ["client.py", "anywhere", "absent.hea"])
    with pytest.raises(SystemExit, match=r"^error: RecordingError: .*absent\.hea"):
        module.main()
