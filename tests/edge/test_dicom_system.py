"""With other people's programs: DCMTK sends, asks and takes; dicom3tools checks what leaves."""

import re
import shutil
import socket
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pydicom
import pytest
from dicom_peers import AMBULATORY, GENERAL, GENERAL_32, TWELVE_LEADS, as_file, ecg_dataset, without_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge.inputs.dicom import DicomServer
from ecg2lab.report import pdf as pages
from ecg2lab.report.dicom import document, structured
from ecg2lab.report.dicom.origin import origin

pytestmark = pytest.mark.system
DATA = Path(__file__).parent.parent / "data"
ANSWERED = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
TOLD = {
    "StudyDate": "20200131",
    "StudyTime": "123000",
    "StudyID": "S1",
    "AccessionNumber": "A1",
    "PatientName": "Müller^Jörg",
    "SpecificCharacterSet": "ISO_IR 100",
}
SYNTAXES = {
    "--propose-little": ExplicitVRLittleEndian,
    "--propose-implicit": ImplicitVRLittleEndian,
    "--propose-big": ExplicitVRBigEndian,
    "--propose-deflated": DeflatedExplicitVRLittleEndian,
}


def program(name):
    """The path of a program, or a skip that names its package."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: apt install {'dicom3tools' if name == 'dciodvfy' else 'dcmtk'}")
    return found


def run(name, *arguments, expect=0):
    ran = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == expect or expect is None, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture
def listening(opened, tmp_path):
    """`listening(dicom={…})`: a node and where it listens for DICOM."""
    servers = []

    def listen(**dicom):
        node = opened(dicom=dicom)
        servers.append(DicomServer(msgspec.structs.replace(node.configuration.dicom, port=0), tmp_path, node))
        servers[-1].start()
        return node, servers[-1].port

    yield listen
    for server in servers:
        server.stop()


def ecg(syntax=ExplicitVRLittleEndian, **fields):
    return as_file(ecg_dataset(DATA / "HR06000.hea", **{**TOLD, **fields}), syntax)


def answered(node):
    kept = [node.ledger.kept(row["number"]) for row in node.ledger._store.read("SELECT number FROM recordings")]
    return kept if kept and all(one.state != "waiting" for one in kept) else None


def test_echoscu_is_answered(listening):
    _, port = listening(callers=[{"ae_title": "CART", "addresses": ["127.0.0.1"]}])
    run("echoscu", "-aet", "CART", "-aec", "ECG2LAB", "127.0.0.1", port)
    assert "Calling AE Title Not Recognized" in run(
        "echoscu", "-aet", "OTHER", "-aec", "ECG2LAB", "127.0.0.1", port, expect=None
    )
    assert "Called AE Title Not Recognized" in run(
        "echoscu", "-aet", "CART", "-aec", "OTHER", "127.0.0.1", port, expect=None
    )


@pytest.mark.parametrize("proposed", SYNTAXES)
def test_storescu_in_every_transfer_syntax(listening, wait_until, tmp_path, proposed):
    node, port = listening()
    sent = ecg(SYNTAXES[proposed])
    (tmp_path / "sent.dcm").write_bytes(sent)
    run("storescu", "--required", proposed, "-aec", "ECG2LAB", "127.0.0.1", port, tmp_path / "sent.dcm")
    (kept,) = wait_until(lambda: answered(node), 60)
    assert kept.state == "answered"
    content = kept.files[0].path.read_bytes()
    assert pydicom.dcmread(kept.files[0].path).file_meta.TransferSyntaxUID == SYNTAXES[proposed]
    assert pydicom.dcmread(kept.files[0].path).PatientName == "Müller^Jörg"
    if proposed != "--propose-deflated":  # which DCMTK packs anew
        assert len(without_preamble(content)) > 1000


@pytest.mark.parametrize("sop_class", [TWELVE_LEADS, GENERAL, AMBULATORY])
def test_storescu_of_every_class_that_it_knows(listening, wait_until, tmp_path, sop_class):
    node, port = listening()
    (tmp_path / "sent.dcm").write_bytes(ecg(sop_class=sop_class))
    run("storescu", "-aec", "ECG2LAB", "127.0.0.1", port, tmp_path / "sent.dcm")
    (kept,) = wait_until(lambda: answered(node), 60)
    assert kept.state == "answered"


def test_storescp_takes_all_of_it(opened, wait_until, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / "archive"
    folder.mkdir()
    archive = subprocess.Popen([program("storescp"), "-aet", "ARCHIVE", "+B", "-od", str(folder), str(port)])
    try:
        told = {"kind": "dicom", "name": "a", "host": "127.0.0.1", "port": port, "called_ae_title": "ARCHIVE"}
        retry = {"first_s": 0.1, "longest_s": 0.2}
        node = opened(destinations=[{**told, "send": ["pdf", "sr", "original"], "retry": retry}])
        accepted = node.accept({"ecg.dcm": ecg()}, {"age": 63.0}, origin="test", sender="test")
        wait_until(lambda: node.ledger.deliveries(accepted.number)[:1], 60)
        wait_until(lambda: node.ledger.deliveries(accepted.number)[0]["state"] == "acknowledged", 60)
    finally:
        archive.terminate()
        archive.wait()
    stored = sorted(folder.iterdir())
    assert len(stored) == 3
    (original,) = [path for path in stored if pydicom.dcmread(path).SOPInstanceUID == "1.2.3.4"]
    assert without_preamble(original.read_bytes()) == without_preamble(ecg())
    for path in stored:
        if path != original:
            assert errors(path) == []


def errors(path):
    said = run("dciodvfy", path, expect=None)
    assert re.search(r"^(EncapsulatedPDF|ComprehensiveSR)$", said, re.MULTILINE), said
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.fixture(scope="module")
def engine():
    engine = ecg2lab.load(bundle_path(), threads=1)
    yield engine
    engine.close()


ORIGINS = {
    **{
        f"class {sop_class[-1]}": lambda sop_class=sop_class: origin({}, ecg(sop_class=sop_class))
        for sop_class in (TWELVE_LEADS, GENERAL, AMBULATORY, GENERAL_32)
    },
    "not DICOM": lambda: origin({"patient_id": "P-7", "acquired": "2020-01-31"}, None),
    "nothing known": lambda: origin(None, None),
    "a time zone": lambda: origin({}, ecg(TimezoneOffsetFromUTC="+0545")),
    "Japanese": lambda: origin(
        {}, ecg(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    ),
}


@pytest.mark.parametrize("whose", ORIGINS)
def test_dciodvfy_finds_no_error(engine, tmp_path, whose):
    recording = ecg2lab.read(DATA / "HR06000.hea")
    prediction = engine.predict(recording)
    told = {"identity": "ab" * 20, "answered": ANSWERED}
    drawn = pages.pdf(prediction, recording, "ecg.dcm")
    made = {
        "pdf.dcm": document.encapsulated_pdf(drawn, engine.info, ORIGINS[whose](), **told),
        "sr.dcm": structured.structured_report(prediction, ORIGINS[whose](), **told),
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
        assert errors(tmp_path / name) == []
    if whose != "class 4":  # which DCMTK 3.6.7 does not know
        run("dsrdump", tmp_path / "sr.dcm")
    run("dcmdump", tmp_path / "pdf.dcm")


def test_dciodvfy_finds_errors_where_there_are_some(engine, tmp_path):
    whole = pydicom.dcmread(_written(tmp_path, engine))
    del whole.BurnedInAnnotation
    whole.save_as(tmp_path / "spoilt.dcm")
    assert errors(tmp_path / "spoilt.dcm")


def _written(tmp_path, engine):
    path = tmp_path / "whole.dcm"
    told = {"identity": "ab" * 20, "answered": ANSWERED}
    path.write_bytes(document.encapsulated_pdf(b"%PDF", engine.info, origin(None, None), **told))
    return path


def test_the_document_comes_out_as_it_went_in(engine, tmp_path):
    recording = ecg2lab.read(DATA / "HR06000.hea")
    drawn = pages.pdf(engine.predict(recording), recording, "ecg.dcm")
    told = {"identity": "ab" * 20, "answered": ANSWERED}
    (tmp_path / "pdf.dcm").write_bytes(document.encapsulated_pdf(drawn, engine.info, origin(None, None), **told))
    run("dcm2pdf", tmp_path / "pdf.dcm", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().rstrip(b"\0") == drawn.rstrip(b"\0")
