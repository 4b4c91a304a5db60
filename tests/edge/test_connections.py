"""What holds a connection: silence, a request drop by drop, too many of them."""

import socket
import ssl
import time
from http.client import HTTPConnection

import httpx
import pytest
import trustme
from edge_server import listening_node

IDLE_S, REQUEST_S = 0.4, 1.5
HEAD = b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nContent-Length: 999\r\n"


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    limits = {"least_free_mb": 0, "idle_s": IDLE_S, "request_s": REQUEST_S, "connections": 8}
    with listening_node(tmp_path_factory.mktemp("node"), limits=limits) as server:
        yield server


@pytest.fixture
def connect():
    """`connect(server)`: a connection, closed in the end; `connect(server, asking=True)` one of http.client."""
    opened = []

    def open_one(server, asking=False):
        if asking:
            opened.append(HTTPConnection("127.0.0.1", server.http_port))
        else:
            opened.append(socket.create_connection(("127.0.0.1", server.http_port)))
            opened[-1].settimeout(20)
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def until_closed(connection):
    received = b""
    try:
        while part := connection.recv(4096):
            received += part
    except ConnectionError:
        pass
    return received


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v2/heal", HEAD, HEAD + b"\r\nabc"], ids=["nothing", "line", "head", "body"]
)
def test_a_silent_connection_is_closed(listening, connect, sent):
    connection = connect(listening)
    connection.sendall(sent)
    assert b" 200 " not in until_closed(connection)


@pytest.mark.parametrize("start", [b"", HEAD + b"\r\n"], ids=["head", "body"])
def test_a_request_drop_by_drop_is_closed(listening, connect, start):
    connection = connect(listening)
    connection.sendall(start)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_in_drops(connection, HEAD + b"X-Longer: " + b"a" * 1000)


def send_in_drops(connection, content):
    for drop in content:
        connection.sendall(bytes([drop]))
        time.sleep(IDLE_S / 8)


def test_who_waits_for_a_long_answer_is_waited_for(listening, record, monkeypatch):
    node = listening.node
    predict = node.engine.predict

    def slowly(*given):
        time.sleep(3 * IDLE_S)
        return predict(*given)

    monkeypatch.setattr(node.engine, "predict", slowly)
    files = [("file", (name, content)) for name, content in record.items()]
    url = f"http://127.0.0.1:{listening.http_port}/v1/recordings?wait"
    assert httpx.post(url, files=files, timeout=60).status_code == 200


def test_a_connection_that_asks_again_and_again_stays(listening, connect):
    connection = connect(listening, asking=True)
    end = time.monotonic() + 2 * REQUEST_S
    while time.monotonic() < end:
        connection.request("GET", "/v2/health/live")
        assert connection.getresponse().read() == b'{"live":true}'
        first = connection.sock
        time.sleep(IDLE_S / 4)
    assert connection.sock is first


def test_too_many_connections_are_refused_in_words(listening, connect):
    for _ in range(8):
        connect(listening)
    time.sleep(0.1)
    connection = connect(listening)
    connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 503 " in connection.recv(4096)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, authority):
    """A node with TLS that wants clients with certificates."""
    folder = tmp_path_factory.mktemp("guarded")
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(folder / "node.pem")
    authority.cert_pem.write_to_path(folder / "clients.pem")
    tls = {"certificate": "node.pem", "key": "node.pem", "clients": "clients.pem"}
    with listening_node(folder, http={"tls": tls}) as server:
        yield server


def asked(server, context):
    plain = socket.create_connection(("127.0.0.1", server.http_port))
    plain.settimeout(20)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return until_closed(connection)


def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_client_with_a_certificate_is_heard(guarded, authority):
    context = trusting(authority)
    authority.issue_cert("cart-7").configure_cert(context)
    assert b" 200 " in asked(guarded, context)


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's"])
def test_a_client_without_the_right_certificate_is_not_heard(guarded, authority, whose):
    context = trusting(authority)
    if whose == "a stranger's":
        trustme.CA().issue_cert("cart-7").configure_cert(context)
    try:
        said = asked(guarded, context)
    except OSError:  # TLS's own error, or a reset
        said = b""
    assert said == b""


def test_without_tls_nothing_is_said(guarded, connect):
    connection = connect(guarded)
    connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 200 " not in until_closed(connection)
