"""What carts and archives send by DICOM is kept as it came; strangers, and what is no ECG, are named and refused."""

import contextlib
import logging
import random
import socket
import struct

import msgspec
import pytest
from dicom_peers import (
    AMBULATORY,
    GENERAL,
    GENERAL_32,
    NAMES,
    TWELVE_LEADS,
    VERIFICATION,
    Cart,
    as_file,
    ecg_dataset,
    encoded,
    without_preamble,
)
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import build_context

from ecg2lab.edge import config
from ecg2lab.edge.checks import require_usable
from ecg2lab.edge.inputs.dicom import DicomServer
from ecg2lab.edge.inputs.dicom_server import AssociationServer
from ecg2lab.errors import ConfigurationError, StoreError

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.fixture
def listening(opened, tmp_path):
    """`listening(node fields, dicom={…})`: a node and where it listens for DICOM."""
    servers = []

    def listen(dicom=None, start=True, **fields):
        node = opened(dicom={"port": 11112, **(dicom or {})}, start=start, **fields)
        told = msgspec.structs.replace(node.configuration.dicom, port=0)
        server = DicomServer(told, tmp_path, node)
        server.start()
        servers.append(server)
        return node, server.port

    def stop():
        while servers:
            servers.pop().stop()

    listen.stop = stop
    yield listen
    stop()


@pytest.fixture
def ecg(data_folder):
    """`ecg(field=value, …)`: a data set."""
    return lambda **fields: ecg_dataset(data_folder / "HR06000.hea", **fields)


def recordings(node):
    return [node.ledger.kept(row["number"]) for row in node.ledger._store.read("SELECT number FROM recordings")]


def answered(node):
    kept = recordings(node)
    return kept if kept and all(one.state != "waiting" for one in kept) else None


def problems(node):
    return {(problem.type, problem.message): problem.times for problem in node.problems.latest()}


def test_somebody_is_there(listening):
    _, port = listening()
    assert Cart(port).echo() == 0


@pytest.mark.parametrize("sop_class", [TWELVE_LEADS, GENERAL, AMBULATORY, GENERAL_32])
def test_every_class_of_ecgs_is_answered(listening, ecg, wait_until, sop_class):
    node, port = listening()
    assert Cart(port).store(ecg(sop_class=sop_class)).Status == 0
    (kept,) = wait_until(lambda: answered(node))
    assert kept.state == "answered"
    assert kept.source["format"] == "DICOM"
    assert kept.said.patient.given["age"] == 59


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_what_comes_is_kept_as_it_came_in_every_transfer_syntax(listening, ecg, wait_until, tmp_path, syntax):
    node, port = listening()
    sent = as_file(ecg(), syntax)
    assert Cart(port).store_file(tmp_path, sent).Status == 0
    (kept,) = wait_until(lambda: answered(node))
    content = kept.files[0].path.read_bytes()
    assert without_preamble(content) == without_preamble(sent)
    assert kept.state == "answered"
    assert not any(name in kept.files[0].name for name in NAMES)


def test_the_answer_is_that_to_the_file(listening, ecg, wait_until, opened):
    node, port = listening()
    Cart(port).store(ecg())
    (kept,) = wait_until(lambda: answered(node))
    other = opened(state="other")
    file = other.ask({"x.dcm": as_file(ecg())}, {}, origin="test", sender="test", seconds=60)
    assert kept.said.findings == other.ledger.kept(file.number).said.findings


def test_success_comes_after_the_disk(listening, ecg, monkeypatch):
    node, port = listening(start=False)
    monkeypatch.setattr(node.ledger, "take", lambda *_: (_ for _ in ()).throw(StoreError("the disk is full")))
    response = Cart(port).store(ecg())
    assert response.Status == 0xA700
    assert response.ErrorComment == "cannot be taken now: send it again later"
    assert recordings(node) == []


