"""Nodes and those around them: carts that send, and destinations that take, refuse, or say nothing."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from edge_peers import Receiver, acknowledge
from edge_server import Listening
from litestar.testing import TestClient

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.inputs.folder import Watcher
from ecg2lab.edge.inputs.http import application
from ecg2lab.edge.node import Node


@pytest.fixture
def record(data_folder):
    """A WFDB record by its files."""
    return {name: (data_folder / name).read_bytes() for name in ("HR06000.hea", "HR06000.mat")}


@pytest.fixture
def configured(tmp_path):
    """`configured(field=value, …)`: a configuration whose state is in a folder of the test's."""

    def configure(**fields):
        return config.decode({"workers": 1, "limits": {"least_free_mb": 0}, **fields}, "edge.json")

    return configure


@pytest.fixture
def opened(configured, tmp_path):
    """`opened(field=value, …)`: a node that works; stopped in the end, as all of them are."""
    nodes = []

    def open_node(start=True, **fields):
        node = Node(ecg2lab.load(bundle_path(), threads=1), configured(**fields), tmp_path)
        nodes.append(node)
        if start:
            node.start()
        return node

    yield open_node
    for node in nodes:
        node.stop()


def until(happened, seconds=20.0):
    """Wait for something; its value."""
    end = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return value


@pytest.fixture
def wait_until():
    return until


@pytest.fixture
def listening(opened, tmp_path):
    """`listening(field=value, …)`: a node that listens at ports that are free; gRPC if `grpc` is told."""
    servers = []

    def listen(**fields):
        servers.append(Listening(opened(**fields), tmp_path))
        return servers[-1]

    yield listen
    for server in servers:
        server.close()


@pytest.fixture
def certificate(tmp_path):
    """Of this machine, for an hour; its paths."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, pem = tmp_path / "key.pem", tmp_path / "node.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


@pytest.fixture
def receiving():
    """`receiving(answer)`: a receiver, `answer(number, message)` is what it says; None: it hangs up."""
    receivers = []

    def open_receiver(answer=lambda _, message: acknowledge(message), tls=None):
        receivers.append(Receiver(answer, tls))
        return receivers[-1]

    yield open_receiver
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def watched(opened, tmp_path):
    """`watched(…)`: a watcher that looks when it is told to, its node, and the folder."""
    held = []

    def open_watcher(sidecar="optional", settled_s=0.001, **fields):
        node = opened(**fields)
        watcher = Watcher(config.Folder(path="in", settled_s=settled_s, sidecar=sidecar), tmp_path, node)
        held.append(watcher)
        return watcher, node, tmp_path / "in"

    yield open_watcher
    for watcher in held:
        watcher._held.close()


@pytest.fixture
def client(opened):
    """`client(field=value, …)`: one of HTTP without a network, and its node."""
    clients = []

    def open_client(**fields):
        node = opened(**fields)
        clients.append(TestClient(application(node), base_url="http://127.0.0.1", raise_server_exceptions=False))
        clients[-1].__enter__()
        return clients[-1], node

    yield open_client
    for one in clients:
        one.__exit__(None, None, None)
