"""What was set aside can be answered and sent again, the same to the letter; nobody has it done who may not."""

import pytest
from edge_peers import acknowledge, number_of
from litestar.testing import TestClient

from ecg2lab.edge.identity import control_id
from ecg2lab.edge.inputs.http import application

JSON = {"content-type": "application/json"}
QUICK = {"first_s": 0.05, "longest_s": 0.2, "acknowledged_s": 1}


def told(port, name="record"):
    return {"kind": "hl7", "name": name, "host": "127.0.0.1", "port": port, "pdf": False, "retry": QUICK}


def taken(node, files, age=63.0):
    return node.accept(files, {"age": age}, origin="test", sender="cart")


def state_of(node, accepted):
    return [one["state"] for one in node.ledger.deliveries(accepted.number)]


def audit(node):
    return [tuple(row) for row in node.ledger._store.read("SELECT who, what, which FROM audit ORDER BY rowid")]


@pytest.fixture
def asking(opened):
    """`asking(field=value, …)`: a program that asks a node, and the node."""
    clients = []

    def ask(**fields):
        node = opened(**fields)
        clients.append(TestClient(application(node), base_url="http://127.0.0.1", raise_server_exceptions=False))
        clients[-1].__enter__()
        return clients[-1], node

    yield ask
    for one in clients:
        one.__exit__(None, None, None)


def send_again(http, accepted, name="record", **more):
    return http.post(
        f"/v1/recordings/{accepted.id}/deliveries/{name}/again", **{"headers": JSON, "content": b"{}", **more}
    )


def answer_again(http, accepted, **more):
    return http.post(f"/v1/recordings/{accepted.id}/again", **{"headers": JSON, "content": b"{}", **more})


@pytest.mark.parametrize("first", ["AA", "AR"])
def test_a_message_is_sent_again_under_its_number_byte_for_byte(asking, receiving, record, wait_until, first):
    receiver = receiving(lambda count, message: acknowledge(message, "AA" if count > 1 else first))
    http, node = asking(destinations=[told(receiver.port)])
    accepted = taken(node, record)
    wait_until(lambda: state_of(node, accepted) == ["acknowledged" if first == "AA" else "set aside"])
    answer = send_again(http, accepted)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    wait_until(lambda: len(receiver.messages) == 2 and state_of(node, accepted) == ["acknowledged"])
    assert receiver.messages[0] == receiver.messages[1]
    assert number_of(receiver.messages[1]) == control_id(accepted.id)
    assert audit(node)[-1][1:] == ("sent again to record", accepted.id)


def test_what_waits_for_its_time_is_sent_at_once(asking, receiving, record, wait_until):
    receiver = receiving(lambda count, message: acknowledge(message, "AA" if count > 1 else "AE"))
    slow = {**told(receiver.port), "retry": {"first_s": 3600, "longest_s": 3600}}
    http, node = asking(destinations=[slow])
    accepted = taken(node, record)
    wait_until(lambda: receiver.messages and node.ledger.deliveries(accepted.number)[0]["attempts"] == 1)
    send_again(http, accepted)
    wait_until(lambda: state_of(node, accepted) == ["acknowledged"])
    assert receiver.messages[0] == receiver.messages[1]


def test_a_recording_that_was_set_aside_is_answered_and_then_owed(asking, receiving, record, wait_until, monkeypatch):
    receiver = receiving()
    http, node = asking(destinations=[told(receiver.port)])
    with monkeypatch.context() as broken:
        broken.setattr(node.engine, "predict", lambda *_: {}["a fault of ours"])
        accepted = taken(node, record)
        assert node.hope(accepted.number).result(20).state == "set aside"
        assert state_of(node, accepted) == []
    answer = answer_again(http, accepted)
    assert (answer.status_code, answer.json()) == (202, {"id": accepted.id, "state": "waiting"})
    assert node.hope(accepted.number).result(20).state == "answered"
    wait_until(lambda: state_of(node, accepted) == ["acknowledged"])
    assert len(receiver.messages) == 1
    assert [what for _, what, which in audit(node) if which == accepted.id][-1] == "had answered again"
    assert answer_again(http, accepted).status_code == 409, "it is answered"


def test_crashes_count_from_none_again(opened, asking, record, tmp_path):
    idle = opened(start=False)
    accepted = taken(idle, record)
    begun = idle.ledger._begun / str(accepted.number)
    begun.write_bytes(b"...")
    idle.ledger._crashed = True
    assert idle.ledger.waiting(3) == []
    kept = idle.ledger.kept(accepted.number)
    assert kept.state == "set aside"
    begun.write_bytes(b"...")
    assert idle.answer_again(kept, "ward")
    assert not begun.exists()
    assert idle.ledger.waiting(3) == [accepted.number]


def test_what_cannot_be_done_again_says_why(asking, receiving, record, wait_until):
    receiver = receiving()
    http, node = asking(destinations=[told(receiver.port)])
    accepted, refused = taken(node, record), taken(node, {"x.bin": b"no recording"})
    wait_until(lambda: state_of(node, accepted) == state_of(node, refused) == ["acknowledged"])
    assert send_again(http, accepted, "nowhere").status_code == 409
    assert answer_again(http, accepted).status_code == answer_again(http, refused).status_code == 409
    node.ledger.erase(accepted.id, "test")
    assert send_again(http, accepted).status_code == answer_again(http, accepted).status_code == 404
    assert len(receiver.messages) == 2


def test_nothing_leaves_a_shadow(asking, receiving, record):
    receiver = receiving()
    http, node = asking(mode="shadow", destinations=[told(receiver.port)])
    accepted = taken(node, record)
    node.hope(accepted.number).result(20)
    assert send_again(http, accepted).status_code == 409
    assert receiver.messages == []


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({}, b"", 415),
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=b", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({**JSON, "origin": "http://evil.example"}, b"{}", 403),
        ({**JSON, "origin": "null"}, b"{}", 403),
        ({**JSON, "host": "evil.example"}, b"{}", 421),
        ({"content-type": "application/json; charset=utf-8", "origin": "http://127.0.0.1"}, b"{}", 409),
    ],
)
@pytest.mark.parametrize("again", [send_again, answer_again])
def test_pages_of_other_servers_cannot_have_it_done(asking, record, headers, content, status, again):
    http, node = asking()
    accepted = taken(node, record)
    node.hope(accepted.number).result(20)
    before = audit(node)
    assert again(http, accepted, headers=headers, content=content).status_code == status
    assert audit(node) == before
