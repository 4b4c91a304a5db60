"""Killed at any moment under load: what was acknowledged reaches every destination, the same under the same number."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from http.client import HTTPException

import pytest
from edge_peers import number_of

from ecg2lab.demo import bundle_path
from ecg2lab.edge.identity import control_id

BOUNDARY = "part-of-a-form"
PACE_S = 0.05


def form(files, **facts):
    body = b""
    for name, content in files.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    for name, value in facts.items():
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    return body + f"--{BOUNDARY}--\r\n".encode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Served:
    """A node in a process of its own, started again and again over the same folder."""

    def __init__(self, folder, port, hl7_port):
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        told = {
            "http": {"port": port},
            "workers": 2,
            "limits": {"least_free_mb": 0},
            "folder": {"path": "in", "settled_s": 0.05, "every_s": 0.05},
            "destinations": [
                {"kind": "files", "name": "disk", "folder": "out", "retry": {"first_s": 0.1}},
                {
                    "kind": "hl7",
                    "name": "record",
                    "host": "127.0.0.1",
                    "port": hl7_port,
                    "pdf": False,
                    "retry": {"first_s": 0.1, "acknowledged_s": 5},
                },
            ],
        }
        (folder / "edge.json").write_text(json.dumps(told))
        self._process = None

    def start(self):
        command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", "edge.json"]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/v2/health/ready", timeout=5):
                    return
            except OSError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.02)

    def kill(self, number=signal.SIGKILL):
        self._process.send_signal(number)
        self._process.wait()

    def stop(self):
        self._process.terminate()
        assert self._process.wait(60) == 0, (self._folder / "log").read_text()


class Carts(threading.Thread):
    """Send one recording after the other, and remember what was acknowledged."""

    def __init__(self, url, record, first):
        super().__init__(daemon=True)
        self._url, self._record, self._next = url, record, first
        self.acknowledged = set()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(PACE_S):
            body = form(self._record, age=18 + self._next * 0.001)
            kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
            try:
                with urllib.request.urlopen(urllib.request.Request(f"{self._url}/v1/recordings", body, kind)) as answer:
                    self.acknowledged.add(json.load(answer)["id"])
                    self._next += 2
            except (OSError, HTTPException, ValueError):  # it was killed in between: the cart sends it again
                time.sleep(0.02)


def kill_under_load(tmp_path, record, receiver, kills, seed):
    draw = random.Random(seed)
    node = Served(tmp_path, free_port(), receiver.port)
    node.start()
    carts = [Carts(node.url, record, first) for first in range(2)]
    for cart in carts:
        cart.start()
    dropped = 0
    for _ in range(kills):
        end = time.monotonic() + draw.uniform(0.0, 1.0)
        while time.monotonic() < end:
            dropped += 1
            drop(tmp_path / "in", record, dropped)
            time.sleep(0.1)
        node.kill()
        node.start()
    for cart in carts:
        cart.ending.set()
        cart.join()
    acknowledged = set.union(*(cart.acknowledged for cart in carts))
    wait_for_all(node, dropped + len(acknowledged))
    node.stop()
    return acknowledged, dropped


def drop(folder, record, number):
    """As a cart does that writes straight into the folder: the signal first, each file under a name of its own."""
    header, signal_ = record["HR06000.hea"].decode(), record["HR06000.mat"]
    name = f"drop{number}"
    (folder / f"{name}.mat").write_bytes(signal_)
    (folder / f"{name}.hea").write_text(header.replace("HR06000", name))


def wait_for_all(node, expected):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{node.url}/v1/counts", timeout=5) as answer:
            counts = json.load(answer)
        owed = [counts["destinations"].get(name, {}) for name in ("disk", "record")]
        if all(set(each) == {"acknowledged"} and each["acknowledged"] >= expected for each in owed):
            return
        time.sleep(0.1)
    raise AssertionError(counts)


def require_all_arrived(tmp_path, receiver, acknowledged, dropped):
    by_number = defaultdict(set)
    for message in receiver.messages:
        by_number[number_of(message)].add(message)
    written = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {number: len(each) for number, each in by_number.items() if len(each) > 1} == {}
    assert {control_id(identity) for identity in acknowledged} <= set(by_number)
    assert acknowledged <= written
    assert {control_id(identity) for identity in written} == set(by_number)
    assert len(written - acknowledged) >= dropped
    assert len(os.listdir(tmp_path / "in" / "taken")) >= 2 * dropped


@pytest.mark.parametrize(("kills", "seed"), [(10, 1), pytest.param(200, 2, marks=pytest.mark.soak)])
def test_whatever_was_acknowledged_arrives(tmp_path, record, receiving, kills, seed):
    receiver = receiving()
    acknowledged, dropped = kill_under_load(tmp_path, record, receiver, kills, seed)
    assert len(acknowledged) > kills
    require_all_arrived(tmp_path, receiver, acknowledged, dropped)


def test_a_crash_is_told_from_a_kill(tmp_path, receiving):
    node = Served(tmp_path, free_port(), receiving().port)
    for number, said in ((signal.SIGKILL, b""), (signal.SIGSEGV, b"Segmentation fault")):
        node.start()
        node.kill(number)
        crash = (tmp_path / "ecg2lab-edge" / "crash").read_bytes()
        assert (said in crash) if said else crash == b""


def test_it_stops_in_order_and_in_time(tmp_path, record, receiving):
    node = Served(tmp_path, free_port(), receiving().port)
    node.start()
    cart = Carts(node.url, record, 0)
    cart.start()
    time.sleep(0.5)
    node.stop()
    cart.ending.set()
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert cart.acknowledged
