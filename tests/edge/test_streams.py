"""A signal that is still coming in, over a WebSocket: the answers of `Engine.stream`, also across a lost connection."""

import hashlib
import json
import socket
import ssl
import struct
import threading
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from edge_server import listening_node
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import ecg2lab
from ecg2lab.demo import record_path
from ecg2lab.errors import Ecg2LabError

FACTS = {"age": 63, "sex": "female"}


@pytest.fixture(scope="module")
def recording():
    return ecg2lab.read(record_path())


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    with listening_node(tmp_path_factory.mktemp("ward"), workers=2, streams={"most": 1000}) as server:
        yield server


@pytest.fixture
def bed(ward, listening):
    """`bed(**fields)`: a function that connects to a node, and the node; without fields to one that others use, too."""
    with ExitStack() as lines:

        def open_bed(**fields):
            server = listening(**fields) if fields else ward
            address = f"ws://127.0.0.1:{server.http_port}/v1/streams"
            return lambda **named: lines.enter_context(connect(address, **named)), server.node

        yield open_bed


def streams_of(node):
    """How many are kept."""
    (line,) = [line for line in node.metrics.text().decode().splitlines() if line.startswith("ecg2lab_streams ")]
    return float(line.split()[1])


def opening(recording, **fields):
    return {"fs": recording.fs, "leads": list(recording.leads), "unit": "mV", "facts": FACTS, **fields}


def say(line, message):
    line.send(json.dumps(message))


def send(line, number, samples, dtype="<f4"):
    """(leads, n)"""
    line.send(struct.pack("<Q", number) + np.ascontiguousarray(samples.T, dtype).tobytes())


def hear(line):
    """Answers up to the next word of the node, and that."""
    answers = []
    while "position" in (message := json.loads(line.recv(20))):
        answers.append(message)
    return answers, message


def begin(line, message):
    say(line, message)
    answers, greeting = hear(line)
    assert answers == []
    return greeting


def feed(line, samples, start=0, chunk=17, dtype="<f4"):
    """All of them in parts; the answers."""
    answers = []
    for at in range(start, samples.shape[1], chunk):
        send(line, at, samples[:, at : at + chunk], dtype)
        more, word = hear(line)
        answers += more
        assert word == {"next": min(at + chunk, samples.shape[1])}
    return answers


def end(line):
    say(line, {"end": True})
    answers, word = hear(line)
    assert word["ended"] is True
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert closed.value.rcvd.code == 1000
    return answers


def expected(node, samples, parts, **options):
    """What `Engine.stream` answers to the same parts."""
    stream = node.engine.stream(patient=ecg2lab.Patient(**FACTS), **options)
    said = [prediction for part in parts for prediction in stream.push(samples[:, part])]
    return [json.loads(prediction.to_json()) for prediction in (*said, *stream.finish())]


def chunks(samples, size, start=0):
    return [slice(at, at + size) for at in range(start, samples.shape[1], size)]


@pytest.mark.parametrize(
    ("dtype", "unit", "gain", "chunk"),
    [
        ("float32", "mV", None, 17),
        ("float32", "uV", None, 509),
        ("int16", "uV", None, 17),
        ("int16", "adc", 800.0, 250),
    ],
)
def test_answers_are_those_of_the_engine(bed, recording, dtype, unit, gain, chunk):
    joined, node = bed()
    scale = {"mV": 1.0, "uV": 1000.0, "adc": 800.0}[unit]
    wire = {"float32": "<f4", "int16": "<i2"}[dtype]
    samples = (recording.samples * scale).round(3 if dtype == "float32" else 0).astype(wire)
    line = joined()
    greeting = begin(line, opening(recording, type=dtype, unit=unit, gain=gain, hop_s=0.5))
    assert greeting["next"] == 0
    assert greeting["notice"] == node.engine.info.notice
    answers = feed(line, samples, chunk=chunk, dtype=wire) + end(line)
    options = {"fs": recording.fs, "leads": recording.leads, "unit": unit, "gain": gain, "hop_s": 0.5}
    assert answers == expected(node, samples, chunks(samples, chunk), **options)
    assert len(answers) == 16


