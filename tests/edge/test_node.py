"""What a node keeps, answers once, and owes."""

import errno
import os
import signal
import sqlite3
import threading
import time

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge.helper import Helper, Named
from ecg2lab.edge.ledger import Ledger
from ecg2lab.errors import OverloadError, PatientError, RecordingError, StoreError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FACTS = {"age": 63.0, "sex": "female"}


def taken(node, files, facts=FACTS):
    return node.accept(files, facts, origin="test", sender="cart")


def answered(node, files, facts=FACTS):
    return node.hope(taken(node, files, facts).number).result(20)


def test_the_answer_is_that_of_predict(opened, record, data_folder):
    kept = answered(opened(), record)
    assert kept.state == "answered"
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        expected = engine.predict(ecg2lab.read(data_folder / "HR06000.hea"), ecg2lab.Patient(**FACTS))
    assert [f.probability for f in kept.said.findings] == [f.probability for f in expected.findings]
    assert kept.said.record == "HR06000.hea"
    assert kept.said.source["file"] == "HR06000.hea"


def test_the_same_recording_is_answered_once(opened, record):
    node = opened()
    first = taken(node, record)
    again = taken(node, dict(reversed(record.items())))
    assert (first.id, first.number, first.new, again.new) == (again.id, again.number, True, False)
    other = taken(node, record, {"age": 64.0, "sex": "female"})
    assert other.id != first.id
    assert node.hope(again.number).result(20).id == first.id


def test_a_file_under_another_name_is_the_same_recording(opened, data_folder):
    node, content = opened(), (data_folder / "HR06000.mat").read_bytes()
    assert taken(node, {"a.bin": content}).id == taken(node, {"b.bin": content}).id


def test_what_cannot_be_read_is_refused_in_the_readers_words(opened, record):
    node = opened()
    kept = answered(node, {"HR06000.hea": record["HR06000.hea"]})
    assert kept.state == "refused"
    assert kept.said.error.message == "HR06000.hea names HR06000.mat, which is not beside it"
    kept = answered(node, {"x.bin": b"no recording at all"})
    assert (kept.state, kept.said.error.type) == ("refused", "RecordingError")
    assert "/" not in kept.said.error.message


def test_several_recordings_at_once_are_refused(opened, record):
    more = {**record, "second.csv": b"I,II\n1,2\n"}
    kept = answered(opened(), more)
    assert kept.said.error.message.startswith("3 files came, which are 2 recordings")


def test_a_refusal_has_its_quality(opened):
    rows = ["time,I,II,V1,V2,V3,V4,V5,V6"] + [f"{i / 500},0,0,0,0,0,0,0,0" for i in range(5000)]
    kept = answered(opened(), {"flat.csv": "\n".join(rows).encode()})
    assert kept.state == "refused"
    assert kept.said.quality is not None or kept.said.error.type == "RecordingError"


@pytest.mark.parametrize(
    ("files", "facts", "error", "said"),
    [
        ({}, {}, RecordingError, "no file came"),
        ({"a": b""}, {}, RecordingError, "a file is empty"),
        ({"../a": b"x"}, {}, RecordingError, "a name that is none"),
        ({"a/b": b"x"}, {}, RecordingError, "a name that is none"),
        ({"a\\b": b"x"}, {}, RecordingError, "a name that is none"),
        ({"..": b"x"}, {}, RecordingError, "a name that is none"),
        ({"a\nb": b"x"}, {}, RecordingError, "a name that is none"),
        ({"é" * 101: b"x"}, {}, RecordingError, "a name that is none"),
        ({"a.dcm": b"x", "A.DCM": b"y"}, {}, RecordingError, "two files have the same name"),
        ({str(n): b"x" for n in range(33)}, {}, RecordingError, "33 files came"),
        ({"a": b"x"}, {"surname": "x"}, PatientError, "1 of the facts have names that are none"),
        ({"a": b"x"}, {"age": "old"}, PatientError, "age"),
    ],
)
def test_what_is_no_recording_is_refused_before_anything_is_kept(opened, tmp_path, files, facts, error, said):
    node = opened()
    with pytest.raises(error, match=said):
        taken(node, files, facts)
    assert node.ledger.counts().recordings == {}
    assert not [path for path in (tmp_path / "ecg2lab-edge" / "spool").rglob("*") if path.is_file()]


def test_what_waits_for_its_answer_is_answered_after_the_next_start(opened, configured, record, tmp_path):
    idle = opened(start=False)
    accepted = taken(idle, record)
    idle.ledger.close()
    node = opened()
    assert node.hope(accepted.number).result(20).state == "answered"


