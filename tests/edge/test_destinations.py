"""Answers reach each destination once, in order, whatever it says; nothing that was taken is lost."""

import socket
import ssl
import time

import msgspec
import pytest
import trustme
from edge_peers import acknowledge, number_of

from ecg2lab.edge.identity import control_id
from ecg2lab.report import hl7 as writer

QUICK = {"first_s": 0.05, "longest_s": 0.2, "acknowledged_s": 1}


def told(port, **more):
    return {"kind": "hl7", "name": "record", "host": "127.0.0.1", "port": port, "pdf": False, "retry": QUICK, **more}


def taken(node, files, age=63.0):
    return node.accept(files, {"age": age}, origin="test", sender="cart")


def delivery(node, accepted, name="record"):
    return next((d for d in node.ledger.deliveries(accepted.number) if d["destination"] == name), {})


def acknowledged(node, accepted, name="record"):
    return lambda: delivery(node, accepted, name).get("state") == "acknowledged"


def test_an_answer_is_sent_once_under_its_number(opened, receiving, record, wait_until):
    receiver = receiving()
    node = opened(destinations=[told(receiver.port, receiving_application="EHR", patient_authority="WARD")])
    accepted = taken(node, record)
    wait_until(acknowledged(node, accepted))
    (message,) = receiver.messages
    assert number_of(message) == control_id(accepted.id)
    kept = node.ledger.kept(accepted.number)
    assert b"|EHR|" in message
    assert message.count(b"\rOBX|") == len(kept.said.findings)


def test_the_report_goes_with_it(opened, receiving, record, wait_until):
    receiver = receiving()
    node = opened(destinations=[told(receiver.port, pdf=True)])
    wait_until(acknowledged(node, taken(node, record)), 60)
    assert b"^AP^PDF^Base64^JVBERi" in receiver.messages[0]


def test_a_refusal_is_sent_as_one(opened, receiving, wait_until):
    receiver = receiving()
    node = opened(destinations=[told(receiver.port, pdf=True)])
    wait_until(acknowledged(node, taken(node, {"x.bin": b"no recording"})), 60)
    assert b"REFUSED^No estimate" in receiver.messages[0]


def faulty(fault):
    """Goes wrong twice, then takes it."""
    return lambda count, message: acknowledge(message) if count > 2 else fault(message)


