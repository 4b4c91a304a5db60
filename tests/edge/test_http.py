"""HTTP as its users see it."""

import functools
import hashlib

import msgspec
import pytest
from edge_peers import parts
from prometheus_client.parser import text_string_to_metric_families

from ecg2lab.edge.config import SCOPES

TOKEN = "a secret"
FACTS = {"age": "63", "sex": "female"}


def test_one_call_answers(client, record):
    http, node = client()
    answer = http.post("/v1/recordings?wait", files=parts(record), data=FACTS)
    assert answer.status_code == 200
    said = answer.json()
    assert said["patient"]["given"] == {"age": 63.0, "sex": "female"}
    assert node.ledger.find(answer.headers["ecg2lab-recording"]).answer == answer.content


def test_without_waiting_the_answer_is_fetched_later(client, record, wait_until):
    http, _ = client()
    taken = http.post("/v1/recordings", files=parts(record), data={"facts": '{"age": 63, "sex": "female"}'})
    assert taken.status_code == 202
    link = taken.headers["location"]
    assert taken.json() == {"id": link.rpartition("/")[2], "state": "waiting", "answer": link}
    answer = wait_until(lambda: (a := http.get(link)).status_code == 200 and a)
    assert answer.json()["findings"]


def test_a_file_as_the_body_is_a_recording(client, data_folder):
    http, _ = client()
    answer = http.post("/v1/recordings?wait&name=r.dcm", content=b"x", headers={"content-type": "application/dicom"})
    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "RecordingError"
    assert answer.json()["record"] == "r.dcm"


@pytest.mark.parametrize(
    ("form", "media", "begin"),
    [
        ("json", "application/json", b"{"),
        ("fhir", "application/fhir+json", b'{"resourceType'),
        ("hl7", "x-application/hl7-v2+er7", b"MSH|"),
        ("html", "text/html", b"<!"),
        ("pdf", "application/pdf", b"%PDF"),
    ],
)
def test_every_form_is_had_by_name_and_by_header(client, record, form, media, begin):
    http, _ = client(limits={"read_s": 60, "least_free_mb": 0})
    link = f"/v1/recordings/{http.post('/v1/recordings?wait', files=parts(record)).headers['ecg2lab-recording']}"
    for answer in (http.get(f"{link}?format={form}"), http.get(link, headers={"accept": media})):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media)
        assert answer.content.lstrip().startswith(begin)


def test_a_recording_can_be_forgotten(client, record):
    http, _ = client()
    link = f"/v1/recordings/{http.post('/v1/recordings?wait', files=parts(record)).headers['ecg2lab-recording']}"
    assert http.delete(link).status_code == 204
    assert http.get(link).status_code == 404
    assert http.delete(link).status_code == 404


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"age": "old"}, "age must be a number"),
        ({"agee": "63"}, "neither a file nor a fact"),
        ({"facts": "[]"}, "facts must be an object"),
        ({"facts": "{"}, "facts must be an object"),
        ({"facts": '{"surname": "x"}'}, "1 of the facts have names that are none"),
    ],
)
def test_a_fact_that_is_none_is_refused(client, record, data, said):
    http, node = client()
    answer = http.post("/v1/recordings", files=parts(record), data=data)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert node.ledger.counts().recordings == {}


def test_two_files_of_one_name_are_refused(client):
    http, _ = client()
    answer = http.post("/v1/recordings", files=[("file", ("a", b"1")), ("file", ("a", b"2"))])
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "two files have the same name")


def test_a_body_too_large_or_of_another_kind_is_refused(client):
    http, _ = client(limits={"body_mb": 0.01, "least_free_mb": 0})
    answer = http.post("/v1/recordings", content=b"x" * 20000, headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 413
    assert http.post("/v1/recordings", json={"a": 1}).status_code == 415


def test_overload_is_said_with_a_time_to_come_again(client, record):
    http, _ = client(limits={"least_free_mb": 1e9})
    answer = http.post("/v1/recordings", files=parts(record))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "MB are kept free" in answer.json()["error"]["message"]
    ready = http.get("/v2/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert http.get("/v2/health/live").status_code == 200


def test_a_fault_of_ours_is_an_error_without_words_about_the_patient(client, record, monkeypatch):
    http, node = client()
    monkeypatch.setattr(node.engine, "predict", lambda *_: {}["Mrs Miller"])
    answer = http.post("/v1/recordings?wait", files=parts(record))
    assert answer.status_code == 500
    assert "Miller" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8080"}, 200),
        ({"host": "localhost:8080"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example:8080"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:8080", "origin": "http://evil.example"}, 403),
        ({"host": "localhost:8080", "origin": "http://localhost:9090"}, 403),
        ({"host": "localhost:8080", "origin": "null"}, 403),
    ],
)
def test_pages_of_other_servers_cannot_ask_through_a_browser(client, record, headers, status):
    http, _ = client()
    answer = http.post("/v1/recordings?wait", files=parts(record), headers=headers)
    assert answer.status_code == status
    assert http.get("/v2/health/live", headers=headers).status_code == status


