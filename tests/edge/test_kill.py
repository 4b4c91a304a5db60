"""Killed at any moment under load: what was acknowledged reaches every destination, the same under the same number."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from contextlib import closing
from datetime import datetime, timezone
from http.client import HTTPException

import pytest
from dicom_peers import TWELVE_LEADS, Archive, Cart, ecg_dataset
from edge_peers import free_port, number_of
from fhir_peer import FhirServer
from pynetdicom import build_context

from ecg2lab.demo import bundle_path
from ecg2lab.edge.identity import control_id
from ecg2lab.report.dicom import structured

BOUNDARY = "part-of-a-form"
PACE_S = 0.2
CARTS = 2
QUICK = {"first_s": 0.1, "acknowledged_s": 5}


def form(files, **facts):
    body = b""
    for name, content in files.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    for name, value in facts.items():
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    return body + f"--{BOUNDARY}--\r\n".encode()


class Served:
    """A node in a process of its own, started again and again over the same folder."""

    def __init__(self, folder, destinations):
        port, self.dicom_port, self.mllp_port = (free_port() for _ in range(3))
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        told = {
            "http": {"port": port},
            "dicom": {
                "port": self.dicom_port,
                "callers": [{"ae_title": f"CART{number}", "addresses": ["127.0.0.1"]} for number in range(CARTS)],
            },
            "mllp": {"port": self.mllp_port},
            "workers": 2,
            "limits": {"least_free_mb": 0},
            "folder": {"path": "in", "settled_s": 0.05, "every_s": 0.05},
            "destinations": [{**destination, "retry": QUICK} for destination in destinations],
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


class Sender(threading.Thread):
    """Send one thing after the other, each until it is acknowledged, and remember what was."""

    def __init__(self, send, first):
        super().__init__(daemon=True)
        self._send, self._next = send, first
        self.acknowledged = set()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(PACE_S):
            try:
                said = self._send(self._next)
            except (OSError, HTTPException, ValueError):  # it was killed in between: it is sent again
                said = None
            if said is None:
                time.sleep(0.02)
            else:
                self.acknowledged.add(said)
                self._next += CARTS

    def stop(self):
        self.ending.set()
        self.join()


def over_http(node, record):
    """Name of the recording."""

    def send(number):
        body = form(record, age=18 + number * 0.001)
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        request = urllib.request.Request(f"{node.url}/v1/recordings", body, kind)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["id"]

    return send


def over_dicom(node, record_file):
    """Name of the instance."""
    data_set = ecg_dataset(record_file)

    def send(number):
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        response = Cart(node.dicom_port, calling=f"CART{number % CARTS}").store(data_set)
        return data_set.SOPInstanceUID if response is not None and response.get("Status") == 0 else None

    return send


def over_mllp(node):
    """Number of the patient whose heart rate was taken."""

    def send(number):
        segments = (
            f"MSH|^~\\&|MONITOR|ICU|ecg2lab|EDGE|20261130141000||ORU^R01^ORU_R01|{number}|P|2.5.1",
            f"PID|||{number}^^^HOSP^MR",
            "OBR|1",
            f"OBX|1|NM|8867-4^rate^LN||81|/min|||||F|||{datetime.now(timezone.utc):%Y%m%d%H%M%S}+0000",
        )
        with socket.create_connection(("127.0.0.1", node.mllp_port), 20) as connection:
            connection.sendall(b"\x0b" + "\r".join(segments).encode() + b"\r\x1c\r")
            said = connection.recv(4096)
        return str(number) if b"\rMSA|AA|" in said else None

    return send


def kill_under_load(tmp_path, node, senders, record, kills, seed):
    """Returns how many recordings were put into the folder."""
    draw = random.Random(seed)
    node.start()
    for sender in senders:
        sender.start()
    dropped = 0
    for _ in range(kills):
        end = time.monotonic() + draw.uniform(0.0, 1.0)
        while time.monotonic() < end:
            dropped += 1
            drop(tmp_path / "in", record, dropped)
            time.sleep(0.3)
        node.kill()
        node.start()
    for sender in senders:
        sender.stop()
    return dropped


def drop(folder, record, number):
    """As a cart does that writes straight into the folder: the signal first, each file under a name of its own."""
    header, signal_ = record["HR06000.hea"].decode(), record["HR06000.mat"]
    name = f"drop{number}"
    (folder / f"{name}.mat").write_bytes(signal_)
    (folder / f"{name}.hea").write_text(header.replace("HR06000", name))


def wait_for_all(node, destinations, expected):
    end = time.monotonic() + 240
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{node.url}/v1/counts", timeout=5) as answer:
            counts = json.load(answer)
        owed = [counts["destinations"].get(each["name"], {}) for each in destinations]
        if all(set(each) == {"acknowledged"} and each["acknowledged"] >= expected for each in owed):
            return
        time.sleep(0.3)
    raise AssertionError(counts)


def once(pairs):
    """What came, by its number: repeats are the same byte for byte."""
    found = defaultdict(set)
    for number, content in pairs:
        found[number].add(content)
    assert {number: len(each) for number, each in found.items() if len(each) > 1} == {}
    return set(found)


@pytest.mark.parametrize(("kills", "seed"), [(10, 1), pytest.param(200, 2, marks=pytest.mark.soak)])
def test_whatever_was_acknowledged_arrives_everywhere(tmp_path, record, data_folder, receiving, kills, seed):
    receiver, server = receiving(), FhirServer()
    archive = Archive(contexts=[build_context(kind) for kind in (structured.SOP_CLASS, TWELVE_LEADS)])
    destinations = [
        {"kind": "files", "name": "disk", "folder": "out"},
        {"kind": "hl7", "name": "record", "host": "127.0.0.1", "port": receiver.port, "pdf": False},
        {
            "kind": "dicom",
            "name": "archive",
            "host": "127.0.0.1",
            "port": archive.port,
            "called_ae_title": "ARCHIVE",
            "send": ["sr", "original"],
        },
        {"kind": "fhir", "name": "server", "url": server.url, "pdf": False},
    ]
    node = Served(tmp_path, destinations)
    carts = [Sender(over_http(node, record), first) for first in range(CARTS)]
    dicom = [Sender(over_dicom(node, data_folder / "HR06000.hea"), first) for first in range(CARTS)]
    monitor = Sender(over_mllp(node), 0)
    dropped = kill_under_load(tmp_path, node, [*carts, *dicom, monitor], record, kills, seed)
    sent = set.union(*(cart.acknowledged for cart in carts))
    instances = set.union(*(cart.acknowledged for cart in dicom))
    assert len(sent) > kills
    assert len(instances) > kills
    wait_for_all(node, destinations, len(sent) + len(instances) + dropped)
    node.stop()

    written = {path.stem for path in (tmp_path / "out").iterdir()}
    assert sent <= written
    assert len(written) >= len(sent) + len(instances) + dropped
    assert once((number_of(message), message) for message in receiver.messages) == set(map(control_id, written))
    stored = once((instance, content) for instance, content, _ in archive.stored)
    assert instances <= stored
    assert len(stored) == len(written) + len({instance for instance in stored if instance.startswith("1.2.3.")})
    assert len(once((request.body, request.body) for request in server.requests)) == len(written)
    assert server.count()["DiagnosticReport"] == len(written)
    assert len(os.listdir(tmp_path / "in" / "taken")) >= 2 * dropped
    with closing(sqlite3.connect(tmp_path / "ecg2lab-edge" / "edge.sqlite")) as kept:
        known = {patient for (patient,) in kept.execute("SELECT patient FROM facts")}
    assert monitor.acknowledged
    assert monitor.acknowledged <= known
    archive.close()
    server.close()


def test_a_crash_is_told_from_a_kill(tmp_path):
    node = Served(tmp_path, [])
    for number, said in ((signal.SIGKILL, b""), (signal.SIGSEGV, b"Segmentation fault")):
        node.start()
        node.kill(number)
        crash = (tmp_path / "ecg2lab-edge" / "crash").read_bytes()
        assert (said in crash) if said else crash == b""


def test_it_stops_in_order_and_in_time(tmp_path, record):
    node = Served(tmp_path, [{"kind": "files", "name": "disk", "folder": "out"}])
    node.start()
    cart = Sender(over_http(node, record), 0)
    cart.start()
    time.sleep(0.5)
    node.stop()
    cart.stop()
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert cart.acknowledged