def test_a_lost_connection_goes_on_where_it_was(bed, recording, wait_until):
    joined, node = bed()
    samples = recording.samples.astype("<f4")
    line = joined()
    identity = begin(line, opening(recording))["stream"]
    answers = feed(line, samples[:, :2006])
    answers.pop()  # it was sent, and did not arrive
    line.socket.shutdown(socket.SHUT_RDWR)
    line = joined()
    say(line, {"resume": identity, "after": answers[-1]["position"]["window"]})
    _, greeting = hear(line)
    assert (greeting["stream"], greeting["next"], greeting["repeated"]) == (identity, 2006, 1)
    answers.append(json.loads(line.recv(20)))
    send(line, 1989, samples[:, 1989:2023])  # 17 of them are known
    more, word = hear(line)
    assert word == {"next": 2023}
    answers += more + feed(line, samples, start=2023) + end(line)
    options = {"fs": recording.fs, "leads": recording.leads, "unit": "mV"}
    assert answers == expected(node, samples, chunks(samples, 17), **options)


@pytest.mark.parametrize("seed", range(3))
def test_however_often_it_is_lost_nothing_is_missing_and_nothing_differs(bed, recording, seed):
    """Between messages, within one, or before their answers are read."""
    joined, node = bed()
    random, samples = np.random.default_rng(seed), recording.samples.astype("<f4")
    line = joined()
    identity, number, said = begin(line, opening(recording, hop_s=0.25))["stream"], 0, {}

    def remember(answers):
        for answer in answers:
            assert said.setdefault(answer["position"]["window"], answer) == answer

    while number < samples.shape[1]:
        if random.random() < 0.2:
            if random.random() < 0.5:
                send(line, number, samples[:, number : number + 100])
            if random.random() < 0.5:
                line.socket.sendall(bytes([0x82, 0xFE, 0x10])[: random.integers(1, 4)])
            line.socket.shutdown(socket.SHUT_RDWR)
            line = joined()
            say(line, {"resume": identity, "after": max(said, default=-1)})
            _, greeting = hear(line)
            remember(json.loads(line.recv(20)) for _ in range(greeting["repeated"]))
            assert greeting["next"] in (number, number + 100)
            number = greeting["next"]
        else:
            send(line, number, samples[:, number : number + 100])
            answers, word = hear(line)
            remember(answers)
            number += 100
            assert word == {"next": number}
    remember(end(line))
    options = {"fs": recording.fs, "leads": recording.leads, "unit": "mV", "hop_s": 0.25}
    assert [said[window] for window in sorted(said)] == expected(node, samples, chunks(samples, 100), **options)


def test_what_came_before_is_passed_over(bed, recording):
    joined, _ = bed()
    line, samples = joined(), recording.samples
    begin(line, opening(recording))
    first = feed(line, samples[:, :2000], chunk=500)
    for number in (0, 1000, 1999):
        send(line, number, samples[:, number:2000])
        assert hear(line) == ([], {"next": 2000})
    assert len(first) == 2


@pytest.mark.parametrize("gaps", ["refuse", "fill"])
def test_lost_samples_are_refused_or_filled_as_the_engine_does(bed, recording, gaps):
    joined, node = bed()
    line, samples = joined(), recording.samples.astype("<f4")
    begin(line, opening(recording, gaps=gaps))
    answers = feed(line, samples[:, :1500], chunk=500)
    send(line, 1600, samples[:, 1600:2500])
    more, word = hear(line)
    if gaps == "refuse":
        assert word["error"]["type"] == "RecordingError"
        assert "1500 is the next" in word["error"]["message"]
        assert (word["next"], more) == (1500, [])
        return
    stream = node.engine.stream(fs=500, leads=recording.leads, unit="mV", patient=ecg2lab.Patient(**FACTS))
    said = [one for at in (0, 500, 1000) for one in stream.push(samples[:, at : at + 500])]
    said += stream.push(samples[:, 1600:2500], start=1600)
    assert word == {"next": 2500}
    assert answers + more == [json.loads(one.to_json()) for one in said]


