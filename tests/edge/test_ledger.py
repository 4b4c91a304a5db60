"""The order of what is owed, and what survives."""

import pytest

from ecg2lab.edge.ledger import Ledger, Owed, Result

TO = "record"


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "state")
    yield ledger
    ledger.close()


def insert(ledger, name):
    return ledger.insert(name * 40, {"a": name * 64}, {}, "test", "cart")[0]


def finish(ledger, number, patient, state="answered"):
    source = None if patient is None else {"patient_id": patient}
    ledger.finish(number, Result(state, b"{}" if state != "set aside" else None, source, None), [TO])


def owed(ledger):
    """What would be sent one after the other, were all acknowledged."""
    order = []
    while isinstance(next_one := ledger.owed(TO), Owed):
        order.append(next_one.number)
        ledger.settle(next_one.number, TO, state="acknowledged")
    return order


def test_nothing_overtakes_what_still_waits_for_its_answer(ledger):
    first, second, third = (insert(ledger, name) for name in "abc")
    finish(ledger, third, "B")
    finish(ledger, second, "A")
    assert ledger.owed(TO) is None
    finish(ledger, first, "A")
    assert owed(ledger) == [first, second, third]


def test_of_one_patient_nothing_overtakes_a_repeat_and_other_patients_do(ledger):
    numbers = [insert(ledger, name) for name in "abcde"]
    for number, patient in zip(numbers, ["A", "B", "A", None, None], strict=True):
        finish(ledger, number, patient)
    ledger.settle(numbers[0], TO, due=4e9, attempts=1, problem="down")
    ledger.settle(numbers[3], TO, due=4e9, attempts=1, problem="down")
    assert owed(ledger) == [numbers[1], numbers[4]]
    assert ledger.owed(TO) > 1e9
    ledger.settle(numbers[0], TO, due=0)
    assert owed(ledger) == [numbers[0], numbers[2]]


def test_what_is_set_aside_holds_nobody_up(ledger):
    numbers = [insert(ledger, name) for name in "abc"]
    finish(ledger, numbers[0], "A", "set aside")
    finish(ledger, numbers[1], "A")
    finish(ledger, numbers[2], "A")
    ledger.settle(numbers[1], TO, state="set aside", problem="AR")
    assert owed(ledger) == [numbers[2]]


def test_an_answer_is_kept_once(ledger):
    number = insert(ledger, "a")
    finish(ledger, number, "A")
    ledger.settle(number, TO, message=b"first", state="acknowledged")
    finish(ledger, number, "A")  # a second worker would be a fault
    assert ledger.kept(number).state == "answered"
    assert ledger.deliveries(number)[0]["state"] == "acknowledged"
    assert ledger.owed(TO) is None


def test_all_is_there_after_it_was_opened_again(tmp_path):
    ledger = Ledger(tmp_path / "state")
    number = insert(ledger, "a")
    finish(ledger, number, "A")
    ledger.settle(number, TO, message=b"the message")
    digests = ledger.spool({"x": b"content"})
    ledger.close()
    again = Ledger(tmp_path / "state")
    assert again.owed(TO) == Owed(number, b"the message", 0)
    assert again.spool({"y": b"content"})["y"] == digests["x"]
    assert again.sweep() == 1  # of no recording
    again.close()


def test_what_is_old_is_erased_unless_it_is_still_owed(ledger, tmp_path):
    digests = ledger.spool({"x": b"content"})
    done = ledger.insert("d" * 40, digests, {}, "test", "cart")[0]
    owed_still = ledger.insert("e" * 40, {"a": "e" * 64}, {}, "test", "cart")[0]
    waiting = insert(ledger, "f")
    finish(ledger, done, "A")
    finish(ledger, owed_still, "A")
    ledger.settle(done, TO, state="acknowledged")
    assert ledger.expire(0, 0) == 0
    assert ledger.expire(4e9, 4e9) == 1
    assert ledger.kept(done) is None
    assert ledger.kept(owed_still).state == "answered"
    assert ledger.kept(waiting).state == "waiting"
    assert not [path for path in (tmp_path / "state" / "spool").rglob("*") if path.is_file()]