def test_too_much_to_do_is_out_of_resources(listening, ecg):
    node, port = listening(start=False, limits={"least_free_mb": 0, "waiting": 1})
    assert Cart(port).store(ecg()).Status == 0
    assert Cart(port).store(ecg(instance="1.2.3.9")).Status == 0xA700
    assert len(recordings(node)) == 1


def test_the_same_instance_is_one_recording_whoever_sends_it(listening, ecg):
    node, port = listening()
    for cart in ("CART", "CART", "OTHER"):
        assert Cart(port, calling=cart).store(ecg()).Status == 0
    assert len(recordings(node)) == 1
    assert not [kind for kind, _ in problems(node) if kind == "ChangedInstanceError"]


def test_an_instance_with_other_samples_is_another_recording_and_counted(listening, ecg, caplog):
    node, port = listening()
    changed = ecg()
    samples = bytearray(changed.WaveformSequence[0].WaveformData)
    samples[0] ^= 1
    changed.WaveformSequence[0].WaveformData = bytes(samples)
    with caplog.at_level(logging.WARNING, "ecg2lab"):
        for data_set in (ecg(), changed, changed):
            assert Cart(port).store(data_set).Status == 0
    assert len(recordings(node)) == 2
    assert [count for (kind, _), count in problems(node).items() if kind == "ChangedInstanceError"] == [1]
    assert "with other content" in caplog.text
    assert b"ChangedInstanceError" in node.metrics.text()


def test_no_log_or_metric_names_the_patient(listening, ecg, caplog, wait_until):
    node, port = listening()
    with caplog.at_level(logging.DEBUG):
        Cart(port).store(ecg())
        Cart(port, called="WRONG").store(ecg())
        broken = ecg(PatientID=NAMES[1])
        del broken.WaveformSequence
        Cart(port).store(broken)
        wait_until(lambda: answered(node))
    log = caplog.text + node.metrics.text().decode() + str(problems(node))
    assert not any(name in log for name in NAMES)


def test_an_ecg_without_waveforms_is_kept_and_refused(listening, ecg, wait_until):
    node, port = listening()
    empty = ecg()
    del empty.WaveformSequence
    assert Cart(port).store(empty).Status == 0
    (kept,) = wait_until(lambda: answered(node))
    assert kept.state == "refused"


def test_what_is_no_ecg_is_not_taken(listening, ecg):
    _, port = listening()
    with Cart(port).associated(build_context(PDF_CLASS), build_context(VERIFICATION)) as association:
        assert [context.abstract_syntax for context in association.rejected_contexts] == [PDF_CLASS]
        assert association.send_c_echo().Status == 0


def another_class(data_set):
    data_set.SOPClassUID = PDF_CLASS


def another_instance(data_set):
    data_set.SOPInstanceUID = "1.2.3.99"


def no_class(data_set):
    del data_set.SOPClassUID


@pytest.mark.parametrize("spoil", [another_class, another_instance, no_class])
def test_a_data_set_that_is_not_what_its_command_says_is_refused(listening, ecg, tmp_path, spoil):
    node, port = listening(start=False)
    data_set = ecg()
    spoil(data_set)
    content = as_file(ecg())
    preamble = content[: len(content) - len(without_preamble(content))]
    response = Cart(port).store_file(tmp_path, preamble + encoded(data_set))
    assert response.Status == 0xA900
    assert len(response.ErrorComment) <= 64
    assert recordings(node) == []


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_garbage_is_not_understood(listening, ecg, tmp_path, syntax):
    node, port = listening(start=False)
    whole = as_file(ecg(), syntax)
    response = Cart(port).store_file(tmp_path, whole[: len(whole) - len(without_preamble(whole))] + b"\xff" * 999)
    assert response.Status in (0xC000, 0xA900)
    assert not any(name in response.ErrorComment for name in NAMES)
    assert recordings(node) == []


# Who may associate.

CALLERS = [
    {"ae_title": "CART", "addresses": ["127.0.0.0/8"]},
    {"ae_title": "ELSEWHERE", "addresses": ["10.1.2.3", "2001:db8::/32"]},
]