def test_a_gap_too_long_to_fill_is_refused(bed, recording):
    joined, _ = bed(limits={"idle_s": 5, "least_free_mb": 0})
    line = joined()
    begin(line, opening(recording, gaps="fill"))
    send(line, 5 * 500 + 1, recording.samples[:, :10])
    _, word = hear(line)
    assert "too many to fill" in word["error"]["message"]
    send(line, 2**64 - 1, recording.samples[:, :10])
    _, word = hear(line)
    assert "too many to fill" in word["error"]["message"]
    assert word["next"] == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"1234567", struct.pack("<Q", 0) + b"x", struct.pack("<Q", 0) + bytes(47)],
    ids=["empty", "short", "no sample", "half a sample"],
)
def test_bytes_that_are_no_samples_are_refused_and_the_stream_goes_on(bed, recording, content):
    joined, _ = bed()
    line = joined()
    begin(line, opening(recording))
    line.send(content)
    answers, word = hear(line)
    assert word["error"]["type"] == "RecordingError"
    assert "8 bytes" in word["error"]["message"]
    assert feed(line, recording.samples[:, :34]) == answers == []


def test_samples_that_are_none_are_refused_and_not_taken(bed, recording):
    joined, _ = bed()
    line, samples = joined(), recording.samples[:, :100].copy()
    begin(line, opening(recording))
    samples[3, 50] = np.inf
    send(line, 0, samples)
    _, word = hear(line)
    assert (word["error"]["type"], word["next"]) == ("RecordingError", 0)
    samples[3, 50] = np.nan  # a missing one
    send(line, 0, samples)
    assert hear(line) == ([], {"next": 100})


WRONG = {
    "no JSON": (b"{", "cannot be read"),
    "not UTF-8 text": ("[]", "cannot be read"),
    "twice": ('{"fs": 500, "fs": 250}', "appears twice"),
    "nested": ("[" * 50_000, "cannot be read"),
    "no leads": ({"leads": None}, "leads"),
    "unknown field": ({"colour": 1}, "colour"),
    "unit": ({"unit": "furlong"}, "unit"),
    "type": ({"type": "float64"}, "type"),
    "rate": ({"fs": -1}, "sampling rate"),
    "lead twice": ({"leads": ["I"] * 12}, "I"),
    "too few leads": ({"leads": ["I", "II"]}, "V1"),
    "hop": ({"hop_s": 1e-9}, "hop_s"),
    "target": ({"targets": ["gold"]}, "gold"),
    "by": ({"by": "state"}, "step"),
    "fact's name": ({"facts": {"surname": "Miller"}}, "names that are none"),
    "fact": ({"facts": {"age": 1000}}, "age"),
    "resume nothing": ('{"resume": "0"}', "no such stream"),
    "resume and open": ('{"resume": "0", "fs": 500}', "fs"),
    "end before the begin": ('{"end": true}', "end"),
    "too long": ('"' + "x" * 65536 + '"', "65536 characters"),
    "samples first": (struct.pack("<Q", 0), "first message"),
}


@pytest.mark.parametrize(("told", "said"), WRONG.values(), ids=WRONG)
def test_an_opening_that_cannot_be_is_refused_in_words(bed, recording, told, said):
    joined, node = bed()
    line, before = joined(), streams_of(node)
    if isinstance(told, dict):
        told = json.dumps({key: x for key, x in opening(recording, **told).items() if x is not None})
    line.send(told.decode() if told == b"{" else told)
    _, word = hear(line)
    assert issubclass(getattr(ecg2lab, word["error"]["type"]), Ecg2LabError)
    assert said in word["error"]["message"]
    assert "Miller" not in word["error"]["message"]
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert closed.value.rcvd.code == 1008
    assert streams_of(node) == before


@pytest.mark.parametrize("message", ["{", "{}", '{"end": false}', '{"facts": {"age": -1}}', '{"facts": {"x": 1}}', "1"])
def test_a_message_in_between_that_is_none_is_refused_and_the_stream_goes_on(bed, recording, message):
    joined, _ = bed()
    line = joined()
    begin(line, opening(recording))
    line.send(message)
    _, word = hear(line)
    assert word["error"]["type"] in ("RecordingError", "PatientError")
    assert feed(line, recording.samples[:, :34]) == []


def test_new_facts_are_those_of_the_next_windows(bed, recording):
    joined, _ = bed()
    line = joined()
    begin(line, opening(recording))
    before, _ = feed(line, recording.samples[:, :2000], chunk=500)
    say(line, {"facts": {"age": 40}})
    assert hear(line) == ([], {"facts": "taken", "next": 2000})
    after = feed(line, recording.samples, start=2000, chunk=500)[0]
    assert before["patient"]["given"] == FACTS
    assert after["patient"]["given"] == {"age": 40.0}


