"""HL7 with programs of other people: node-hl7-server takes our messages, node-hl7-client sends us facts; from npm."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from edge_peers import free_port

from ecg2lab.edge.identity import control_id
from ecg2lab.edge.inputs.mllp import MllpServer

pytestmark = pytest.mark.system

PEER = Path(__file__).parents[1] / "support" / "hl7_peer.mjs"
PACKAGES = ["node-hl7-server@2.5.0", "node-hl7-client@3.2.0"]


def install(folder):
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    if subprocess.run(command, capture_output=True, timeout=300).returncode:
        pytest.skip(f"npm could not install {' '.join(PACKAGES)}")


class Peer:
    """Both of them in one process."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["node", str(PEER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = self.said()["port"]

    def said(self):
        line = self.process.stdout.readline()
        assert line, "it ended"
        return json.loads(line)

    def send(self, port, message):
        self.process.stdin.write(json.dumps({"port": port, "message": message}) + "\n")
        self.process.stdin.flush()
        return self.said()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture
def peer(made_once):
    running = Peer(made_once("node-hl7", install))
    yield running
    running.close()


def test_a_server_of_others_takes_what_we_send(peer, opened, record, wait_until):
    told = {"kind": "hl7", "name": "record", "host": "127.0.0.1", "port": peer.port, "pdf": True}
    node = opened(destinations=[told])
    accepted = node.accept(record, {"age": 63.0}, origin="test", sender="cart")
    said = peer.said()
    assert said["taken"] == control_id(accepted.id)
    assert (said["kind"], said["version"]) == ("ORU", "2.5.1")
    assert said["observations"] == len(node.engine.contract.targets) + 1
    wait_until(lambda: node.ledger.deliveries(accepted.number)[0]["state"] == "acknowledged")


@pytest.mark.parametrize(
    ("kind", "expected"), [("ORU^R01^ORU_R01", "AA"), ("ADT^A01^ADT_A01", "AA"), ("ORM^O01^ORM_O01", "AR")]
)
def test_a_client_of_others_sends_facts(peer, opened, tmp_path, kind, expected):
    node = opened(mllp={"port": free_port()})
    server = MllpServer(node.configuration.mllp, tmp_path, node)
    server.start()
    try:
        segments = [
            f"MSH|^~\\&|MONITOR|ICU|ecg2lab|EDGE|20261130141000||{kind}|77|P|2.5.1",
            "EVN||20261130141000",
            "PID|||7^^^HOSP^MR||||19630102|F",
            "OBR|1",
            "OBX|1|NM|8867-4^rate^LN||81|/min|||||F|||20261130140000+0000",
        ]
        wanted = [s for s in segments if kind.startswith("ADT") or not s.startswith("EVN")]
        said = peer.send(node.configuration.mllp.port, "\r".join(wanted))
    finally:
        server.stop()
    assert said == {"acknowledged": "77", "code": expected}