@pytest.mark.parametrize("ask", ["echo", "store"])
@pytest.mark.parametrize(
    ("calling", "called", "allowed"),
    [
        ("CART", "ECG2LAB", True),
        ("STRANGER", "ECG2LAB", False),
        ("cart", "ECG2LAB", False),
        ("ELSEWHERE", "ECG2LAB", False),
        ("CART", "OTHER", False),
        ("CART", "ANY-SCP", False),
    ],
)
def test_only_who_is_listed_associates(listening, ecg, ask, calling, called, allowed):
    node, port = listening({"callers": CALLERS}, start=False)
    cart = Cart(port, calling=calling, called=called)
    said = cart.echo() if ask == "echo" else getattr(cart.store(ecg()), "Status", None)
    assert said == (0 if allowed else None)
    assert len(recordings(node)) == (ask == "store" and allowed)
    assert bool(problems(node)) == (not allowed)


def test_who_cannot_be_judged_is_rejected(listening, monkeypatch):
    node, port = listening({"callers": CALLERS}, start=False)
    real = AssociationServer.admits

    def faulty(self, address, title=None):
        return real(self, address) if title is None else 1 / 0

    monkeypatch.setattr(AssociationServer, "admits", faulty)
    assert Cart(port).echo() is None
    assert any("cannot be understood" in message for _, message in problems(node))


def test_who_connects_from_elsewhere_hears_nothing(listening):
    node, port = listening({"callers": [CALLERS[1]]}, start=False)
    with socket.create_connection(("127.0.0.1", port), 10) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(b"\x01\x00\x00\x00\x00\x10")
        with contextlib.suppress(ConnectionError):
            assert stranger.recv(1) == b""
    assert Cart(port, calling="ELSEWHERE").echo() is None
    assert any("address that is not listed" in message for _, message in problems(node))


@pytest.mark.parametrize(
    ("address", "title", "admitted"),
    [
        ("127.0.0.1", "CART", True),
        ("::ffff:127.0.0.1", "CART", True),
        ("10.1.2.3", "ELSEWHERE", True),
        ("10.1.2.4", "ELSEWHERE", False),
        ("10.1.2.3", "CART", False),
        ("2001:db8::7", "ELSEWHERE", True),
        ("fe80::1%eth0", "CART", False),
    ],
)
def test_titles_belong_to_addresses(opened, address, title, admitted):
    node = opened(dicom={"callers": CALLERS}, start=False)
    server = DicomServer(msgspec.structs.replace(node.configuration.dicom, port=0), node.ledger.folder, node)
    assert server._server.admits(address, title) is admitted
    server.stop()


def test_there_are_so_many_associations_at_the_same_time(listening):
    _, port = listening({"associations": 2}, start=False)
    with contextlib.ExitStack() as held:
        for _ in range(2):
            association = held.enter_context(Cart(port).associated(build_context(VERIFICATION)))
            assert association.is_established
        assert Cart(port).echo() is None
    assert Cart(port).echo() == 0


# Half an association, and worse.


def asked(called=b"ECG2LAB", calling=b"CART"):
    """An A-ASSOCIATE-RQ for 12-lead ECGs in explicit little endian."""

    def item(kind, content):
        return struct.pack(">BBH", kind, 0, len(content)) + content

    context = bytes([1, 0, 0, 0]) + item(0x30, TWELVE_LEADS.encode()) + item(0x40, ExplicitVRLittleEndian.encode())
    user = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3")
    content = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16), calling.ljust(16))
    content += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    return struct.pack(">BBL", 1, 0, len(content)) + content


def request(port):
    """A connection whose association was accepted."""
    connection = socket.create_connection(("127.0.0.1", port), 20)
    connection.sendall(asked())
    assert connection.recv(1) == b"\x02"
    connection.recv(4096)
    return connection


