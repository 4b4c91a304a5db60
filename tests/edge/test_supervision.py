"""What a service manager is told, heard by a socket of the test's own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest
from edge_peers import free_port

from ecg2lab.demo import bundle_path
from ecg2lab.edge import supervision
from ecg2lab.errors import StoreError


@pytest.fixture(params=["file", "name"])
def manager(request, tmp_path):
    """A socket, and what NOTIFY_SOCKET calls it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(60)
        if request.param == "file":
            address = bound = str(tmp_path / "notify")
        else:
            address, bound = f"@ecg2lab-{os.getpid()}", f"\0ecg2lab-{os.getpid()}"
        listening.bind(bound)
        yield listening, address


@pytest.fixture
def turning():
    """A loop that turns in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_it_is_told(manager, monkeypatch):
    listening, address = manager
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    supervision.notify("READY=1")
    assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "@", "/nobody/there", "relative", "vsock:2:1234", "/" + "x" * 300])
def test_without_one_nothing_happens(address, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    supervision.notify("READY=1")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "its own"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
    ids=str,
)
def test_it_says_how_often_it_asks(environment, seconds, monkeypatch):
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("its own", str(os.getpid())))
    assert supervision.watchdog_s() == seconds


def ended():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return thread


def test_work_is_done_by_all_parts(opened, turning, monkeypatch):
    node = opened(destinations=[{"kind": "files", "name": "disk", "folder": "out"}])
    dog = supervision.Watchdog(node, turning, 60.0)
    assert dog.works()
    for owner, part in ((node._answering, "_workers"), (node, "_senders")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, part, [*getattr(owner, part), ended()])
            assert not dog.works()
    with monkeypatch.context() as patched:
        patched.setattr(node, "_upkeep", ended())
        assert not dog.works()
    assert dog.works()


def test_a_full_disk_is_no_reason_to_start_anew(opened, turning, monkeypatch):
    node = opened()

    def full():
        raise StoreError("disk is full")

    monkeypatch.setattr(node.ledger, "require_store", full)
    assert supervision.Watchdog(node, turning, 60.0).works()


def test_a_server_that_does_not_turn_does_no_work(opened):
    node, loop = opened(), asyncio.new_event_loop()
    assert not supervision.Watchdog(node, loop, 0.01).works()  # it never ran
    loop.close()
    assert not supervision.Watchdog(node, loop, 0.01).works()


@pytest.mark.slow
def test_a_node_says_that_it_listens_and_that_it_stops(manager, tmp_path):
    listening, address = manager
    port = free_port()
    (tmp_path / "edge.json").write_text(json.dumps({"http": {"port": port}, "limits": {"least_free_mb": 0}}))
    command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", str(tmp_path / "edge.json")]
    environment = os.environ | {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000"}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    try:
        assert listening.recv(100) == b"READY=1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=20) as answer:
            assert answer.status == 200
        for _ in range(3):
            assert listening.recv(100) == b"WATCHDOG=1"
        process.terminate()
        while (said := listening.recv(100)) == b"WATCHDOG=1":
            pass
        assert said == b"STOPPING=1"
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()


def test_a_node_that_cannot_listen_is_not_ready(manager, tmp_path):
    listening, address = manager
    config = tmp_path / "edge.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(json.dumps({"http": {"port": taken.getsockname()[1]}}))
        command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", str(config)]
        environment = os.environ | {"NOTIFY_SOCKET": address}
        assert subprocess.run(command, env=environment, capture_output=True).returncode == 1
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.recv(100)
