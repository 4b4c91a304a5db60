"""The power is cut at any moment: a disk then holds what was synced. What was acknowledged is there all the same."""

import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from edge_peers import Receiver, acknowledge, free_port, number_of
from power_cut import Disk, library

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.ledger import Ledger
from ecg2lab.edge.node import Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the preloaded library is of Linux"),
]
RECORDINGS = 24
_WRITTEN = """
SELECT r.id, r.answer FROM recordings r JOIN deliveries d ON d.recording = r.number
WHERE d.destination = 'disk' AND d.state = 'acknowledged'
"""


class Journalled:
    """A node whose every change on the disk is written down."""

    def __init__(self, folder, receiver):
        self.root, self.file = folder / "root", folder / "journal"
        self.root.mkdir()
        self.told = {
            "workers": 2,
            "limits": {"least_free_mb": 0},
            "destinations": [
                {"kind": "files", "name": "disk", "folder": str(self.root / "out")},
                {
                    "kind": "hl7",
                    "name": "record",
                    "host": "127.0.0.1",
                    "port": receiver.port,
                    "pdf": False,
                    "retry": {"first_s": 0.05},
                },
            ],
        }
        self.port = None
        self._folder = folder

    def start(self, port):
        self.port = port
        (self._folder / "edge.json").write_text(
            json.dumps({**self.told, "state": str(self.root / "state"), "http": {"port": port}})
        )
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library(self._folder)),
            "JOURNAL_ROOT": str(self.root),
            "JOURNAL_FILE": str(self.file),
        }
        command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", "edge.json"]
        log = self._folder / "log"
        with open(log, "wb") as said:
            self.process = subprocess.Popen(command, cwd=self._folder, env=environment, stderr=said)
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).close()
            except OSError:
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < end
                time.sleep(0.02)
            else:
                return

    def size(self):
        return self.file.stat().st_size


def another(record, number):
    """With another last sample, and its checksum: contents that are there already are not written again."""
    *rest, last = struct.unpack(f"<{len(record['HR06000.mat']) // 2}h", record["HR06000.mat"])
    lines = record["HR06000.hea"].decode().splitlines()
    place = max(index for index, line in enumerate(lines) if line.startswith("HR06000.mat"))
    fields = lines[place].split()
    fields[6] = str((int(fields[6]) + number + 32768) % 65536 - 32768)
    lines[place] = " ".join(fields)
    return "\n".join([*lines, ""]).encode(), struct.pack(f"<{len(rest) + 1}h", *rest, last + number)


def send(node, record, age, wait):
    """What was acknowledged: name and answer, and the place in the journal at which it certainly was."""
    url = f"http://127.0.0.1:{node.port}/v1/recordings{'?wait' if wait else ''}"
    header, other = another(record, age)
    boundary = "part"
    body = b""
    for name, part in (("HR06000.hea", header), ("HR06000.mat", other)):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body += head.encode() + part + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(url, body, kind), timeout=60) as answer:
        said = answer.read()
        identity = answer.headers["ecg2lab-recording"] or json.loads(said)["id"]
    return identity, said if wait else None, node.size()


@pytest.fixture(scope="module")
def journalled(tmp_path_factory, data_folder):
    """A node's journal, what it acknowledged, and what it sent, each with a place in the journal."""
    record = {name: (data_folder / name).read_bytes() for name in ("HR06000.hea", "HR06000.mat")}
    sent = []
    folder = tmp_path_factory.mktemp("journalled")
    receiver = Receiver(lambda _, message: sent.append((message, node.size())) or acknowledge(message))
    node = Journalled(folder, receiver)
    node.start(free_port())
    acknowledged = []

    def cart(first):
        for age in range(first, RECORDINGS, 2):
            acknowledged.append(send(node, record, age, wait=age % 3 == 0))

    carts = [threading.Thread(target=cart, args=(first,)) for first in range(2)]
    for one in carts:
        one.start()
    for one in carts:
        one.join()
    end = time.monotonic() + 60
    while len(sent) < RECORDINGS and time.monotonic() < end:
        time.sleep(0.05)
    node.process.terminate()
    node.process.wait(60)
    receiver.close()
    assert len(acknowledged) == RECORDINGS
    return node, sorted(acknowledged, key=lambda each: each[2]), sent


