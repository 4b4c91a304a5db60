"""The order of what is owed, and what survives."""

import os
import sys
import threading
from hashlib import sha256

import pytest

from ecg2lab.edge.ledger import Ledger, Owed, Result

TO, MODEL = "record", "m" * 64


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "state")
    yield ledger
    ledger.close()


def take(ledger, *contents):
    """Recordings, one of each content."""
    return [ledger.take({"a.csv": content}, {}, MODEL, "test", "cart")[0] for content in contents]


def finish(ledger, kept, patient, state="answered"):
    source = None if patient is None else {"patient_id": patient}
    return ledger.finish(kept, Result(state, b"{}" if state != "set aside" else None, source, None), [TO])


def owed(ledger):
    """What would be sent one after the other, were all acknowledged."""
    order = []
    while isinstance(next_one := ledger.owed(TO), Owed):
        order.append(next_one.number)
        ledger.settle(next_one.number, TO, state="acknowledged")
    return order


def contents(tmp_path):
    return sorted(path.read_bytes() for path in (tmp_path / "state" / "spool").rglob("*") if path.is_file())


def test_what_is_kept_in_memory_is_what_is_on_the_disk(ledger):
    files = {"b.hea": b"header", "a.mat": b"signal"}
    kept, new = ledger.take(files, {"age": 63.0}, MODEL, "test", "cart")
    assert new
    assert ledger.kept(kept.number) == ledger.find(kept.id) == kept
    assert [(file.name, file.path.read_bytes()) for file in kept.files] == list(files.items())
    assert ledger.take(files, {"age": 63.0}, MODEL, "test", "other") == (kept, False)
    answered = finish(ledger, kept, "A")
    assert ledger.kept(kept.number) == answered


def test_nothing_overtakes_what_still_waits_for_its_answer(ledger):
    first, second, third = take(ledger, b"1", b"2", b"3")
    finish(ledger, third, "B")
    finish(ledger, second, "A")
    assert ledger.owed(TO) is None
    finish(ledger, first, "A")
    assert owed(ledger) == [first.number, second.number, third.number]


def test_of_one_patient_nothing_overtakes_a_repeat_and_other_patients_do(ledger):
    every = take(ledger, b"1", b"2", b"3", b"4", b"5")
    for kept, patient in zip(every, ["A", "B", "A", None, None], strict=True):
        finish(ledger, kept, patient)
    numbers = [kept.number for kept in every]
    ledger.settle(numbers[0], TO, due=4e9, attempts=1, problem="down")
    ledger.settle(numbers[3], TO, due=4e9, attempts=1, problem="down")
    assert owed(ledger) == [numbers[1], numbers[4]]
    assert ledger.owed(TO) > 1e9
    ledger.settle(numbers[0], TO, due=0)
    assert owed(ledger) == [numbers[0], numbers[2]]


def test_what_is_set_aside_holds_nobody_up(ledger):
    first, second, third = take(ledger, b"1", b"2", b"3")
    finish(ledger, first, "A", "set aside")
    finish(ledger, second, "A")
    finish(ledger, third, "A")
    ledger.settle(second.number, TO, state="set aside", problem="AR")
    assert owed(ledger) == [third.number]


def test_an_answer_is_kept_once(ledger):
    (kept,) = take(ledger, b"1")
    finish(ledger, kept, "A")
    ledger.settle(kept.number, TO, message=b"first", state="acknowledged")
    assert finish(ledger, kept, "A") is None  # a second worker would be a fault
    assert ledger.kept(kept.number).state == "answered"
    assert ledger.deliveries(kept.number)[0]["state"] == "acknowledged"
    assert ledger.owed(TO) is None


def test_all_is_there_after_it_was_opened_again(tmp_path):
    ledger = Ledger(tmp_path / "state")
    (kept,) = take(ledger, b"1")
    finish(ledger, kept, "A")
    ledger.settle(kept.number, TO, message=b"the message")
    ledger.close()
    again = Ledger(tmp_path / "state")
    assert again.owed(TO) == Owed(kept.number, b"the message", 0)
    assert contents(tmp_path) == [b"1"]
    again.close()


def test_what_was_not_taken_to_the_end_is_gone_at_the_next_start(tmp_path):
    ledger = Ledger(tmp_path / "state")
    take(ledger, b"1")
    ledger._spool.put(b"half a recording", sha256(b"half a recording").hexdigest())
    ledger.close()
    (tmp_path / "state" / "spool" / "aa").mkdir(exist_ok=True)
    (tmp_path / "state" / "spool" / "aa" / ("aa" * 32 + ".newdead")).write_bytes(b"half a file")
    Ledger(tmp_path / "state").close()
    assert contents(tmp_path) == [b"1"]


def test_what_is_old_is_erased_unless_it_is_still_owed(ledger, tmp_path):
    done, still_owed, waiting = take(ledger, b"done", b"owed", b"waiting")
    finish(ledger, done, "A")
    finish(ledger, still_owed, "A")
    ledger.settle(done.number, TO, state="acknowledged")
    assert ledger.expire(0, 0) == 0
    assert ledger.expire(4e9, 4e9) == 1
    assert ledger.kept(done.number) is None
    assert ledger.kept(still_owed.number).state == "answered"
    assert ledger.kept(waiting.number).state == "waiting"
    assert contents(tmp_path) == [b"owed", b"waiting"]


def test_a_file_of_two_recordings_stays_until_both_are_erased(ledger, tmp_path):
    first, _ = ledger.take({"a": b"shared"}, {"age": 1.0}, MODEL, "test", "cart")
    second, _ = ledger.take({"b": b"shared"}, {"age": 2.0}, MODEL, "test", "cart")
    assert ledger.erase(first.id, "ward")
    assert contents(tmp_path) == [b"shared"]
    assert ledger.erase(second.id, "ward")
    assert contents(tmp_path) == []


def test_what_is_taken_while_the_same_is_erased_keeps_its_files(ledger):
    """Erasing and taking the same bytes again and again: whoever was told that it is taken finds its file."""
    ending, lost = threading.Event(), []

    def erase():
        while not ending.is_set():
            for row in ledger._store.read("SELECT id FROM recordings"):
                ledger.erase(row["id"], "ward")

    thread = threading.Thread(target=erase)
    thread.start()
    try:
        for age in range(150):
            kept, _ = ledger.take({"a": b"the same bytes"}, {"age": float(age)}, MODEL, "test", "cart")
            found = ledger.find(kept.id)
            if found is not None and not found.files[0].path.exists() and ledger.find(kept.id) is not None:
                lost.append(age)
    finally:
        ending.set()
        thread.join()
    assert lost == []


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are POSIX's")
def test_nobody_else_may_read_what_is_kept(tmp_path):
    before = os.umask(0)
    try:
        ledger = Ledger(tmp_path / "state")
        ledger.take({"a": b"bytes"}, {"age": 63.0}, MODEL, "test", "cart")
        kept = [path for path in (tmp_path / "state").rglob("*") if path.name != "lock"]
        assert not [path.name for path in (tmp_path / "state", *kept) if path.stat().st_mode & 0o077]
        ledger.close()
    finally:
        os.umask(before)
