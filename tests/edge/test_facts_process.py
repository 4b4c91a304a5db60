"""The whole way in a process of its own: a monitor's HL7, a chart's FHIR, a cart's DICOM; and a kill in between."""

import datetime
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import hl7.client
import pytest
from dicom_peers import as_file, ecg_dataset

from ecg2lab.demo import bundle_path
from ecg2lab.edge.ledger import Ledger


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Served:
    """A node that can be killed and started again."""

    def __init__(self, folder):
        self._folder, self.http, self.mllp = folder, free_port(), free_port()
        told = {
            "http": {"port": self.http},
            "workers": 1,
            "limits": {"least_free_mb": 0},
            "facts": {"zone": "Europe/Berlin", "authorities": {"urn:hosp": "HOSP"}},
            "mllp": {"port": self.mllp},
        }
        (folder / "edge.json").write_text(json.dumps(told))

    def start(self):
        command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", "edge.json"]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.mllp), 5).close()
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/v2/health/ready", timeout=5):
                    return
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < end
                time.sleep(0.02)

    def end(self, number):
        self._process.send_signal(number)
        return self._process.wait(60)

    def log(self):
        return (self._folder / "log").read_text()

    def post(self, path, content, kind):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", content, {"content-type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def tell(self, message):
        with hl7.client.MLLPClient("127.0.0.1", self.mllp) as client:
            return client.send_message(message).decode()


@pytest.fixture
def served(tmp_path):
    node = Served(tmp_path)
    node.start()
    yield node
    if node._process.poll() is None:
        node._process.kill()
        node._process.wait()


def message(kind, number, *segments):
    pid = "PID|||4711^^^HOSP^MR||Secretname^Eva||19600314|F"
    return "\r".join([f"MSH|^~\\&|A|B|C|D|20261130||{kind}|{number}|P|2.5.1", "EVN||20261129080000", pid, *segments])


def obx(code, value, unit, at="20261130144800"):
    return f"OBX|1|NM|{code}^^LN||{value}|{unit}|||||F|||{at}"


def observation(code, value, unit):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"identifier": {"system": "urn:hosp", "value": "4711"}},
        "effectiveDateTime": "2026-11-30T15:10:00+01:00",
        "valueQuantity": {"value": value, "code": unit, "system": "http://unitsofmeasure.org"},
    }


def test_facts_of_every_kind_reach_the_answer_across_a_kill(served, data_folder):
    adt = message("ADT^A01", "1", obx("8302-2", "170", "cm", ""))
    oru = message("ORU^R01", "2", "OBR|1", obx("8867-4", "81", "/min"), obx("8480-6", "131", "mm[Hg]"))
    assert [re.search(r"MSA\|(\w+)\|(\w+)", served.tell(each)).groups() for each in (adt, oru)] == [
        ("AA", "1"), ("AA", "2"),
    ]  # fmt: skip
    saturation = json.dumps(observation("59408-5", 97, "%")).encode()
    assert served.post("/v1/facts", saturation, "application/fhir+json")["kept"] == 1
    served.end(signal.SIGKILL)
    served.start()
    stated = {"PatientID": "4711", "AcquisitionDateTime": "20261130150000", "PatientSex": "F"}
    ecg = ecg_dataset(data_folder / "HR06000.hea", **stated, PatientAge="", PatientBirthDate="")
    said = served.post("/v1/recordings?wait", as_file(ecg), "application/dicom")
    note = said["patient"]
    assert note["notes"] == []
    assert {name: note["given"][name] for name in note["origins"]} == {
        "age": 66, "sex": "female", "height_cm": 170, "heart_rate_bpm": 81, "systolic_mmhg": 131, "spo2_percent": 97,
    }  # fmt: skip
    assert note["origins"] == {
        "age": "HL7 ORU^R01, from the birth date",
        "sex": "recording",
        "height_cm": "HL7 ADT^A01 at 2026-11-29 08:00, 1 day before",
        "heart_rate_bpm": "HL7 ORU^R01 at 2026-11-30 14:48, 12 min before",
        "systolic_mmhg": "HL7 ORU^R01 at 2026-11-30 14:48, 12 min before",
        "spo2_percent": "FHIR Observation at 2026-11-30 15:10, 10 min after",
    }
    assert served.end(signal.SIGTERM) == 0
    for word in ("Traceback", "4711", "ecretname"):
        assert word not in served.log()


def test_two_patients_with_the_same_number_are_told_apart_by_their_authority(served, data_folder):
    other = message("ADT^A01", "1").replace("HOSP", "OTHER").replace("|F", "|M").replace("1960", "1990")
    for each in (message("ADT^A01", "2"), other):
        assert "MSA|AA" in served.tell(each)
    stated = {"PatientID": "4711", "AcquisitionDateTime": "20261130150000", "TimezoneOffsetFromUTC": "+0100"}
    nobody = {"PatientAge": "", "PatientBirthDate": "", "PatientSex": ""}
    for issuer, age in (("", None), ("HOSP", 66), ("OTHER", 36), ("ELSEWHERE", None)):
        ecg = ecg_dataset(data_folder / "HR06000.hea", **stated, **nobody, IssuerOfPatientID=issuer)
        note = served.post("/v1/recordings?wait", as_file(ecg), "application/dicom")["patient"]
        assert note["given"].get("age") == age
        assert bool(note["notes"]) == (issuer == "")


class Monitor(threading.Thread):
    """Sends one heart rate after the other, and remembers which were acknowledged."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port, self._next, self.acknowledged, self.ending = port, 0, set(), threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 20) as connection:
                    while not self.ending.is_set():
                        self._tell(connection)
            except OSError:  # it was killed: the same again
                time.sleep(0.01)

    def _tell(self, connection):
        at = datetime.datetime.fromtimestamp(1_796_000_000 + self._next, datetime.timezone.utc)
        said = obx("8867-4", "81", "/min", at.strftime("%Y%m%d%H%M%S+0000"))
        content = message("ORU^R01", str(self._next), "OBR|1", said).encode()
        connection.sendall(b"\x0b" + content + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            part = connection.recv(65536)
            if not part:
                raise ConnectionError
            answer += part
        if f"MSA|AA|{self._next}|".encode() in answer:
            self.acknowledged.add(at.timestamp())
            self._next += 1


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.soak)])
def test_whatever_was_acknowledged_is_there_after_kills(served, tmp_path, kills):
    draw, monitor = random.Random(kills), Monitor(served.mllp)
    monitor.start()
    for _ in range(kills):
        time.sleep(draw.uniform(0.05, 0.4))
        served.end(signal.SIGKILL)
        served.start()
    reached = len(monitor.acknowledged)
    end = time.monotonic() + 30
    while len(monitor.acknowledged) < reached + 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    monitor.ending.set()
    monitor.join()
    assert served.end(signal.SIGTERM) == 0
    ledger = Ledger(tmp_path / "ecg2lab-edge")
    assert monitor.acknowledged <= {held.fact.at for held in ledger.facts.of("4711")}
    ledger.close()