ROUTES = [
    ("send", "POST", "/v1/recordings"),
    ("send", "POST", "/v1/facts"),
    ("read", "GET", f"/v1/recordings/{'a' * 40}"),
    ("read", "GET", f"/v1/recordings/{'a' * 40}/deliveries"),
    ("watch", "GET", "/v1/counts"),
    ("watch", "GET", "/v1/overview"),
    ("watch", "GET", "/v1/drift"),
    ("resend", "POST", f"/v1/recordings/{'a' * 40}/again"),
    ("resend", "POST", f"/v1/recordings/{'a' * 40}/deliveries/disk/again"),
    ("watch", "GET", "/metrics"),
    ("erase", "DELETE", f"/v1/recordings/{'a' * 40}"),
    ("send", "GET", "/v2"),
    ("send", "GET", "/v2/models/demo"),
    ("send", "GET", "/v2/models/demo/versions/1"),
    ("send", "GET", "/v2/models/demo/ready"),
    ("send", "GET", "/v2/models/demo/versions/1/ready"),
    ("send", "POST", "/v2/models/demo/infer"),
    ("send", "POST", "/v2/models/demo/versions/1/infer"),
]
OPEN = {"/v2/health/live", "/v2/health/ready"}


@pytest.mark.parametrize(("scope", "method", "path"), ROUTES, ids=[f"{m} {p[:20]}" for _, m, p in ROUTES])
def test_each_route_needs_a_token_with_its_scope(client, scope, method, path):
    others = [other for other in SCOPES if other != scope]
    http, _ = client(
        tokens=[
            {"name": "right", "sha256": hashlib.sha256(b"right").hexdigest(), "scopes": [scope]},
            {"name": "wrong", "sha256": hashlib.sha256(b"wrong").hexdigest(), "scopes": others},
        ]
    )

    def ask(token):
        return http.request(method, path, headers={} if token is None else {"authorization": token}).status_code

    assert ask(None) == ask("Bearer ") == ask("Bearer other") == ask("Basic right") == 401
    assert ask("Bearer wrong") == 403
    assert ask("Bearer right") not in (401, 403)


def test_every_route_is_in_the_list_above(client):
    http, _ = client()
    described = http.get("/openapi/openapi.json").json()["paths"]
    named = {"a" * 40: "{identity}", "/disk/": "/{destination}/"}
    named |= {"models/demo": "models/{model}", "versions/1": "versions/{version}"}
    listed = {functools.reduce(lambda path, one: path.replace(*one), named.items(), path) for _, _, path in ROUTES}
    assert set(described) == listed | OPEN


def test_who_sent_read_and_erased_is_in_the_audit_log(client, record):
    token = {"name": "ward-3", "sha256": hashlib.sha256(b"t").hexdigest(), "scopes": ["send", "read", "erase"]}
    http, node = client(tokens=[token])
    head = {"authorization": "Bearer t"}
    sent = http.post("/v1/recordings?wait", files=parts(record), data=FACTS, headers=head)
    identity = sent.headers["ecg2lab-recording"]
    http.get(f"/v1/recordings/{identity}", headers=head)
    http.delete(f"/v1/recordings/{identity}", headers=head)
    rows = node.ledger._store.read("SELECT who, what, which FROM audit ORDER BY rowid")
    assert [tuple(row) for row in rows] == [("ward-3", what, identity) for what in ("took", "read", "erased")]
    assert msgspec.json.decode(sent.content)["notice"]


def test_what_is_counted_is_had_by_prometheus_and_names_no_patient(client, record):
    http, node = client()
    http.post("/v1/recordings?wait", files=parts(record), data={**FACTS, "height_cm": "171.25"})
    http.post("/v1/recordings?wait&name=Miller.dcm", content=b"x", headers={"content-type": "application/dicom"})
    text = http.get("/metrics").text
    counted = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert counted["ecg2lab_recordings_total", ("state", "answered")] == 1
    assert counted["ecg2lab_refusals_total", ("type", "RecordingError")] == 1
    assert counted["ecg2lab_kept", ("state", "refused")] == 1
    assert counted["ecg2lab_answer_seconds_count",] == 2
    verdicts = sum(value for (name, *_), value in counted.items() if name == "ecg2lab_verdicts_total")
    assert verdicts == len(node.engine.contract.targets)
    assert "Miller" not in text
    labels = {value for _, *labels in counted for name, value in labels if name != "digest"}
    assert not any("171" in value for value in labels)
