"""What goes wrong without anybody asking is named, counted and shown; the rest goes on, and no patient is named."""

import shutil

import msgspec
import pytest
from edge_peers import acknowledge
from prometheus_client.parser import text_string_to_metric_families

from ecg2lab.edge.clock import Clock
from ecg2lab.edge.config import Folder, Retention
from ecg2lab.edge.inputs.folder import Watcher
from ecg2lab.edge.overview import overview
from ecg2lab.edge.problems import Problems
from ecg2lab.edge.upkeep import Upkeep
from ecg2lab.errors import OutputError, OverloadError, StoreError


def told(problems):
    return [(one.where, one.type, one.message, one.times) for one in problems.latest()]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StoreError("cannot be kept: database or disk is full"), "cannot be kept: database or disk is full"),
        (PermissionError(13, "Permission denied", "/carts/Miller_John.dcm"), "Permission denied"),
        (OSError("Miller"), "OSError"),
        (KeyError("Miller"), "KeyError in ecg2lab; please report it"),
    ],
)
def test_a_problem_is_named_without_what_may_name_a_patient(error, message, caplog):
    problems = Problems()
    problems.count("folder", error)
    problems.count("folder", error)
    assert told(problems) == [("folder", type(error).__name__, message, 2)]
    assert "Miller" not in caplog.text
    assert message in caplog.text


def test_the_last_stands_first_and_their_number_is_bounded():
    problems = Problems()
    for number in range(200):
        problems.count(f"to {number}", StoreError("full"))
    assert len(problems.latest()) <= 51
    assert sum(one.times for one in problems.latest()) == 200
    problems.count("to 3", StoreError("full"))
    assert problems.latest()[0].where == "to 3"


# ---- a clock


class Time:
    def __init__(self):
        self.now, self.passed = 1e9, 100.0

    def pass_on(self, seconds, jump=0.0):
        self.now += seconds + jump
        self.passed += seconds

    def clock(self):
        return Clock(lambda: self.now, lambda: self.passed)


@pytest.mark.parametrize(
    ("jump", "said"),
    [(0, None), (1, None), (-1, None), (3600, "forward by 3600 s"), (-86400, "back by 86400 s")],
)
def test_a_clock_that_jumps_is_noticed_once(jump, said):
    time = Time()
    clock = time.clock()
    time.pass_on(60, jump)
    found = clock.jumped()
    assert (found is None) == (said is None)
    assert said is None or said in str(found)
    time.pass_on(60)
    assert clock.jumped() is None


def test_after_a_jump_messages_go_at_once_and_nothing_is_erased_by_age(opened, receiving, record, wait_until):
    """A message whose next attempt was appointed by another clock would else wait for hours."""
    receiver = receiving(lambda count, message: acknowledge(message, "AE" if count == 1 else "AA"))
    retry = {"first_s": 86400, "longest_s": 86400, "acknowledged_s": 1}
    hl7 = {"kind": "hl7", "name": "record", "host": "127.0.0.1", "port": receiver.port, "pdf": False, "retry": retry}
    node, time = opened(destinations=[hl7]), Time()
    accepted = node.accept(record, {}, origin="test", sender="cart")
    wait_until(
        lambda: node.ledger.deliveries(accepted.number)[:1] and node.ledger.deliveries(accepted.number)[0]["attempts"]
    )
    everything = Retention(days=1e-9, audit_days=1e-9)
    upkeep = Upkeep(everything, node.ledger, node.drift, node.problems, node._wake, time.clock())
    time.pass_on(60, 1e9)
    upkeep.look()
    assert told(node.problems)[0][:3] == (
        "clock",
        "ClockError",
        "the clock of this machine was set forward by 1000000000 s",
    )
    wait_until(lambda: node.ledger.deliveries(accepted.number)[0]["state"] == "acknowledged")
    time.pass_on(60)
    upkeep.look()
    assert node.ledger.kept(accepted.number) is not None


# ---- shown


def counted(node):
    families = text_string_to_metric_families(node.metrics.text().decode())
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def watching(node, tmp_path):
    return Watcher(Folder(path="in", settled_s=1e-9), tmp_path, node)


def test_a_file_that_cannot_be_moved_holds_up_no_other(opened, record, tmp_path, monkeypatch):
    node = opened(start=False)
    watcher = watching(node, tmp_path)
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    move = watcher._move

    def stuck(paths, place):
        if any(path.name == "a.csv" for path in paths):
            raise OutputError("cannot write a file: Read-only file system")
        move(paths, place)

    monkeypatch.setattr(watcher, "_move", stuck)
    watcher.look()
    watcher.look()
    assert (tmp_path / "in" / "a.csv").exists()
    assert {path.name for path in (tmp_path / "in" / "taken").iterdir()} == {"b.csv", "c.csv"}
    (problem,) = overview(node, ())["problems"]
    assert (problem["where"], problem["type"]) == ("folder", "OutputError")
    assert counted(node)["ecg2lab_problems_total", "OutputError", "folder"] == problem["times"] >= 1
    watcher._held.close()


def test_a_full_disk_is_shown_until_there_is_room(opened, record, monkeypatch):
    node = opened(start=False)
    assert overview(node, ())["why_not_ready"] is None

    class Full:
        free = 0

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Full)
    monkeypatch.setattr(node, "configuration", _with_least_free(node.configuration))
    assert "the disk has 0 MB left" in overview(node, ())["why_not_ready"]
    with pytest.raises(OverloadError):
        node.accept(record, {}, origin="test", sender="cart")

    def gone(_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(shutil, "disk_usage", gone)
    assert overview(node, ())["why_not_ready"] == "the node's folder cannot be used: No such file or directory"


def _with_least_free(configuration):
    limits = msgspec.structs.replace(configuration.limits, least_free_mb=200)
    return msgspec.structs.replace(configuration, limits=limits)


def test_a_destination_that_cannot_keep_what_it_did_is_counted_by_its_name(
    opened, receiving, record, wait_until, monkeypatch
):
    receiver = receiving()
    hl7 = {"kind": "hl7", "name": "record", "host": "127.0.0.1", "port": receiver.port, "pdf": False}
    node = opened(destinations=[hl7], start=False)

    def full(*_, **__):
        raise StoreError("cannot be kept: database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(node.ledger, "settle", full)
        node.start()
        accepted = node.accept(record, {}, origin="test", sender="cart")
        wait_until(lambda: node.problems.latest())
    assert told(node.problems)[0][:2] == ("to record", "StoreError")
    wait_until(lambda: node.ledger.deliveries(accepted.number)[0]["state"] == "acknowledged")
