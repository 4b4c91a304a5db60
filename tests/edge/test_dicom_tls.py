"""DICOM over TLS: who may connect is told by certificate, and nobody who says nothing holds up the others."""

import contextlib
import shutil
import socket
import ssl
import subprocess
from datetime import datetime, timezone

import msgspec
import pytest
from dicom_peers import Archive, Cart
from pynetdicom import build_context

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.destinations.dicom import DicomChannel
from ecg2lab.edge.inputs.dicom import DicomServer
from ecg2lab.edge.ledger import Kept
from ecg2lab.report.dicom import document
from ecg2lab.report.dicom.origin import origin


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two strangers, `node` and `peer`: certificates that they signed themselves, and keys."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("node", "peer"):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def securely(opened, certificates):
    """`securely(clients=None)`: where a node listens with TLS."""
    servers = []

    def listen(clients=None):
        tls = {"certificate": "node.pem", "key": "node.key", **({"clients": clients} if clients else {})}
        node = opened(dicom={"tls": tls}, start=False)
        told = msgspec.structs.replace(node.configuration.dicom, port=0)
        servers.append(DicomServer(told, certificates, node))
        servers[-1].start()
        return servers[-1].port

    yield listen
    for server in servers:
        server.stop()


def trusting(certificates, authority, own=None):
    context = ssl.create_default_context(cafile=certificates / f"{authority}.pem")
    if own:
        context.load_cert_chain(certificates / f"{own}.pem", certificates / f"{own}.key")
    return context, "127.0.0.1"


@pytest.mark.parametrize(
    ("clients", "own", "tls", "taken"),
    [
        (None, None, True, True),
        (None, None, False, False),
        ("peer.pem", "peer", True, True),
        ("peer.pem", "node", True, False),
        ("peer.pem", None, True, False),
        ("peer.pem", None, False, False),
    ],
)
def test_who_may_connect_is_told_by_certificate(securely, certificates, clients, own, tls, taken):
    port = securely(clients)
    cart = Cart(port, tls=trusting(certificates, "node", own) if tls else None)
    assert cart.echo() == (0 if taken else None)


def test_who_says_nothing_holds_up_nobody(securely, certificates):
    port = securely()
    with contextlib.ExitStack() as silent:
        for _ in range(5):
            silent.enter_context(socket.create_connection(("127.0.0.1", port), 20))
        assert Cart(port, tls=trusting(certificates, "node")).echo() == 0


@pytest.mark.parametrize(
    ("clients", "told", "state"),
    [
        (None, {"tls": True, "authority": "peer.pem"}, "acknowledged"),
        (None, {"tls": True, "authority": "node.pem"}, "again"),
        (None, {"tls": True}, "again"),
        (None, {}, "again"),
        ("node.pem", {"tls": True, "authority": "peer.pem"}, "again"),
        (
            "node.pem",
            {"tls": True, "authority": "peer.pem", "certificate": "node.pem", "key": "node.key"},
            "acknowledged",
        ),
        (
            "node.pem",
            {"tls": True, "authority": "peer.pem", "certificate": "peer.pem", "key": "peer.key"},
            "again",
        ),
    ],
)
def test_an_archive_and_the_node_know_each_other_by_certificate(certificates, clients, told, state):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "peer.pem", certificates / "peer.key")
    if clients is not None:
        context.load_verify_locations(certificates / clients)
        context.verify_mode = ssl.CERT_REQUIRED
    archive = Archive(contexts=[build_context(document.SOP_CLASS)], tls=context)
    about = {"kind": "dicom", "name": "a", "host": "127.0.0.1", "port": archive.port, "called_ae_title": "ARCHIVE"}
    destination = {**about, "send": ["pdf"], "retry": {"acknowledged_s": 1}, **told}
    (decoded,) = config.decode({"destinations": [destination]}, "edge.json").destinations
    kept = Kept("ab" * 20, 1, "answered", {}, 0.0, 0.0, None, None, [], None)
    outcome = DicomChannel(decoded, certificates).send(kept, _message())
    archive.close()
    assert outcome.state == state
    assert len(archive.stored) == (state == "acknowledged")


def _message():
    engine = ecg2lab.load(bundle_path(), threads=1)
    answered = datetime(2026, 11, 30, tzinfo=timezone.utc)
    made = document.encapsulated_pdf(b"%PDF", engine.info, origin(None, None), identity="ab" * 20, answered=answered)
    engine.close()
    return msgspec.msgpack.encode({"pdf": made})
