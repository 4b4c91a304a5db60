"""Against a FHIR server of other people, which holds every resource to R4 and its invariants: Medplum's, from npm."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from edge_kept import kept_of

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.destinations.fhir import FhirChannel

pytestmark = pytest.mark.system

SERVER = Path(__file__).parents[1] / "support" / "fhir_server.mjs"
PACKAGES = [f"@medplum/{name}@4.5.2" for name in ("core", "definitions", "fhir-router")]
WAYS = {
    "transaction": {},
    "transaction, own ids": {"own_ids": True},
    "collection": {"as": "collection"},
    "collection, own ids": {"as": "collection", "own_ids": True},
}
SOURCE = {"patient_id": "MRN 4711", "order_id": "A-1", "acquired": "2024-02-29 23:59:58"}


def install(folder):
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"npm could not install {' '.join(PACKAGES)}")


@pytest.fixture
def server(made_once):
    """The address of one that is empty."""
    folder = made_once("medplum", install)
    process = subprocess.Popen(
        ["node", str(SERVER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port = process.stdout.readline().strip()
        assert port, "it did not start"
        yield f"http://127.0.0.1:{port}/r4"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def engine():
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def kept(engine, recording):
    return kept_of(engine, recording, SOURCE)


def channel_to(url, tmp_path, **more):
    told = {"kind": "fhir", "name": "record", "url": url, "pdf": False, **more}
    return FhirChannel(config.decode({"destinations": [told]}, "x").destinations[0], tmp_path)


def count(url):
    kinds = ("DiagnosticReport", "RiskAssessment", "Device", "Provenance", "Bundle")
    return {kind: n for kind in kinds if (n := len(search(url, kind)))}


def search(url, query):
    with urllib.request.urlopen(f"{url}/{query}") as answer:
        return [entry["resource"] for entry in json.load(answer).get("entry", [])]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_takes_everything_and_has_it_once(server, kept, engine, tmp_path, way):
    channel = channel_to(server, tmp_path, **way)
    for recording in (kept(1), kept(2), kept(3, refused=True)):
        message = channel.write(recording, engine.info, None)
        for _ in range(3):
            assert channel.send(recording, message).state == "acknowledged"
    if way.get("as") == "collection":
        assert count(server) == {"Bundle": 3}
    else:
        assert count(server) == {"DiagnosticReport": 3, "RiskAssessment": 2, "Device": 1, "Provenance": 3}


@pytest.mark.parametrize("own_ids", [False, True])
def test_its_references_lead_to_what_it_stored(server, kept, engine, tmp_path, own_ids):
    channel = channel_to(server, tmp_path, own_ids=own_ids)
    for number in (1, 2):
        assert channel.send(kept(number), channel.write(kept(number), engine.info, None)).state == "acknowledged"
    (device,) = search(server, "Device")
    there = {
        f"{r['resourceType']}/{r['id']}"
        for kind in ("DiagnosticReport", "RiskAssessment")
        for r in search(server, kind)
    }
    assert len(there) == 4
    made = search(server, "Provenance")
    assert {target["reference"] for each in made for target in each["target"]} == there
    assert {each["agent"][0]["who"]["reference"] for each in made} == {f"Device/{device['id']}"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries: entries[0]["resource"].pop("code"), "structure at Bundle.entry[0].resource.code"),
        (lambda entries: entries[3]["resource"].pop("recorded"), "structure"),
        (lambda entries: entries[1]["resource"].update(observation="x"), "structure"),
        (lambda entries: entries[2].pop("request"), "invariant"),
    ],
)
def test_it_would_notice(server, kept, engine, tmp_path, change, said):
    channel = channel_to(server, tmp_path)
    message = json.loads(channel.write(kept(1), engine.info, None))
    change(message["entry"])
    outcome = channel.send(kept(1), json.dumps(message).encode())
    assert outcome.state == "set aside"
    assert outcome.problem.startswith(f"400 Bad Request: {said}")
    assert count(server) == {}