def test_a_recording_over_which_the_node_crashes_again_and_again_is_set_aside(opened, record, tmp_path):
    idle = opened(start=False)
    accepted = taken(idle, record)
    idle.ledger.close()
    for crash in range(3):
        ledger = Ledger(tmp_path / "ecg2lab-edge")
        assert ledger.waiting(3) == [accepted.number], crash
        ledger.begin(accepted.number)
        ledger.crash.write_bytes(b"Fatal Python error: Segmentation fault")
        ledger.close()
    node = opened()
    kept = node.ledger.kept(accepted.number)
    assert kept.state == "set aside"
    assert "crashed again and again" in kept.problem


def test_a_node_that_was_killed_over_a_recording_answers_it(opened, record, tmp_path):
    """However often: whoever kills it does not do so because of the recording."""
    idle = opened(start=False)
    accepted = taken(idle, record)
    idle.ledger.close()
    for _ in range(10):
        ledger = Ledger(tmp_path / "ecg2lab-edge")
        assert ledger.waiting(3) == [accepted.number]
        ledger.begin(accepted.number)
        ledger.close()
    assert opened().hope(accepted.number).result(20).state == "answered"


def test_a_fault_of_ours_is_set_aside_and_the_next_answered(opened, record, monkeypatch):
    node = opened()
    real = node.engine.predict
    monkeypatch.setattr(node.engine, "predict", lambda *_: 1 / 0)
    kept = answered(node, record)
    assert (kept.state, kept.problem) == ("set aside", "ZeroDivisionError in ecg2lab; please report it")
    monkeypatch.setattr(node.engine, "predict", real)
    assert answered(node, record, {"age": 50.0}).state == "answered"


def test_a_reader_that_takes_too_long_is_replaced(opened, record):
    node = opened(limits={"read_s": 0.001, "least_free_mb": 0})
    kept = answered(node, record)
    assert kept.state == "refused"
    assert kept.said.error.message == "it could not be read within 0.001 s"


def test_a_reader_that_dies_of_a_file_refuses_it_and_the_next_reads(data_folder, tmp_path):
    helper = Helper(30, tmp_path)
    files = [Named(name, data_folder / name) for name in ("HR06000.hea", "HR06000.mat")]

    def read():
        helper.begin(files)
        return helper.recording().samples

    first = read()
    os.kill(helper._process.pid, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (helper._process.pid, signal.SIGKILL)).start()
    with pytest.raises(RecordingError, match="ended over it"):
        read()
    assert (read() == first).all()
    helper.stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [500, 2000])
def test_a_helper_reads_as_the_reader_does(data_folder, tmp_path, rate):
    """Also what its shared memory has no room for, and files that came just now."""
    head = (data_folder / "HR06000.hea").read_text().replace(" 500 ", f" {rate} ", 1)
    signal_file = (data_folder / "HR06000.mat").read_bytes()
    if rate > 500:  # 12 leads of 60,000 samples: 5.8 MB
        samples = np.arange(12 * 60_000, dtype="<i2")
        signal_file = samples.tobytes()
        leads = [f"HR06000.mat 16 1000/mV 16 0 0 0 0 {lead}" for lead in LEADS]
        head = "\n".join([f"HR06000 12 {rate} 60000", *leads, ""])
    files = {"HR06000.hea": head.encode(), "HR06000.mat": signal_file}
    beside = tmp_path / "beside"
    beside.mkdir()
    for name, content in files.items():
        (beside / name).write_bytes(content)
    helper = Helper(30, tmp_path)
    helper.begin({"HR06000.hea": b"nothing"})  # is not wanted any more
    helper.begin(files)
    found, expected = helper.recording(), ecg2lab.read(beside / "HR06000.hea")
    helper.stop()
    np.testing.assert_array_equal(found.samples, expected.samples)
    assert (found.fs, found.leads, found.source) == (expected.fs, expected.leads, expected.source)


def test_more_than_it_may_hold_is_refused_until_some_is_answered(opened, record):
    node = opened(limits={"waiting": 2, "least_free_mb": 0}, start=False)
    for age in (50, 51):
        taken(node, record, {"age": float(age)})
    with pytest.raises(OverloadError, match="2 recordings wait"):
        taken(node, record, {"age": 52.0})
    node.start()
    node.hope(2).result(20)
    assert taken(node, record, {"age": 52.0}).new


def test_a_disk_that_is_nearly_full_is_said(opened, record):
    with pytest.raises(OverloadError, match="MB left, and 1e\\+09 MB are kept free"):
        taken(opened(limits={"least_free_mb": 1e9}), record)


def test_what_cannot_be_written_is_refused_and_nothing_is_lost(opened, record, monkeypatch):
    node = opened()
    before = answered(node, record)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ecg2lab.edge.spool.os.replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        taken(node, {"new.csv": b"1"})
    monkeypatch.undo()
    assert node.ledger.find(before.id).answer == before.answer
    assert taken(node, {"new.csv": b"1"}).new


