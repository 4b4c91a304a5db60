"""A FHIR server has each answer once, whatever it says, and nothing of a patient comes back from it."""

import base64
import email.utils
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from dicom_peers import as_file, ecg_dataset
from edge_kept import kept_of
from fhir_peer import FHIR_JSON, FhirServer, outcome
from hypothesis import given
from hypothesis import strategies as st

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import checks, config
from ecg2lab.edge.destinations import fhir, operation_outcome
from ecg2lab.edge.destinations.http_request import Answer
from ecg2lab.edge.fhir_message import collection, transaction
from ecg2lab.errors import ConfigurationError
from ecg2lab.report.fhir import encode

QUICK = {"first_s": 0.05, "longest_s": 0.2, "acknowledged_s": 1}
SOURCE = {"patient_id": "MRN,4711|x", "patient_name": "Zwölftausend^Anneliese", "order_id": "A-1"}
WAYS = {
    "transaction": {},
    "transaction, own ids": {"own_ids": True},
    "collection": {"as": "collection"},
    "collection, own ids": {"as": "collection", "own_ids": True},
}


def told(url, **more):
    return {"kind": "fhir", "name": "record", "url": url, "pdf": False, "retry": QUICK, **more}


@pytest.fixture
def serving():
    """`serving(answer)`: a server; `answer(number, request, said)` is what it says."""
    servers = []

    def open_server(answer=None, certificate=None):
        servers.append(FhirServer(answer, certificate))
        return servers[-1]

    yield open_server
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def engine():
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def kept(engine, recording):
    """`kept(number)`: an answered recording; `refused=True`: one that was refused."""
    return kept_of(engine, recording, SOURCE)


@pytest.fixture(scope="module")
def message(engine, kept):
    """A transaction as it is sent."""
    return encode(transaction(collection(kept(), engine.info), own_ids=False))


@pytest.fixture
def sent(engine, kept, tmp_path):
    """`sent(url, kept, times=2, …)`: what becomes of a recording that is sent so often, over one channel."""

    def send(url, recording=None, times=1, **more):
        recording = recording or kept()
        destination = config.decode({"destinations": [told(url, **more)]}, "x").destinations[0]
        channel = fhir.FhirChannel(destination, tmp_path)
        message = channel.write(recording, engine.info, None)
        return [channel.send(recording, message) for _ in range(times)][-1]

    return send


def stored(server):
    """Resources by type; of a collection those within."""
    if "Bundle" in server.stored:
        (bundle,) = server.stored["Bundle"].values()
        return {e["resource"]["resourceType"]: e["resource"] for e in bundle["entry"]}
    return {kind: next(iter(held.values())) for kind, held in server.stored.items()}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
def test_what_is_sent_again_is_there_once(serving, sent, kept, way, refused):
    server = serving()
    for number in (1, 2):
        assert sent(server.url, kept(number, refused), times=3, **way) == fhir.Outcome("acknowledged")
    assert len(server.requests) == 6
    bodies = [request.body for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3] == bodies[4] == bodies[5]
    if way.get("as") == "collection":
        assert server.count() == {"Bundle": 2}
    else:
        kinds = {"DiagnosticReport", "Provenance", *(() if refused else ("RiskAssessment",))}
        assert server.count() == {**dict.fromkeys(kinds, 2), "Device": 1}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_stored_hangs_together(serving, sent, kept, engine, way):
    server = serving()
    sent(server.url, **way)
    resources = stored(server)
    assert resources.keys() == {"DiagnosticReport", "RiskAssessment", "Device", "Provenance"}
    if way.get("as") == "collection":
        return
    names = {kind: f"{kind}/{resource['id']}" for kind, resource in resources.items()}
    assert [target["reference"] for target in resources["Provenance"]["target"]] == [
        names["DiagnosticReport"],
        names["RiskAssessment"],
    ]
    assert resources["Provenance"]["agent"][0]["who"]["reference"] == names["Device"]
    assert resources["RiskAssessment"]["performer"]["reference"] == names["Device"]
    assert resources["DiagnosticReport"]["extension"][0]["valueReference"]["reference"] == names["RiskAssessment"]
    assert "urn:uuid:" not in json.dumps(resources)


