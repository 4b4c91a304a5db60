"""A node as it is started, and the programs that ask it otherwise than with recordings."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import doc_blocks
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from doc_blocks import ROOT
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from windows import DATATYPES, draw_windows

import ecg2lab
from ecg2lab.demo import bundle_path, write_files


@pytest.fixture
def served(tmp_path, wait_until):
    """A process, and where it listens over HTTP and gRPC."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    http, grpc = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    told = {"http": {"port": http}, "grpc": {"port": grpc}, "limits": {"least_free_mb": 0}, "workers": 1}
    (tmp_path / "edge.json").write_text(json.dumps(told))
    shutil.copy(bundle_path(), tmp_path / "model.ecg2lab")
    command = [sys.executable, "-m", "ecg2lab", "serve", "model.ecg2lab", "--config", "edge.json"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)

    def ready():
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/health/ready", timeout=5):
                return True
        except OSError:
            return False

    wait_until(ready, 60)
    yield process, http, grpc
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_node_answers_all_of_them_and_stops_in_order(served):
    process, http, grpc = served
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        windows = draw_windows(engine.contract, 2)
        right = engine.run(*windows.values())
        leads = engine.contract.signal.leads
    for triton, port in ((tritonclient.http, http), (tritonclient.grpc, grpc)):
        with triton.InferenceServerClient(f"127.0.0.1:{port}") as program:
            told = [triton.InferInput(name, array.shape, DATATYPES[name]) for name, array in windows.items()]
            for tensor, array in zip(told, windows.values(), strict=True):
                tensor.set_data_from_numpy(array)
            np.testing.assert_array_equal(program.infer("model", told).as_numpy("logits"), right)
    with connect(f"ws://127.0.0.1:{http}/v1/streams") as bed:
        bed.send(json.dumps({"fs": 500, "leads": leads, "unit": "mV"}))
        assert json.loads(bed.recv(20))["next"] == 0
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            bed.recv(20)
    assert closed.value.rcvd.code == 1012
    assert process.wait(20) == 0, process.stderr.read()


EXAMPLES = [block for block in doc_blocks.blocks(ROOT / "docs" / "edge.md") if "localhost:8080" in block.text]


def test_the_programs_of_the_documentation_run(served, tmp_path, monkeypatch, capsys):
    """As they stand there; also the second one with the other client that it names."""
    _, http, grpc = served
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    stream, program = [block.text for block in EXAMPLES if block.language == "python"]
    for text, port in (
        (stream, http),
        (program, http),
        (program.replace("tritonclient.http", "tritonclient.grpc"), grpc),
    ):
        exec(compile(text.replace("localhost:8080", f"localhost:{port}"), "docs/edge.md", "exec"), {})
    *windows, one, other = capsys.readouterr().out.splitlines()
    assert [float(line.split()[0]) for line in windows] == [2.5 + hop for hop in range(len(windows))]
    assert len(windows) == 8
    assert one == other == "(1, 37)"


@pytest.mark.parametrize("taken", ["http", "grpc"])
def test_a_port_that_is_taken_is_said_by_check(tmp_path, taken):
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as free:
        ports = {"http": free.getsockname()[1], "grpc": free.getsockname()[1], taken: other.getsockname()[1]}
        free.close()
        tls = {"certificate": "none.pem", "key": "none.pem"}
        told = {"http": {"port": ports["http"]}, "grpc": {"port": ports["grpc"], "tls": tls}}
        (tmp_path / "edge.json").write_text(json.dumps(told))
        command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", "edge.json", "--check"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert f"{taken}: cannot listen on 127.0.0.1:{ports[taken]}" in said
    assert "grpc.tls: none.pem and none.pem cannot be used" in said