def fragment(content, control):
    value = struct.pack(">LBB", len(content) + 2, 1, control) + content
    return struct.pack(">BBL", 4, 0, len(value)) + value


def command():
    """A C-STORE request."""

    def element(number, value):
        return struct.pack("<HHL", 0, number, len(value)) + value

    uid = lambda text: text.encode() + b"\0" * (len(text) % 2)  # noqa: E731
    content = element(0x0002, uid(TWELVE_LEADS)) + element(0x0100, b"\1\0") + element(0x0110, b"\1\0")
    content += element(0x0700, b"\0\0") + element(0x0800, b"\0\0") + element(0x1000, uid("1.2.3.4"))
    return fragment(element(0, struct.pack("<L", len(content))) + content, 3)


def ended(connection):
    """Whether the node ends a connection, with or without an A-ABORT."""
    with connection, contextlib.suppress(ConnectionError):
        while connection.recv(4096):
            pass
    return True


PIECES = {
    "nothing": b"",
    "half a PDU": b"\x04\0\0\0\x10\0abc",
    "a command without its data set": command(),
    "half a data set": command() + fragment(b"\x08\0\x16\0UI" * 99, 0),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("silent", [True, False], ids=("falls silent", "hangs up"))
def test_half_an_association_leaves_nothing(listening, wait_until, piece, silent):
    node, port = listening(limits={"idle_s": 0.3, "least_free_mb": 0}, start=False)
    connection = request(port)
    connection.sendall(piece)
    if silent:
        assert ended(connection)
    connection.close()
    assert Cart(port).echo() == 0
    wait_until(lambda: not node.ledger.counts().recordings)


def test_who_connects_and_says_nothing_is_let_go(listening):
    _, port = listening(limits={"idle_s": 0.3, "least_free_mb": 0}, start=False)
    assert ended(socket.create_connection(("127.0.0.1", port), 20))


LARGE = {
    "a length that is none": lambda: b"\x04\0" + struct.pack(">L", 0xFFFF_FFF0),
    "more than a body may have": lambda: command() + fragment(b"x" * 60_000, 0) * 20,
    "commands that do not wait": lambda: (command() + fragment(b"\0" * 8, 2)) * 300,
}


@pytest.mark.parametrize("kind", LARGE)
def test_more_than_is_taken_ends_the_association(listening, wait_until, kind):
    node, port = listening(limits={"body_mb": 1, "idle_s": 20, "least_free_mb": 0}, start=False)
    connection = request(port)
    with contextlib.suppress(ConnectionError):
        connection.sendall(LARGE[kind]())
    assert ended(connection)
    assert wait_until(lambda: problems(node))
    assert Cart(port).echo() == 0


@pytest.mark.parametrize(
    "content", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 999, b"\x02" * 600]
)
def test_other_protocols_are_hung_up_on(listening, content):
    _, port = listening(limits={"idle_s": 0.3, "least_free_mb": 0}, start=False)
    connection = socket.create_connection(("127.0.0.1", port), 20)
    connection.sendall(content)
    assert ended(connection)
    assert Cart(port).echo() == 0