def test_a_full_disk_while_answering_costs_no_attempt(opened, record, monkeypatch, tmp_path):
    node, failing = opened(), [3]
    real = node.ledger.finish

    def finish(*arguments):
        if failing[0]:
            failing[0] -= 1
            raise StoreError("cannot be kept: disk I/O error")
        return real(*arguments)

    monkeypatch.setattr(node.ledger, "finish", finish)
    accepted = taken(node, record)
    assert node.hope(accepted.number).result(20).state == "answered"
    assert list((tmp_path / "ecg2lab-edge" / "begun").iterdir()) == []


def test_a_worker_outlives_a_folder_that_is_gone_for_a_while(opened, record, tmp_path):
    node = opened()
    begun = tmp_path / "ecg2lab-edge" / "begun"
    begun.rmdir()
    accepted = taken(node, record)
    time.sleep(0.2)
    assert node.ledger.kept(accepted.number).state == "waiting"
    begun.mkdir()
    assert node.hope(accepted.number).result(20).state == "answered"


def test_a_commit_that_fails_takes_nothing_and_the_next_succeeds(opened, record):
    node = opened()
    store = node.ledger._store
    with pytest.raises(StoreError, match="no such table"):
        store.write(lambda connection: connection.execute("INSERT INTO nowhere VALUES (1)"))
    insert = "INSERT INTO audit VALUES (?, 'a', 'b', NULL)"
    futures = [store.submit(lambda connection, n=n: connection.execute(insert, (time.time() + n,))) for n in range(200)]
    bad = store.submit(lambda connection: 1 / 0)
    for future in futures:
        future.result(10)
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    assert store.read("SELECT count(*) AS n FROM audit WHERE who = 'a'")[0]["n"] == 200


def test_two_nodes_in_one_folder_are_refused(opened):
    opened()
    with pytest.raises(StoreError, match="another node keeps its recordings"):
        opened()


def test_a_state_of_a_newer_version_is_refused(opened, tmp_path):
    opened().ledger.close()
    with sqlite3.connect(tmp_path / "ecg2lab-edge" / "edge.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="of version 99"):
        opened()


def test_a_file_that_is_no_database_is_refused(opened, tmp_path):
    (tmp_path / "ecg2lab-edge").mkdir()
    (tmp_path / "ecg2lab-edge" / "edge.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="edge.sqlite"):
        opened()


def test_what_is_erased_is_gone_from_the_disk(opened, record, tmp_path):
    node = opened()
    kept = answered(node, record)
    assert node.ledger.erase(kept.id, "ward")
    assert not node.ledger.erase(kept.id, "ward")
    assert node.ledger.find(kept.id) is None
    folder = tmp_path / "ecg2lab-edge" / "spool"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_many_senders_at_once_lose_nothing(opened, record):
    node = opened(workers=2)
    accepted = []

    def send(first):
        for age in range(first, 60, 4):
            accepted.append(taken(node, record, {"age": float(age)}))

    threads = [threading.Thread(target=send, args=(20 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [node.hope(each.number).result(60) for each in accepted]
    assert len({each.id for each in accepted}) == len(accepted) == 40
    assert {result.state for result in results} == {"answered"}
    ages = [msgspec.json.decode(result.answer)["patient"]["given"]["age"] for result in results]
    assert sorted(ages) == [float(age) for age in range(20, 60)]


def test_a_machine_without_room_to_read_refuses_nothing_and_answers_later(opened, record, monkeypatch):
    """Neither the file nor its reader is at fault."""
    node = opened()
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("ecg2lab.edge.helper.Path.symlink_to", lambda *_: (_ for _ in ()).throw(full))
    accepted = taken(node, record)
    time.sleep(0.3)
    assert node.ledger.kept(accepted.number).state == "waiting"
    monkeypatch.undo()
    assert node.hope(accepted.number).result(20).state == "answered"


def test_who_waits_is_told_that_there_is_no_room_to_read(opened, record, monkeypatch):
    node = opened()
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("ecg2lab.edge.helper.Path.write_bytes", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(StoreError, match="No space left"):
        node.ask(record, FACTS, origin="test", sender="cart", seconds=5)
    assert node.ledger.counts().recordings == {}
    monkeypatch.undo()
    assert node.ask(record, FACTS, origin="test", sender="cart", seconds=20).state == "answered"


def test_a_store_that_cannot_be_read_for_a_while_ends_no_worker(opened, record, monkeypatch):
    node = opened()
    accepted = taken(node, record)
    assert node.hope(accepted.number).result(20).state == "answered"
    kept, failures = node.ledger.kept, iter([StoreError("what was kept cannot be read: disk I/O error")])

    def fails_once(number):
        for failure in failures:
            raise failure
        return kept(number)

    monkeypatch.setattr(node.ledger, "kept", fails_once)
    later = taken(node, record, {"age": 50.0})
    until_answered = node._answering.hope
    time.sleep(0.2)
    assert until_answered(later.number).result(20).state == "answered"
    assert node.works()