def test_what_somebody_changed_on_the_server_stays_changed(serving, sent):
    server = serving()
    sent(server.url)
    (report,) = server.stored["DiagnosticReport"].values()
    report["status"] = "final"
    sent(server.url)
    assert [report["status"] for report in server.stored["DiagnosticReport"].values()] == ["final"]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_entry_is_valid_for_two_readers(serving, sent, kept, way):
    from fhir.resources.R4B.bundle import Bundle
    from fhirclient.models.bundle import Bundle as StrictBundle

    server = serving()
    for refused in (False, True):
        sent(server.url, kept(refused=refused), **way)
    for request in server.requests:
        document = json.loads(request.body)
        Bundle.model_validate(document)
        assert StrictBundle(document, strict=True).as_json() == document
        assert "Observation" not in {entry["resource"]["resourceType"] for entry in document["entry"]}


def test_the_request_says_what_it_is_and_has_the_token(serving, sent, tmp_path):
    server = serving()
    (tmp_path / "token").write_text(" abc.DEF-1~\n")
    sent(server.url, token_file="token")
    (tmp_path / "token").write_text("renewed")
    sent(f"{server.url}/", token_file="token", **WAYS["collection"])
    first, second = server.requests
    assert (first.method, first.path) == ("POST", "/r4")
    assert first.headers["Content-Type"] == first.headers["Accept"] == FHIR_JSON
    assert first.headers["Authorization"] == "Bearer abc.DEF-1~"
    assert second.headers["Authorization"] == "Bearer renewed"
    assert (second.method, second.path) == ("POST", "/r4/Bundle")
    assert second.headers["If-None-Exist"].startswith("identifier=urn:x-ecg2lab:resource|")
    assert b"abc" not in first.body


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"new\nline", b"\xc3\xa9", b"a\x00b"])
def test_a_token_that_is_none_is_not_sent(serving, sent, tmp_path, content):
    server = serving()
    (tmp_path / "token").write_bytes(content)
    outcome = sent(server.url, token_file="token")
    assert outcome == fhir.Outcome("again", "token_file: no token is in it: one word of printable ASCII")
    (tmp_path / "token").unlink()
    assert sent(server.url, token_file="token") == fhir.Outcome("again", "token_file: No such file or directory")
    assert server.requests == []


def test_the_patient_is_a_number_of_its_system_or_the_servers_own(serving, sent):
    server = serving()
    sent(server.url, patient_system="urn:oid:1.2.3")
    identifier = {"system": "urn:oid:1.2.3", "value": "MRN,4711|x"}
    assert stored(server)["DiagnosticReport"]["subject"] == {"identifier": identifier}
    sent(server.url, patient_system="urn:oid:1.2.3", find_patients=True)
    for entry in json.loads(server.requests[1].body)["entry"][:2]:
        assert entry["resource"]["subject"] == {
            "identifier": identifier,
            "reference": "Patient?identifier=urn:oid:1.2.3|MRN%5C%2C4711%5C%7Cx",
        }


def saying(status, body=b"", **headers):
    return lambda number, request, said: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def replying(change):
    """A transaction's reply, changed."""

    def answer(number, request, said):
        reply = json.loads(said[2])
        changed = change(reply)
        return said[0], said[1], json.dumps(reply if changed is None else changed).encode()

    return answer


def entry_of(status, said=None):
    def change(reply):
        reply["entry"][1]["response"] = {"status": status, **({"outcome": json.loads(said)} if said else {})}

    return replying(change)


def drip(wfile, gone):
    """A byte now and then, for ever."""
    wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not gone.wait(0.1):
        wfile.write(b"x")
        wfile.flush()