def spoilt(content, head, draw):
    """With a few bytes of its head changed, left out or put in."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5])):
        place, how = draw.randrange(min(head, len(content))), draw.random()
        if how < 0.5:
            content[place] = draw.choice([0, 1, 2, 3, 4, 5, 6, 7, 0x80, 0xFF, draw.randrange(256)])
        elif how < 0.75:
            del content[place : place + draw.randrange(1, 9)]
        else:
            content[place:place] = draw.randbytes(draw.randrange(1, 9))
    return bytes(content)


@pytest.mark.parametrize(("count", "seed"), [(20, 1), pytest.param(2000, 2, marks=pytest.mark.soak)])
def test_whatever_bytes_come_the_next_caller_is_heard(listening, count, seed):
    node, port = listening(limits={"idle_s": 0.1, "body_mb": 1, "least_free_mb": 0}, start=False)
    draw, head = random.Random(seed), asked() + command()
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 20)
        with contextlib.suppress(ConnectionError):
            connection.sendall(spoilt(head + fragment(b"\x08\0\x16\0UI\x04\x001.2\0", 2), len(head) + 20, draw))
        assert ended(connection)
    assert Cart(port).echo() == 0
    assert recordings(node) == []


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_a_silent_peer_does_not_keep_the_node_from_stopping(listening, piece):
    _, port = listening(limits={"idle_s": 3600, "least_free_mb": 0}, start=False)
    with request(port) as connection:
        connection.sendall(piece)
        assert Cart(port).echo() == 0
        listening.stop()
        assert ended(connection)


def test_an_abort_in_the_middle_takes_nothing(listening, wait_until):
    node, port = listening(start=False)
    connection = request(port)
    connection.sendall(command() + fragment(b"\x08\0\x16\0UI", 0) + b"\x07\0\0\0\0\x04\0\0\0\0")
    assert ended(connection)
    assert Cart(port).echo() == 0
    assert recordings(node) == []


def test_no_thread_outlives_its_association(listening, ecg, wait_until):
    import threading

    _, port = listening(limits={"idle_s": 0.3, "least_free_mb": 0}, start=False)
    before = threading.active_count()
    Cart(port).echo()
    Cart(port, called="OTHER").echo()
    Cart(port).store(ecg())
    for piece in PIECES.values():
        connection = request(port)
        connection.sendall(piece)
        ended(connection)
    wait_until(lambda: threading.active_count() <= before)


# The configuration.


def test_beyond_this_machine_it_needs_callers():
    with pytest.raises(ConfigurationError, match=r"dicom.host 0.0.0.0 .* that needs dicom.callers"):
        config.decode({"dicom": {"host": "0.0.0.0"}}, "edge.json")
    config.decode({"dicom": {"host": "0.0.0.0", "callers": CALLERS}}, "edge.json")


@pytest.mark.parametrize(
    ("dicom", "said"),
    [
        ({"callers": [{"ae_title": "CART", "addresses": ["10.0.0.300"]}]}, "no address or network"),
        ({"callers": [{"ae_title": "CART", "addresses": ["cart.example.org"]}]}, "no address or network"),
        ({"callers": [{"ae_title": "CART", "addresses": []}]}, "addresses"),
        ({"ae_title": "SEVENTEEN LETTERS"}, "ae_title"),
        ({"ae_title": ""}, "ae_title"),
        ({"ae_title": "A\\B"}, "ae_title"),
        ({"ae_title": " A"}, "ae_title"),
        ({"ae_title": "A "}, "ae_title"),
        ({"ae_title": "Ä"}, "ae_title"),
        ({"associations": 0}, "associations"),
    ],
)
def test_what_cannot_be_is_said_before_anything_listens(dicom, said):
    with pytest.raises(ConfigurationError, match=said):
        config.decode({"dicom": dicom}, "edge.json")


def test_what_is_not_so_on_this_machine_is_named_before_anything_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, tls = taken.getsockname()[1], {"certificate": "none.pem", "key": "none.key"}
        archive = {"kind": "dicom", "name": "archive", "host": "h", "port": 1, "called_ae_title": "A", "tls": True}
        archive |= {"authority": "none.pem", "certificate": "own.pem", "key": "own.key"}
        told = {"dicom": {"port": port, "tls": tls}, "destinations": [archive]}
        with pytest.raises(ConfigurationError) as wrong:
            require_usable(config.decode(told, "edge.json"), tmp_path)
    for said in (f"dicom: cannot listen on 127.0.0.1:{port}", "dicom.tls: none.pem", "'archive': authority", "own.pem"):
        assert said in str(wrong.value)


def test_a_port_that_is_taken_is_named(opened, tmp_path):
    node = opened(dicom={}, start=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = msgspec.structs.replace(node.configuration.dicom, port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="cannot listen"):
            DicomServer(told, tmp_path, node)
