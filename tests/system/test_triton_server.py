"""A model repository in a real Triton server: that of nvidia-pytriton, which runs without a container or a GPU.

Its onnxruntime backend is a stand-in (triton_backend.py), so neither CUDA nor TensorRT, nor the state that a sequence
carries from chunk to chunk, is tried here.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc as triton

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.demo import record_path
from ecg2lab_export import export
from ecg2lab_export.triton import repository
from ecg2lab_export.triton.settings import Settings

PACKAGE = importlib.util.find_spec("pytriton")
HOME = Path(PACKAGE.origin).parent if PACKAGE else Path()
STUB = HOME / "tritonserver/python_backend_stubs" / f"{sys.version_info[0]}.{sys.version_info[1]}"
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(PACKAGE is None, reason="no Triton server (pip install --no-deps nvidia-pytriton)"),
    pytest.mark.skipif(not STUB.is_dir(), reason="nvidia-pytriton has no Python backend for this Python"),
]


def free_ports(count):
    with_ports = [socket.socket() for _ in range(count)]
    for each in with_ports:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in with_ports]
    for each in with_ports:
        each.close()
    return ports


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, data_folder):
    """A causal model, so that there is a step graph too."""
    path = tmp_path_factory.mktemp("bundle") / "labs.ecg2lab"
    parity = data_folder / "parity"
    export(parity / "causal-small" / "checkpoint.ckpt", path, contract=parity / "contract.json", synthetic_weights=True)
    return path


class Server:
    """A running server, and what its backend was asked to compute."""

    def __init__(self, folder, address, calls):
        self.folder, self.address, self.client = folder, address, triton.InferenceServerClient(address)
        self._calls = calls

    def sizes(self, model):
        lines = map(json.loads, self._calls.read_text().splitlines())
        return [line["sizes"] for line in lines if line["model"] == model]


@pytest.fixture(scope="module")
def server(tmp_path_factory, bundle):
    folder = tmp_path_factory.mktemp("triton")
    repository.write(bundle, folder / "repo", Settings(name="labs"), tensorrt=True, stream=True)
    backends = folder / "backends"
    shutil.copytree(HOME / "tritonserver/backends/python", backends / "python")
    shutil.copytree(STUB, backends / "python", dirs_exist_ok=True)
    (backends / "python" / "triton_python_backend_stub").chmod(0o755)
    (backends / "onnxruntime").mkdir()
    shutil.copy(Path(__file__).with_name("triton_backend.py"), backends / "onnxruntime" / "model.py")
    calls = folder / "calls.jsonl"
    http, grpc = free_ports(2)
    command = [HOME / "tritonserver/bin/tritonserver", f"--model-repository={folder / 'repo'}"]
    command += [f"--backend-directory={backends}", "--allow-metrics=false", "--exit-on-error=false"]
    command += [f"--http-port={http}", f"--grpc-port={grpc}", "--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
    libraries = (HOME.parent / "nvidia_pytriton.libs", sysconfig.get_config_var("LIBDIR"))
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),  # its Python is this one
        "ORT_DISABLE_TELEMETRY": "1",
        "ECG2LAB_CALLS": str(calls),
    }
    command[0].chmod(0o755)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        running = Server(folder / "repo", f"127.0.0.1:{grpc}", calls)
        _wait(process, running.client, folder / "log")
        yield running
    finally:
        process.terminate()
        process.wait(30)


def _wait(process, client, log):
    """Until the server has tried all models; it is never *ready*, because one of them needs a GPU."""
    for _ in range(600):
        if process.poll() is not None:
            text = log.read_text(errors="replace")
            if "GLIBC" in text or "cannot open shared object" in text:
                pytest.skip(f"nvidia-pytriton does not start here: {text.splitlines()[-1]}")
            pytest.fail(text[-3000:])
        try:
            states = [model.state for model in client.get_model_repository_index().models]
            if len(states) == 3 and all(state in ("READY", "UNAVAILABLE") for state in states):
                return
        except triton.InferenceServerException:
            pass
        time.sleep(0.1)
    pytest.fail("the server did not load its models within a minute: " + log.read_text(errors="replace")[-3000:])


def ask(server, *arguments):
    command = [sys.executable, server.folder / "labs" / "client.py", server.address, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def inputs(signal, **features):
    arrays = {
        "signal": signal,
        "continuous": np.zeros((len(signal), 10), np.float32),
        "categorical": np.zeros((len(signal), 2), np.int64),
    } | features
    tensors = []
    for name, array in arrays.items():
        tensor = triton.InferInput(name, list(array.shape), "INT64" if array.dtype == np.int64 else "FP32")
        tensor.set_data_from_numpy(array)
        tensors.append(tensor)
    return tensors


def test_the_server_takes_every_model_that_it_has_the_hardware_for(server):
    states = {model.name: (model.state, model.reason) for model in server.client.get_model_repository_index().models}
    assert states["labs"] == ("READY", "")
    assert states["labs_stream"] == ("READY", "")


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a GPU here")
def test_a_model_for_tensorrt_is_refused_by_name_where_there_is_no_gpu(server):
    reasons = {model.name: model.reason for model in server.client.get_model_repository_index().models}
    assert "no GPUs are available" in reasons["labs_tensorrt"]


def test_each_preferred_batch_ran_before_the_model_was_ready(server):
    assert server.sizes("labs")[:4] == [[1], [1] * 4, [1] * 8, [1] * 16]


def test_the_client_finds_the_bundle_computed(server):
    result = ask(server)
    assert result.returncode == 0, result.stderr
    assert "largest error of a logit" in result.stdout


def test_the_client_answers_for_a_record_as_the_engine_does(server, bundle):
    result = ask(server, record_path())
    assert result.returncode == 0, result.stderr
    with ecg2lab.load(bundle, threads=1) as engine:
        findings = engine.predict(ecg2lab.read(record_path())).findings
    told = dict(line.split()[:2] for line in result.stdout.splitlines()[:-1])
    assert told == {finding.target: f"{finding.probability:.1%}" for finding in findings}
    assert server.sizes("labs")[-1] == [4]  # a 10-s ECG is one call


def test_requests_that_come_together_are_batched_and_never_mixed(server, bundle):
    """Each request gets the logits of its own window, whatever ran beside it."""
    signal = np.random.default_rng(0).normal(0, 0.3, (24, 12, 250)).astype(np.float32)
    with ecg2lab.load(bundle, threads=1) as engine:
        expected = engine.run(signal, np.zeros((24, 10)), np.zeros((24, 2), int))

    def one(index):
        return server.client.infer("labs", inputs(signal[index : index + 1])).as_numpy("logits")[0]

    with ThreadPoolExecutor(12) as pool:
        answers = np.stack(list(pool.map(one, list(range(24)) * 5)))
    # float32 sums in another order, of logits up to 20
    assert np.abs(answers - np.tile(expected, (5, 1))).max() < 5e-5
    assert max(map(len, server.sizes("labs")[4:])) > 1


def test_the_largest_logit_comes_with_its_target(server, bundle):
    wanted = triton.InferRequestedOutput("logits", class_count=1)
    result = server.client.infer("labs", inputs(np.zeros((1, 12, 250), np.float32)), outputs=[wanted])
    _, index, label = result.as_numpy("logits")[0, 0].decode().split(":")
    assert label == ecg2lab.Bundle.open(bundle).contract.target_names[int(index)]


def test_a_window_of_another_length_or_a_batch_too_large_is_refused(server):
    for shape in ((1, 12, 249), (17, 12, 250)):
        with pytest.raises(triton.InferenceServerException, match="shape|batch-size"):
            server.client.infer("labs", inputs(np.zeros(shape, np.float32)))


def test_a_sequence_starts_from_zeros_and_never_unannounced(server, bundle):
    """The first chunk of each sequence, against the step graph with a state of zeros; more is not the stand-in's."""
    opened = Bundle.open(bundle)
    session = onnxruntime.InferenceSession(opened.member(bundles.STEP_GRAPH), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    for sequence, samples in ((5, 1), (6, 17), (7, opened.manifest.step.most_samples)):
        chunk = random.normal(0, 0.3, (1, 12, samples)).astype(np.float32)
        given = {"sequence_id": sequence, "sequence_start": True, "sequence_end": True}
        answer = server.client.infer("labs_stream", inputs(chunk), **given).as_numpy("logits")
        zeros = {"state": np.zeros((1, opened.manifest.step.state_size), np.float32)}
        others = {"continuous": np.zeros((1, 10), np.float32), "categorical": np.zeros((1, 2), np.int64)}
        assert np.abs(answer - session.run(["logits"], {"signal": chunk, **others, **zeros})[0]).max() < 5e-6
    with pytest.raises(triton.InferenceServerException, match="START flag"):
        server.client.infer("labs_stream", inputs(np.ones((1, 12, 5), np.float32)), sequence_id=8)