def test_there_are_so_many_streams_and_no_more(bed, recording, wait_until):
    joined, _ = bed(streams={"most": 2})
    lines = [joined() for _ in range(3)]
    identities = [begin(line, opening(recording))["stream"] for line in lines[:2]]
    say(lines[2], opening(recording))
    _, word = hear(lines[2])
    assert word["error"]["type"] == "OverloadError"
    with pytest.raises(ConnectionClosed) as closed:
        lines[2].recv(20)
    assert closed.value.rcvd.code == 1013
    lines[0].close()  # one without a connection is kept, and counts
    line = joined()
    say(line, opening(recording))
    assert hear(line)[1]["error"]["type"] == "OverloadError"
    end(lines[1])
    assert begin(joined(), opening(recording))["stream"] not in identities


def test_a_stream_without_a_connection_is_forgotten(bed, recording, wait_until):
    joined, node = bed(limits={"idle_s": 2, "least_free_mb": 0})
    line = joined()
    identity = begin(line, opening(recording))["stream"]
    line.close()
    wait_until(lambda: streams_of(node) == 0)
    line = joined()
    say(line, {"resume": identity})
    assert "no longer" in hear(line)[1]["error"]["message"]


def test_a_silent_connection_is_closed_and_can_be_resumed(bed, recording):
    joined, _ = bed(limits={"idle_s": 2, "least_free_mb": 0})
    line = joined()
    identity = begin(line, opening(recording))["stream"]
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4408, "nothing came for 2 s")
    assert begin(joined(), {"resume": identity})["next"] == 0


def test_another_connection_takes_a_stream_over(bed, recording):
    joined, _ = bed()
    old, new = joined(), joined()
    identity = begin(old, opening(recording))["stream"]
    feed(old, recording.samples[:, :34])
    assert begin(new, {"resume": identity})["next"] == 34
    send(old, 34, recording.samples[:, 34:51])
    with pytest.raises(ConnectionClosed) as closed:
        old.recv(20)
    assert closed.value.rcvd.code == 4409
    feed(new, recording.samples[:, :68], start=34)


def test_a_stream_that_ended_repeats_its_last_answers_and_nothing_else(bed, recording):
    joined, _ = bed()
    line = joined()
    identity = begin(line, opening(recording))["stream"]
    answers = feed(line, recording.samples, chunk=500) + end(line)
    line = joined()
    say(line, {"resume": identity})
    _, greeting = hear(line)
    assert greeting["repeated"] == len(answers)
    assert [json.loads(line.recv(20)) for _ in answers] == answers
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert closed.value.rcvd.code == 1000


def test_in_shadow_all_is_counted_and_nothing_is_answered(bed, recording):
    joined, node = bed(mode="shadow")
    line = joined()
    greeting = begin(line, opening(recording))
    assert greeting["mode"] == "shadow"
    assert feed(line, recording.samples, chunk=500) == end(line) == []
    assert 'ecg2lab_stream_windows_total{outcome="answered"} 8.0' in node.metrics.text().decode()
    line = joined()
    assert begin(line, {"resume": greeting["stream"]})["repeated"] == 0


def test_streams_do_not_mix(bed, recording):
    joined, node = bed()
    scaled = [recording.samples * factor for factor in (1.0, 0.9, 1.1)]
    said = {}

    def one(number):
        line = joined()
        begin(line, opening(recording))
        said[number] = feed(line, scaled[number].astype("<f4"), chunk=250) + end(line)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    options = {"fs": 500, "leads": recording.leads, "unit": "mV"}
    for number, samples in enumerate(scaled):
        assert said[number] == expected(node, samples.astype("<f4"), chunks(samples, 250), **options)


def test_a_message_too_large_ends_the_connection_and_not_the_stream(bed, recording):
    joined, _ = bed()
    line = joined()
    identity = begin(line, opening(recording))["stream"]
    line.send(bytes(1 << 21))
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert closed.value.rcvd.code == 1009
    assert begin(joined(), {"resume": identity})["next"] == 0