def silence(wfile, gone):
    gone.wait(30)


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n\r\n" + b" " * (5 << 20)
AGAIN = {
    "hangs up": (lambda *_: None, "closed connection without response"),
    "silence": (lambda *_: silence, "no answer within 1 s"),
    "drips": (lambda *_: drip, "no answer within 1 s"),
    "too large": (lambda *_: ENDLESS, "answered with more than 4 MB"),
    "no HTTP": (lambda *_: b"\x0bMSH|^~\\&|\x1c\r", "what it answered is not HTTP"),
    "endless header": (lambda *_: b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20), "not HTTP"),
    "wrong chunk": (lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "not HTTP"),
    "cut short": (lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", "none of a FHIR server"),
    "a page": (saying(200, b"<html>log in, Zwolftausend"), "none of a FHIR server"),
    "nothing": (saying(200), "none of a FHIR server"),
    "nested": (saying(200, b"[" * 100_000), "none of a FHIR server"),
    "another resource": (saying(200, b'{"resourceType": "Patient"}'), "none of a FHIR server"),
    "another bundle": (replying(lambda reply: reply.update(type="searchset")), "none of a FHIR server"),
    "an entry too few": (replying(lambda reply: reply["entry"].pop() and None), "none of a FHIR server"),
    "no entries": (replying(lambda reply: reply.update(entry={"response": 1})), "none of a FHIR server"),
    "entries of nothing": (replying(lambda reply: reply.update(entry=[None] * 4)), "none of a FHIR server"),
    "no status": (entry_of("created"), "none of a FHIR server"),
    "entry 503": (entry_of("503 no"), "503 Service Unavailable"),
    "no content": (saying(204), "204 No Content: that says nothing"),
    "later": (saying(202), "202 Accepted: that says nothing"),
    "moved": (saying(301, Location="http://127.0.0.1:1/"), "301 Moved Permanently: it sends elsewhere"),
    "moved for now": (saying(307, Location="/r5"), "307 Temporary Redirect: it sends elsewhere"),
    "no token": (saying(401, outcome("who are you, Zwolftausend")), "401 Unauthorized: it does not accept the token"),
    "not allowed": (saying(403), "403 Forbidden: it does not accept the token of token_file"),
    "not there": (saying(404, b"<h1>404"), "404 Not Found: no FHIR server is there"),
    "took too long": (saying(408), "408 Request Timeout"),
    "meets another": (saying(409, outcome("version conflict", "conflict")), "409 Conflict: conflict: version conflict"),
    "too many": (saying(429), "429 Too Many Requests"),
    "broken": (saying(500, b"java.lang.NullPointerException"), "500 Internal Server Error"),
    "gateway": (saying(502), "502 Bad Gateway"),
    "full": (saying(507), "507 Insufficient Storage"),
    "no such status": (saying(799), "799"),
}


@pytest.mark.parametrize(("answer", "problem"), AGAIN.values(), ids=AGAIN)
def test_what_is_no_acknowledgement_is_a_reason_to_send_it_again(serving, sent, answer, problem):
    outcome = sent(serving(answer).url)
    assert outcome.state == "again"
    assert problem in outcome.problem
    assert outcome.pause_s == 0


ASIDE = {
    "invalid": (saying(400, outcome("Invalid JSON")), "400 ", ": processing: Invalid JSON"),
    "no words": (saying(422, b"Zwolftausend is not registered"), "422 ", ""),
    "no such resource": (saying(404, outcome("Unknown resource type")), "404 ", ": processing: Unknown resource type"),
    "several match": (saying(412), "412 ", ""),
    "too large": (saying(413, b"<html>"), "413 ", ""),
    "another type": (saying(415), "415 ", ""),
    "one entry, no words": (entry_of("404"), "404 ", ""),
    "one entry": (entry_of("422 no", outcome("required element", "required")), "422 ", ": required: required element"),
}


@pytest.mark.parametrize(("answer", "status", "why"), ASIDE.values(), ids=ASIDE)
def test_a_rejection_is_set_aside_by_name(serving, sent, answer, status, why):
    outcome = sent(serving(answer).url)
    assert outcome.state == "set aside"
    assert outcome.problem.startswith(status)
    assert outcome.problem.endswith(why)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["Bundle", "OperationOutcome", "200 OK", "99", "2000", ""]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "type", "entry", "response", "status", "issue", "severity", "code", "outcome"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.lists(JSON, min_size=4, max_size=4), st.sampled_from([200, 201, 400, 404, 422, 503]))
def test_no_reply_breaks_it_or_is_taken_for_another(message, top, entries, status):
    """A reply that is close to one: its entries are anything."""
    reply = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
    for said in (top, reply):
        answer = Answer(status, "", 0.0, json.dumps(said).encode())
        outcome = fhir.meaning(answer, message, as_transaction=True)
        assert outcome.state != "acknowledged"


COLLECTED = {
    "empty": (saying(201), "acknowledged"),
    "where it is": (saying(200, Location="http://x/r4/Bundle/7/_history/1"), "acknowledged"),
    "where it is, from here": (saying(200, Content_Location="Bundle/7"), "acknowledged"),
    "itself": (saying(200, b'{"resourceType": "Bundle"}'), "acknowledged"),
    "a page": (saying(200, b"<html>", Location="/login?from=/r4/Bundle"), "again"),
    "nothing": (saying(200), "again"),
    "rejected": (saying(400), "set aside"),
}