FAULTS = {
    "hangs up": lambda message: None,
    "AE": lambda message: acknowledge(message, "AE", "database is locked"),
    "CE": lambda message: acknowledge(message, "CE"),
    "of another message": lambda message: acknowledge(message, number="someone else's"),
    "garbage": lambda message: b"\x0bHTTP/1.1 400 Bad Request\x1c\r",
    "no code": lambda message: acknowledge(message, ""),
    "endless": lambda message: b"\x0b" + b"x" * (2 << 20),
    "never answers": lambda message: b"",
    "drops": lambda message: (time.sleep(0.1) or b"\x0b" for _ in range(50)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_no_acknowledgement_is_sent_again_the_same(opened, receiving, record, wait_until, fault):
    receiver = receiving(faulty(fault))
    node = opened(destinations=[told(receiver.port)])
    accepted = taken(node, record)
    wait_until(acknowledged(node, accepted), 60)
    assert len(receiver.messages) == 3
    assert len(set(receiver.messages)) == 1
    assert delivery(node, accepted)["attempts"] == 3
    counted = node.metrics.text()
    assert b'ecg2lab_sent_total{destination="record",outcome="again"} 2.0' in counted
    assert b'ecg2lab_sent_total{destination="record",outcome="acknowledged"} 1.0' in counted


def test_a_receiver_that_hangs_up_between_messages_is_called_again_at_once(opened, receiving, record, wait_until):
    receiver = receiving()
    node = opened(destinations=[told(receiver.port, retry={**QUICK, "first_s": 60, "longest_s": 60})])
    for age in (50.0, 51.0):
        wait_until(acknowledged(node, taken(node, record, age)))
        receiver.hang_up()
    assert len(receiver.messages) == 2


def test_a_rejection_is_set_aside_by_name_and_the_next_is_sent(opened, receiving, record, wait_until):
    receiver = receiving(lambda n, message: acknowledge(message, "AR" if n == 1 else "AA", "unknown | patient\x07"))
    node = opened(destinations=[told(receiver.port)])
    first, second = taken(node, record), taken(node, record, 64.0)
    wait_until(acknowledged(node, second))
    assert delivery(node, first)["state"] == "set aside"
    assert delivery(node, first)["problem"] == "AR: unknown "
    assert len(receiver.messages) == 2


def test_a_destination_that_is_down_waits_and_keeps_no_other_from_its_own(opened, record, wait_until, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    files = {"kind": "files", "name": "disk", "folder": "out", "formats": ["json"]}
    node = opened(destinations=[told(port), files])
    accepted = taken(node, record)
    wait_until(acknowledged(node, accepted, "disk"))
    wait_until(lambda: delivery(node, accepted).get("attempts", 0) >= 3)
    owed = delivery(node, accepted)
    assert owed["state"] == "queued"
    assert owed["problem"] == f"127.0.0.1:{port}: Connection refused"
    written = (tmp_path / "out" / f"{accepted.id}.json").read_bytes()
    assert written == node.ledger.kept(accepted.number).answer + b"\n"


def test_files_are_all_forms_that_were_asked_for(opened, record, wait_until, tmp_path):
    files = {"kind": "files", "name": "disk", "folder": "out", "formats": ["json", "fhir", "hl7", "html", "pdf"]}
    node = opened(destinations=[files])
    accepted = taken(node, record)
    wait_until(acknowledged(node, accepted, "disk"), 60)
    written = {path.name.removeprefix(accepted.id): path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(written) == {".json", ".fhir.json", ".hl7", ".html", ".pdf"}
    assert written[".pdf"].startswith(b"%PDF")
    assert msgspec.json.decode(written[".json"])["record"] == "HR06000.hea"


def test_a_folder_that_cannot_be_written_is_tried_again(opened, record, wait_until, tmp_path):
    (tmp_path / "out").write_text("in the way")
    files = {"kind": "files", "name": "disk", "folder": "out", "retry": QUICK}
    node = opened(destinations=[files])
    accepted = taken(node, record)
    wait_until(lambda: delivery(node, accepted, "disk").get("attempts", 0) >= 2)
    (tmp_path / "out").unlink()
    wait_until(acknowledged(node, accepted, "disk"))


def test_in_shadow_mode_nothing_leaves(opened, receiving, record):
    receiver = receiving()
    node = opened(mode="shadow", destinations=[told(receiver.port)])
    accepted = taken(node, record)
    assert node.hope(accepted.number).result(20).state == "answered"
    assert node.ledger.deliveries(accepted.number) == []
    assert receiver.messages == []


def test_a_message_that_cannot_be_written_is_set_aside(opened, receiving, record, wait_until, monkeypatch):
    def refuse(*_, **__):
        raise writer.OutputError("HL7 has no room for it: patient_id is longer than 199 characters")

    monkeypatch.setattr(writer, "message", refuse)
    node = opened(destinations=[told(receiving().port)])
    accepted = taken(node, record)
    wait_until(lambda: delivery(node, accepted).get("state") == "set aside")
    assert "no room" in delivery(node, accepted)["problem"]


@pytest.mark.parametrize("fault", ["", "another authority", "another name", "no tls"])
def test_over_tls_it_goes_to_whom_the_authority_knows_and_to_nobody_else(
    opened, receiving, record, wait_until, tmp_path, fault
):
    authority = trustme.CA()
    (trustme.CA() if fault == "another authority" else authority).cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example" if fault == "another name" else "127.0.0.1").configure_cert(context)
    receiver = receiving(tls=None if fault == "no tls" else context)
    node = opened(destinations=[told(receiver.port, tls=True, authority="authority.pem")])
    accepted = taken(node, record)
    if not fault:
        wait_until(acknowledged(node, accepted))
        return
    wait_until(lambda: delivery(node, accepted).get("attempts", 0) >= 2)
    assert delivery(node, accepted)["state"] == "queued"
    assert delivery(node, accepted)["problem"].startswith(f"127.0.0.1:{receiver.port}: ")
    assert not receiver.messages