def test_a_message_too_large_behind_others_is_no_fault_of_ours(bed, recording):
    joined, node = bed()
    line = joined()
    begin(line, opening(recording, hop_s=0.1))
    send(line, 0, recording.samples)
    with suppress(ConnectionClosed):
        line.send(bytes(1 << 21))
        while True:
            line.recv(20)
    assert not [problem for problem in node.problems.latest() if problem.where == "streams"]


def test_a_fault_of_ours_is_counted_and_says_nothing_about_the_patient(bed, recording, monkeypatch):
    joined, node = bed()
    line, other = joined(), joined()
    begin(other, opening(recording))
    monkeypatch.setattr(node.engine, "stream", lambda **_: {}["Mrs Miller"])
    say(line, opening(recording))
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(20)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "a fault in ecg2lab; please report it")
    (problem,) = [problem for problem in node.problems.latest() if problem.where == "streams"]
    assert "Miller" not in problem.message
    feed(other, recording.samples[:, :34])


@pytest.mark.parametrize("path", ["/v1/recordings", "/v1/streams/7", "/v2", "/"])
def test_there_is_no_other_address_for_it(ward, path):
    address = f"ws://127.0.0.1:{ward.http_port}{path}"
    with pytest.raises(InvalidStatus) as refused, connect(address):
        pass
    assert refused.value.response.status_code in (403, 404)


def test_a_bed_sends_over_tls(listening, recording, certificate):
    pem, key = certificate
    server = listening(http={"tls": {"certificate": str(pem), "key": str(key)}})
    trusted = ssl.create_default_context(cafile=pem)
    with connect(f"wss://localhost:{server.http_port}/v1/streams", ssl=trusted) as line:
        begin(line, opening(recording))
        feed(line, recording.samples[:, :34])


def test_who_does_not_read_is_given_up_and_can_go_on(bed, recording, wait_until):
    joined, _ = bed(limits={"idle_s": 2, "least_free_mb": 0})
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    port = int(joined().remote_address[1])
    narrow.connect(("127.0.0.1", port))
    line = joined(sock=narrow, max_queue=1)
    identity = begin(line, opening(recording, hop_s=0.1))["stream"]
    part = recording.samples[:, :2500].astype("<f4").T.tobytes()

    def pour():
        with suppress(ConnectionClosed, OSError):
            for number in range(0, 10**6, 2500):
                line.send(struct.pack("<Q", number) + part)
            pytest.fail("it took all of it")

    pouring = threading.Thread(target=pour)
    pouring.start()
    pouring.join(60)
    assert not pouring.is_alive()
    again = joined()
    say(again, {"resume": identity, "after": 10**6})
    _, greeting = hear(again)
    assert greeting["next"] > 0


def token(name, *scopes):
    return {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "scopes": scopes}


def bearer(name):
    return {"additional_headers": {"Authorization": f"Bearer {name}"}}


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ({}, 401),
        (bearer("nobody"), 401),
        (bearer("reader"), 403),
        ({**bearer("bed"), "origin": "http://evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://["}, 403),
    ],
    ids=["no token", "another token", "another scope", "a page, with a token", "a page", "no address"],
)
def test_who_may_not_is_told_so_before_there_is_a_connection(bed, named, status):
    joined, _ = bed(tokens=[token("bed", "send"), token("reader", "read", "watch", "erase")])
    with pytest.raises(InvalidStatus) as refused:
        joined(**named)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["message"]


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "evil.example:8080"])
def test_a_name_that_the_node_does_not_have_is_refused(ward, name):
    with (
        socket.create_connection(("127.0.0.1", ward.http_port)) as raw,
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://{name}/v1/streams", sock=raw),
    ):
        pass
    assert refused.value.response.status_code == 421


def test_a_stream_is_of_who_opened_it(bed, recording):
    joined, node = bed(tokens=[token("bed", "send"), token("other", "send")])
    identity = begin(joined(**bearer("bed")), opening(recording))["stream"]
    line = joined(**bearer("other"))
    say(line, {"resume": identity})
    assert "no such stream" in hear(line)[1]["error"]["message"]
    assert begin(joined(**bearer("bed")), {"resume": identity})["next"] == 0
    rows = node.ledger._store.read("SELECT who, what FROM audit")
    assert ("bed", "opened a stream") in [tuple(row) for row in rows]