@pytest.mark.parametrize(("answer", "state"), COLLECTED.values(), ids=COLLECTED)
@pytest.mark.parametrize("own_ids", [False, True])
def test_a_stored_bundle_is_acknowledged_and_no_page_is(serving, sent, answer, state, own_ids):
    assert sent(serving(answer).url, own_ids=own_ids, **WAYS["collection"]).state == state


def in_seconds(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("stated", "least", "most"),
    [
        ("7", 7, 7), ("99999999999999", 3600, 3600), (2000, 1000, 2000), (-600, 0, 0), (10_000_000, 3600, 3600),
        ("-5", 0, 0), ("soon", 0, 0), ("", 0, 0), ("٣", 0, 0), ("Fri, 99 Nov 2026 12:00:00 GMT", 0, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_is_left_alone_for_as_long_as_it_asks_up_to_an_hour(serving, sent, stated, least, most, status):
    stated = in_seconds(stated) if isinstance(stated, int) else stated
    answer = f"HTTP/1.1 {status} no\r\nRetry-After: {stated}\r\nContent-Length: 0\r\n\r\n".encode()
    outcome = sent(serving(lambda *_: answer).url)
    assert outcome.state == "again"
    assert least <= outcome.pause_s <= most


PATIENT = ("Zwolftausend", "Anneliese", "MRN", "4711", "193", "Elm", "müller", "Ng")
ECHOES = {
    "text": outcome("Patient ZWOLFTAUSEND^ANNELIESE (MRN,4711|x, born 1931-04-05, Elm Street 7) is not known"),
    "quoted": outcome("The value provided ('Anneliese Ng') is not in the value set; müller, anneliese"),
    "details": outcome("", details={"text": "no match for Patient?identifier=urn:oid:1|4711 Zwolftausend"}),
    "code": outcome("x", "Zwolftausend"),
    "place": outcome("x", "invalid", expression=["Bundle.entry[0].resource.Anneliese.name", "Zwolftausend.name"]),
    "location": outcome("x", "invalid", location=["/f:Bundle/f:Zwolftausend[4711]"]),
    "no objects": b'{"resourceType": "OperationOutcome", "issue": ["Zwolftausend", {"code": ["4711"]}]}',
    "page": b"<html>Zwolftausend, Anneliese 4711 Elm Street",
    "status line": b"HTTP/1.1 422 Zwolftausend 4711\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_nothing_of_the_patient_comes_back_in_a_problem(serving, sent, echo):
    answer = (lambda *_: echo) if echo.startswith(b"HTTP") else saying(422, echo)
    problem = sent(serving(answer).url).problem
    assert problem.startswith("422 Unprocessable")
    assert [word for word in PATIENT if re.search(rf"\b{word}", problem, re.IGNORECASE)] == []


@given(
    st.text(alphabet=st.sampled_from("abcXYZü0/|^.,-'[]( \n…"), max_size=80), st.text(max_size=30), st.text(max_size=30)
)
def test_whatever_it_says_only_technical_words_come_back(text, code, place):
    sent = b'{"resourceType": "Bundle", "entry": [{"resource": {"abc": 1}}]}'
    echo = json.loads(outcome(f"the {text} value abc", code, expression=[f"Bundle.entry[0].{place}", place]))
    said = operation_outcome.complaint(echo, sent)
    named = {"bundle", "entry", "resource", "abc", "resourcetype", "error"}
    words = re.findall(r"[^\W_]+(?:-[^\W_]+)*", re.sub(r"\[[0-9]{1,2}\]", "", said).lower())
    assert set(words) <= operation_outcome.TECHNICAL | operation_outcome.CODES | named


def test_what_is_wrong_where_is_said(serving, sent):
    said = outcome(
        "HAPI-1094: Resource DiagnosticReport/s7 not found, specified in path: DiagnosticReport.subject",
        "not-found",
        expression=["Bundle.entry[0].resource.subject"],
    )
    assert sent(serving(saying(400, said)).url).problem == (
        "400 Bad Request: not-found at Bundle.entry[0].resource.subject: "
        "HAPI-1094 Resource DiagnosticReport … not found specified in … DiagnosticReport subject"
    )


def test_a_server_that_answers_before_it_has_heard_all_is_heard(sent, engine, kept, tmp_path, serving, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 413 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        assert sent(f"http://127.0.0.1:{listening.getsockname()[1]}").state == "set aside"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of this machine, for a day: certificate and key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    pem, key = str(folder / "server.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=server"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


def test_only_a_server_whose_certificate_holds_is_spoken_to(serving, sent, certificate):
    server = serving(certificate=certificate)
    assert sent(server.url, authority=certificate[0]).state == "acknowledged"
    outcome = sent(server.url)
    assert outcome.state == "again"
    assert "its certificate cannot be trusted: self-signed certificate" in outcome.problem
    elsewhere = sent(server.url.replace("127.0.0.1", "localhost"), authority=certificate[0])
    assert elsewhere.state == "again"
    assert "its certificate cannot be trusted: Hostname mismatch" in elsewhere.problem
    assert len(server.requests) == 1


def test_a_server_without_tls_or_that_says_nothing_in_tls_ends(serving, sent, certificate):
    plain = serving()
    assert sent(plain.url.replace("http:", "https:"), authority=certificate[0]).state == "again"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert sent(f"https://127.0.0.1:{port}", authority=certificate[0]).problem.endswith("no answer within 1 s")
    assert sent(f"http://127.0.0.1:{port}").problem.endswith("Connection refused")
    server = serving(lambda *_: drip, certificate)
    assert sent(server.url, authority=certificate[0]).problem.endswith("no answer within 1 s")


WRONG = {
    "no scheme": ({"url": "fhir.example.org/r4"}, "url is no address of a web server"),
    "another scheme": ({"url": "file:///etc/passwd"}, "url is no address of a web server"),
    "no host": ({"url": "https:///r4"}, "url is no address of a web server"),
    "no port": ({"url": "https://x:99999/"}, "url is none"),
    "brackets": ({"url": "https://[::1/"}, "url is none"),
    "blank": ({"url": "https://x/r 4"}, "url is no address"),
    "line": ({"url": "https://x/\r\nHost: y"}, "url is no address"),
    "password": ({"url": "https://me:secret@x/"}, "url has more than a host, a port and a path"),
    "query": ({"url": "https://x/r4?a=b"}, "url has more than"),
    "readable": ({"url": "http://fhir.example.org/r4"}, "would be readable on the way"),
    "token in the clear": ({"url": "http://x/", "plain_http": True, "token_file": "t"}, "no other machine without TLS"),
    "authority": ({"url": "http://localhost/", "authority": "ca.pem"}, "an url without TLS"),
    "whose": ({"url": "https://x/", "find_patients": True}, "find_patients needs patient_system"),
    "token itself": ({"url": "https://x/", "token": "abc"}, "unknown field `token`"),
}


@pytest.mark.parametrize(("fields", "said"), WRONG.values(), ids=WRONG)
def test_a_configuration_that_cannot_be_is_refused(fields, said):
    with pytest.raises(ConfigurationError, match=said):
        config.decode({"destinations": [{"kind": "fhir", "name": "record", **fields}]}, "edge.json")


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/fhir", "http://[::1]/", "http://127.0.0.2", "https://x.org/a/b"]
)
def test_a_server_on_this_machine_or_over_tls_is_fine(url):
    assert config.decode({"destinations": [told(url)]}, "x").destinations[0].url == url


def test_a_token_that_cannot_be_used_is_named_before_anything_listens(configured, tmp_path):
    told_ = configured(http={"port": 0 + free_port()}, destinations=[told("https://x/", token_file="token")])

    def complaint():
        with pytest.raises(ConfigurationError) as refused:
            checks.require_usable(told_, tmp_path)
        return str(refused.value)

    assert "token_file: " in complaint()
    assert "cannot be read: No such file" in complaint()
    (tmp_path / "token").write_text("")
    assert "no token is in it" in complaint()
    (tmp_path / "token").write_text("abc")
    (tmp_path / "token").chmod(0o644)
    assert "by everybody on this machine" in complaint()
    assert "abc" not in complaint()
    (tmp_path / "token").chmod(0o640)
    checks.require_usable(told_, tmp_path)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def taken(node, files, age):
    return node.accept(files, {"age": age}, origin="test", sender="cart")


def delivery(node, accepted, name="record"):
    return next((d for d in node.ledger.deliveries(accepted.number) if d["destination"] == name), {})


def test_a_node_repeats_the_same_until_it_is_acknowledged_with_the_report(opened, serving, record, wait_until):
    server = serving(lambda number, request, said: said if number == 3 else None)
    node = opened(destinations=[told(server.url, pdf=True)])
    accepted = taken(node, record, 63.0)
    wait_until(lambda: delivery(node, accepted).get("state") == "acknowledged", 60)
    assert len(server.requests) == 3
    assert len({request.body for request in server.requests}) == 1
    assert server.count() == {"DiagnosticReport": 1, "RiskAssessment": 1, "Device": 1, "Provenance": 1}
    (form,) = stored(server)["DiagnosticReport"]["presentedForm"]
    assert base64.b64decode(form["data"]).startswith(b"%PDF")
    assert stored(server)["Provenance"]["entity"][0]["what"]["identifier"]["value"] == accepted.id


def test_a_pause_is_kept_and_sending_again_by_hand_ends_it(opened, serving, record, wait_until):
    server = serving(lambda number, request, said: (503, {"Retry-After": "600"}, b"") if number == 1 else said)
    node = opened(destinations=[told(server.url)])
    accepted = taken(node, record, 63.0)
    wait_until(lambda: delivery(node, accepted).get("attempts") == 1)
    assert 500 < node.ledger.owed("record") <= 600
    kept = node.ledger.kept(accepted.number)
    assert node.send_again(kept, "record", "me")
    wait_until(lambda: delivery(node, accepted).get("state") == "acknowledged")


def test_nothing_of_one_patient_overtakes_what_came_before_it(opened, serving, data_folder, wait_until):
    healthy = threading.Event()

    def answer(number, request, said):
        return said if healthy.is_set() or b"ANOTHER" in request.body else (503, {}, b"")

    server = serving(answer)
    node = opened(destinations=[told(server.url)])

    def ecg(patient):
        return {"ecg.dcm": as_file(ecg_dataset(data_folder / "HR06000.hea", PatientID=patient))}

    first, second, third = (
        taken(node, ecg(who), age) for who, age in (("ONE", 50.0), ("ONE", 51.0), ("ANOTHER", 52.0))
    )
    wait_until(lambda: delivery(node, third).get("state") == "acknowledged")
    wait_until(lambda: delivery(node, first).get("attempts", 0) >= 2)
    assert delivery(node, second)["attempts"] == 0
    healthy.set()
    wait_until(lambda: delivery(node, second).get("state") == "acknowledged")
    assert delivery(node, first)["state"] == "acknowledged"
    bodies = [request.body for request in server.requests if b"ANOTHER" not in request.body]
    assert len(set(bodies)) == 2
    assert bodies[-1] not in bodies[:-1]


def test_the_bundle_in_a_folder_is_the_one_of_the_server(opened, serving, record, wait_until, tmp_path):
    server = serving()
    files = {"kind": "files", "name": "disk", "folder": "out", "formats": ["fhir"]}
    node = opened(destinations=[told(server.url, own_ids=True, **WAYS["collection"]), files])
    accepted = taken(node, record, 63.0)
    for name in ("record", "disk"):
        wait_until(lambda name=name: delivery(node, accepted, name).get("state") == "acknowledged")
    (path,) = (tmp_path / "out").iterdir()
    assert path.read_bytes() == server.requests[0].body + b"\n"
    assert path.read_bytes() == encode(collection(node.ledger.kept(accepted.number), node.engine.info)) + b"\n"


def test_killed_between_sending_and_hearing_it_sends_the_same_again(serving, record, tmp_path, wait_until):
    """The server has it, and the node that died never heard so."""
    server = serving(lambda number, request, said: silence if number == 1 else said)
    port = free_port()
    told_ = {
        "http": {"port": port},
        "workers": 1,
        "limits": {"least_free_mb": 0},
        "folder": {"path": "in", "settled_s": 0.05, "every_s": 0.05},
        "destinations": [told(server.url, retry={"first_s": 0.1, "acknowledged_s": 30})],
    }
    (tmp_path / "edge.json").write_text(json.dumps(told_))
    (tmp_path / "in").mkdir()
    for name in sorted(record, reverse=True):
        (tmp_path / "in" / name).write_bytes(record[name])
    command = [sys.executable, "-m", "ecg2lab", "serve", str(bundle_path()), "--config", "edge.json"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for requests, number in ((1, signal.SIGKILL), (2, signal.SIGTERM)):
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=environment)
        try:
            wait_until(lambda requests=requests: len(server.requests) >= requests, 60)
        finally:
            process.send_signal(number)
            process.wait(60)
    first, second = server.requests
    assert first.body == second.body
    assert server.count() == {"DiagnosticReport": 1, "RiskAssessment": 1, "Device": 1, "Provenance": 1}
