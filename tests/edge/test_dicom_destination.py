"""What goes to an archive arrives, always the same, and what the archive says of it is understood."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
from dicom_peers import Archive, as_file, ecg_dataset, without_preamble
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import build_context

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.destinations import Outcome, dicom
from ecg2lab.edge.helper import Named
from ecg2lab.edge.ledger import Kept
from ecg2lab.errors import ConfigurationError
from ecg2lab.report.dicom import document, objects, structured

DATA = Path(__file__).parent.parent / "data"
QUICK = {"first_s": 0.05, "longest_s": 0.2, "acknowledged_s": 1}
TWELVE_LEADS = "1.2.840.10008.5.1.4.1.1.9.1.1"
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
ALL = [build_context(kind, SYNTAXES) for kind in (document.SOP_CLASS, structured.SOP_CLASS, TWELVE_LEADS)]


@pytest.fixture
def archives():
    """`archives(answer)`: an archive; `answer(count, event)` is its status."""
    running = []

    def open_archive(answer=lambda count, event: 0x0000, contexts=ALL, **more):
        running.append(Archive(answer, contexts=contexts, **more))
        return running[-1]

    yield open_archive
    for archive in running:
        archive.close()


@pytest.fixture
def ecg(data_folder):
    """`ecg(field=value, …)`: the files of a recording that came as DICOM."""
    return lambda syntax=ExplicitVRLittleEndian, **fields: {
        "ecg.dcm": as_file(ecg_dataset(data_folder / "HR06000.hea", **fields), syntax)
    }


def told(port, send=("sr",), **more):
    about = {"kind": "dicom", "name": "archive", "host": "127.0.0.1", "port": port, "called_ae_title": "ARCHIVE"}
    return {**about, "send": list(send), "retry": QUICK, **more}


def taken(node, files):
    return node.accept(files, {"age": 63.0}, origin="test", sender="cart")


def delivery(node, accepted):
    return next(iter(node.ledger.deliveries(accepted.number)), {})


def settled(node, accepted):
    """What became of a delivery, once it is no longer queued."""
    return lambda: delivery(node, accepted) if delivery(node, accepted).get("state") not in (None, "queued") else None


@pytest.mark.slow
def test_everything_goes_to_an_archive_once(opened, archives, ecg, wait_until):
    archive = archives()
    node = opened(destinations=[told(archive.port, ("pdf", "sr", "original"))])
    accepted = taken(node, ecg())
    assert wait_until(settled(node, accepted), 60)["state"] == "acknowledged"
    pdf, report, original = archive.data_sets()
    assert [uid for uid, *_ in archive.stored] == [
        objects.uid(accepted.id, "pdf"),
        objects.uid(accepted.id, "sr"),
        "1.2.3.4",
    ]
    assert pdf.EncapsulatedDocument.startswith(b"%PDF")
    assert report.PatientID == pdf.PatientID == original.PatientID
    assert report.StudyInstanceUID == pdf.StudyInstanceUID == original.StudyInstanceUID


def test_what_failed_is_sent_again_the_same(opened, archives, ecg, wait_until):
    archive = archives(lambda count, event: 0xA700 if count < 3 else 0x0000)
    node = opened(destinations=[told(archive.port)])
    outcome = wait_until(settled(node, taken(node, ecg())), 60)
    assert (outcome["state"], outcome["attempts"]) == ("acknowledged", 3)
    assert len(archive.stored) == 3
    assert len(set(archive.stored)) == 1


def test_what_did_not_come_as_dicom_has_a_study_of_its_own(opened, archives, record, wait_until):
    archive = archives()
    node = opened(destinations=[told(archive.port, ("sr", "original"))])
    accepted = taken(node, record)
    assert wait_until(settled(node, accepted))["state"] == "acknowledged"
    (report,) = archive.data_sets()
    assert report.StudyInstanceUID == objects.uid(accepted.id, "study")
    assert "CurrentRequestedProcedureEvidenceSequence" not in report


@pytest.mark.parametrize(
    ("files", "send", "said"),
    [("record", ["original"], "did not come as an ECG in DICOM"), ("garbage", ["sr"], "refused")],
)
def test_where_there_is_nothing_to_send_it_is_said(opened, record, wait_until, files, send, said):
    node = opened(destinations=[told(1, send)])
    accepted = taken(node, record if files == "record" else {"x.bin": b"no recording"})
    outcome = wait_until(settled(node, accepted))
    assert outcome["state"] == "acknowledged"
    assert said in outcome["problem"]


@pytest.mark.slow
def test_a_refusal_goes_as_a_report_with_its_reason(opened, archives, wait_until):
    archive = archives()
    node = opened(destinations=[told(archive.port, ("pdf", "sr"))])
    assert wait_until(settled(node, taken(node, {"x.bin": b"no recording"})), 60)["state"] == "acknowledged"
    (report,) = archive.data_sets()
    assert report.SOPClassUID == document.SOP_CLASS
    assert report.PatientID == ""


# Without a node around it: one delivery, and what is thought of it.


@pytest.fixture(scope="module")
def delivered():
    """A recording that came as DICOM with what is sent of it, as the ledger keeps them."""
    engine = ecg2lab.load(bundle_path(), threads=1)
    path = DATA / "HR06000.hea"
    said = engine.predict(ecg2lab.read(path))
    state = Kept("ab" * 20, 1, "answered", {}, 0.0, 0.0, said.to_json(), {"format": "DICOM"}, [], None)
    answered = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
    made = dicom.objects(b"%PDF", said, {}, None, engine.info, state.id, answered)
    engine.close()
    return state, msgspec.msgpack.decode(made)


@pytest.fixture
def send(delivered, tmp_path):
    """`send(port, …)`: send what is wanted once; the outcome."""

    def send_once(port, wanted=("sr",), files=None, **more):
        kept, made = delivered
        (destination,) = config.decode({"destinations": [told(port, wanted, **more)]}, "edge.json").destinations
        for name, content in (files or {}).items():
            (tmp_path / name).write_bytes(content)
            kept = kept._replace(files=[Named(name, tmp_path / name)])
        message = msgspec.msgpack.encode({name: made[name] for name in wanted if name in made})
        return dicom.DicomChannel(destination, tmp_path).send(kept, message)

    return send_once


def test_the_original_goes_also_where_it_could_not_be_answered(opened, archives, ecg, wait_until, data_folder):
    archive, data_set = archives(), ecg_dataset(data_folder / "HR06000.hea")
    del data_set.WaveformSequence
    node = opened(destinations=[told(archive.port, ("sr", "original"))])
    accepted = taken(node, {"ecg.dcm": as_file(data_set)})
    assert wait_until(settled(node, accepted))["state"] == "acknowledged"
    assert node.ledger.kept(accepted.number).state == "refused"
    assert [uid for uid, *_ in archive.stored] == ["1.2.3.4"]


def with_comment(status, comment):
    said = Dataset()
    said.Status, said.ErrorComment = status, comment
    return said


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007, 0x0111])
def test_these_statuses_end_a_delivery(archives, send, status):
    outcome = send(archives(lambda count, event: status).port)
    assert outcome == Outcome("acknowledged", None if status == 0 else f"sr: 0x{status:04X}")


@pytest.mark.parametrize("status", [0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0122, 0x0117, 0x0124, 0x0211, 0x0212])
def test_these_statuses_set_a_delivery_aside_by_name(archives, send, status):
    outcome = send(archives(lambda count, event: with_comment(status, "not with us")).port)
    assert outcome.state == "set aside"
    assert outcome.problem.startswith(f"sr: 0x{status:04X} ")
    assert outcome.problem.endswith(": not with us")


AGAIN = {
    "out of resources": lambda event: 0xA700,
    "out of resources, other": lambda event: 0xA7FF,
    "processing failure": lambda event: 0x0110,
    "hangs up": lambda event: event.assoc.dul.socket.close() or 0,
    "aborts": lambda event: event.assoc.abort() or 0,
}


@pytest.mark.parametrize("fault", AGAIN.values(), ids=AGAIN)
def test_these_are_reasons_to_send_it_again(archives, send, fault):
    outcome = send(archives(lambda count, event: fault(event)).port)
    assert outcome.state == "again"
    assert outcome.problem.startswith("sr: ")


def test_one_of_them_refused_is_named_and_the_others_arrive(archives, send):
    archive = archives(contexts=ALL[1:])
    outcome = send(archive.port, ("pdf", "sr"))
    assert outcome.state == "set aside"
    assert outcome.problem.startswith("pdf: ")
    assert [report.SOPClassUID for report in archive.data_sets()] == [structured.SOP_CLASS]


def test_while_one_waits_the_refused_one_is_tried_again_with_it(archives, send):
    archive = archives(lambda count, event: 0xC000 if count == 1 else 0xA700)
    outcome = send(archive.port, ("pdf", "sr"))
    assert outcome.state == "again"
    assert outcome.problem.startswith("sr: 0xA700")


def test_an_archive_that_takes_nothing_sets_aside(archives, send):
    outcome = send(archives(contexts=[build_context("1.2.840.10008.1.1")]).port)
    assert outcome.state == "set aside"
    assert "takes no such objects" in outcome.problem


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_the_original_goes_as_it_came(archives, send, ecg, syntax):
    archive, files = archives(), ecg(syntax)
    assert send(archive.port, ["original"], files).state == "acknowledged"
    ((instance, content, used),) = archive.stored
    assert (instance, used) == ("1.2.3.4", syntax)
    assert content == without_preamble(files["ecg.dcm"])


def test_an_original_in_a_syntax_that_is_not_taken_is_set_aside(archives, send, ecg):
    archive = archives(contexts=[ALL[1], build_context(TWELVE_LEADS, ImplicitVRLittleEndian)])
    outcome = send(archive.port, ("sr", "original"), ecg(ExplicitVRBigEndian))
    assert outcome.state == "set aside"
    assert outcome.problem.startswith("original: ")
    assert len(archive.stored) == 1


def test_an_original_without_file_meta_information_is_set_aside(archives, send, ecg):
    files = {"ecg.dcm": without_preamble(ecg()["ecg.dcm"])}
    outcome = send(archives().port, ["original"], files)
    assert outcome.state == "set aside"
    assert "file meta information" in outcome.problem


def test_implicit_is_enough_for_what_is_ours(archives, send):
    archive = archives(contexts=[build_context(structured.SOP_CLASS, ImplicitVRLittleEndian)])
    assert send(archive.port).state == "acknowledged"
    (report,) = archive.data_sets()
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_a_repeat_is_the_same(archives, send):
    archive = archives()
    for _ in range(2):
        send(archive.port, ("pdf", "sr"))
    assert archive.stored[:2] == archive.stored[2:]


@pytest.mark.parametrize(
    ("about", "reason"), [({"called_ae_title": "OTHER"}, "Called AE"), ({"calling_ae_title": "OTHER"}, "Calling AE")]
)
def test_a_rejected_association_is_tried_again_and_says_why(archives, send, about, reason):
    archive = archives(callers=["ECG2LAB"])
    outcome = send(archive.port, **about)
    assert outcome.state == "again"
    assert reason in outcome.problem
    assert not archive.stored


SAID = {
    "nothing": b"",
    "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9,
    "half an acceptance": b"\x02\0\0\0\1\0",
    "a length that is none": b"\x02\0\xff\xff\xff\xff",
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_who_does_not_answer_as_an_archive_is_tried_again(send, said):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(send, server.getsockname()[1], retry={**QUICK, "acknowledged_s": 0.3})
        connection, _ = server.accept()
        with connection:
            connection.sendall(said)
            assert outcome.result(60).state == "again"


def test_an_archive_that_never_responds_is_tried_again(archives, send):
    released = threading.Event()
    archive = archives(lambda count, event: released.wait(60) and 0)
    outcome = send(archive.port, retry={**QUICK, "acknowledged_s": 0.3})
    released.set()
    assert outcome == Outcome("again", "sr: no response")


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_archive_that_is_not_there_is_tried_again(send, host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert send(port, host=host).state == "again"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"authority": "x.pem"}, "has an authority, and no tls"),
        ({"certificate": "x.pem", "key": "x.key"}, "has a certificate, and no tls"),
        ({"tls": True, "certificate": "x.pem"}, "needs certificate and key, or neither"),
        ({"tls": True, "key": "x.key"}, "needs certificate and key, or neither"),
    ],
)
def test_certificates_need_tls(fields, said):
    with pytest.raises(ConfigurationError, match=said):
        config.decode({"destinations": [told(1, **fields)]}, "edge.json")


@pytest.mark.parametrize(("send", "said"), [([], "send"), (["dcm"], "send"), (["pdf"], None)])
def test_what_is_sent_is_checked(send, said):
    if said is None:
        config.decode({"destinations": [told(1, send)]}, "edge.json")
    else:
        with pytest.raises(ConfigurationError, match=said):
            config.decode({"destinations": [told(1, send)]}, "edge.json")