def after_the_cut(node, place, luck, folder):
    """The state that a node finds."""
    disk = Disk(node.root, luck)
    disk.play(node.file.read_bytes()[:place])
    disk.lay_out(folder)
    return folder / "state"


def places(journalled, count):
    """At acknowledgements, at messages, and anywhere after the first of them."""
    node, acknowledged, sent = journalled
    draw = random.Random(count)
    first = acknowledged[0][2]
    known = [each[2] for each in acknowledged] + [place for _, place in sent]
    return [*draw.sample(known, count // 2), *(draw.randint(first, node.size()) for _ in range(count - count // 2))]


@pytest.mark.parametrize("count", [16, pytest.param(400, marks=pytest.mark.soak)])
@pytest.mark.parametrize("lucky", [False, True])
def test_what_was_acknowledged_is_there_after_a_power_cut(journalled, tmp_path, lucky, count):
    node, acknowledged, sent = journalled
    for number, place in enumerate(places(journalled, min(count, 2 * RECORDINGS))):
        luck = random.Random(number) if lucky else None
        ledger = Ledger(after_the_cut(node, place, luck, tmp_path / str(number)))
        try:
            for identity, answer, before in acknowledged:
                if before > place:
                    continue
                kept = ledger.find(identity)
                assert kept is not None, f"lost at {place}"
                assert answer is None or kept.answer == answer
                assert all(file.path.read_bytes() for file in kept.files)
            for message, before in sent:
                if before <= place:
                    owed = ledger._store.read("SELECT message FROM deliveries WHERE message = ?", (message,))
                    assert len(owed) == 1, "it would be sent again with other bytes"
            for row in ledger._store.read(_WRITTEN):
                assert (tmp_path / str(number) / "out" / f"{row['id']}.json").read_bytes().strip() == row["answer"]
        finally:
            ledger.close()


def test_a_node_goes_on_after_a_power_cut(journalled, tmp_path, receiving, wait_until):
    node, acknowledged, sent = journalled
    place = acknowledged[len(acknowledged) // 2][2]
    after_the_cut(node, place, random.Random(7), tmp_path)
    receiver = receiving()
    destination = {**node.told["destinations"][1], "port": receiver.port}
    told = config.decode({**node.told, "destinations": [destination]} | {"state": "state"}, "edge.json")
    again = Node(ecg2lab.load(bundle_path(), threads=1), told, tmp_path)
    again.start()
    try:
        wait_until(lambda: not again.ledger.counts().recordings.get("waiting"), 60)
        numbers = [number for number, _, before in acknowledged if before <= place]
        assert all(again.ledger.find(identity).state == "answered" for identity in numbers)
        before = {number_of(message): message for message, at in sent if at <= place}
        wait_until(lambda: set(again.ledger.counts().destinations["record"]) == {"acknowledged"}, 60)
        repeated = {number_of(message): message for message in receiver.messages}
        assert all(repeated[number] == before[number] for number in set(repeated) & set(before))
    finally:
        again.stop()


def test_a_cut_takes_what_was_not_synced(tmp_path):
    """The simulated disk itself: a write without fsync is lost, a name without fsync of its folder, too."""
    (tmp_path / "root").mkdir()
    program = """
import os, sys
root = sys.argv[1]
def write(name, sync, folder=False):
    handle = os.open(f"{root}/{name}", os.O_CREAT | os.O_WRONLY)
    os.write(handle, b"content")
    if sync: os.fsync(handle)
    os.close(handle)
    if folder:
        handle = os.open(root, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
write("lost", False)
write("nameless", True)
os.rename(f"{root}/nameless", f"{root}/renamed")
write("there", True, folder=True)
os.unlink(f"{root}/there")
write("late", True)
"""
    root, journal = tmp_path / "root", tmp_path / "journal"
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library(tmp_path)),
        "JOURNAL_ROOT": str(root),
        "JOURNAL_FILE": str(journal),
    }
    subprocess.run([sys.executable, "-c", program, str(root)], env=environment, check=True)
    disk = Disk(root, None)
    disk.play(journal.read_bytes())
    disk.lay_out(tmp_path / "after")
    found = {path.name: path.read_bytes() for path in (tmp_path / "after").iterdir()}
    assert found == {"lost": b"", "renamed": b"content", "there": b"content"}
