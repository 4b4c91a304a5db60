"""`NAME.facts.json` beside a recording in the folder of a cart."""

import json
import time
from pathlib import Path

import pytest
from edge_folder import look, names, put

from ecg2lab.edge.config import Folder
from ecg2lab.edge.inputs import folder as folders
from ecg2lab.edge.inputs.folder import Watcher

FACTS = {"age": 63, "sex": "female", "heart_rate_bpm": 81}


def sidecar(facts=FACTS):
    return facts if isinstance(facts, bytes) else json.dumps(facts).encode()


@pytest.mark.parametrize("name", ["HR06000.facts.json", "HR06000.hea.facts.json"])
@pytest.mark.parametrize("needed", ["optional", "required"])
def test_facts_go_with_the_recording(watched, record, wait_until, name, needed):
    watcher, node, folder = watched(needed)
    put(folder, {**record, name: sidecar()})
    look(watcher)
    assert names(folder) == []
    assert names(folder / "taken") == sorted([*record, name])
    wait_until(lambda: node.ledger.counts().recordings == {"answered": 1})
    note = node.ledger.kept(1).said.patient
    assert note.given["heart_rate_bpm"] == 81
    assert note.origins == dict.fromkeys(FACTS, "sidecar")


def test_the_name_with_a_suffix_goes_before(watched, record):
    watcher, node, folder = watched(start=False)
    put(folder, {**record, "HR06000.facts.json": sidecar({"age": 1}), "HR06000.hea.facts.json": sidecar({"age": 2})})
    look(watcher)
    assert node.ledger.kept(1).facts == {"age": 2}
    assert names(folder) == ["HR06000.facts.json"]


def test_a_recording_that_needs_none_is_taken_without(watched, record):
    watcher, node, folder = watched(start=False)
    put(folder, record)
    look(watcher)
    assert node.ledger.kept(1).facts == {}
    assert names(folder) == []


def test_a_recording_waits_for_the_facts_that_it_needs(watched, record):
    watcher, node, folder = watched("required", start=False)
    put(folder, record)
    look(watcher)
    assert names(folder) == sorted(record)
    put(folder, {"HR06000.facts.json": sidecar()})
    look(watcher)
    assert names(folder) == []
    assert node.ledger.kept(1).facts == FACTS


def test_facts_that_are_still_being_written_are_waited_for(watched, record):
    watcher, node, folder = watched(start=False)
    put(folder, record)
    watcher.look()
    put(folder, {"HR06000.facts.json": b'{"age": 6'})
    time.sleep(0.005)
    watcher.look()
    assert names(folder) == sorted([*record, "HR06000.facts.json"])
    put(folder, {"HR06000.facts.json": b'{"age": 63, "sex": "male"}'})
    look(watcher)
    assert node.ledger.kept(1).facts == {"age": 63, "sex": "male"}


def test_facts_alone_are_no_recording_and_wait_an_hour(watched, record, monkeypatch):
    watcher, node, folder = watched(start=False)
    put(folder, {"HR06000.facts.json": sidecar(), "other.facts.json": sidecar()})
    look(watcher)
    assert len(names(folder)) == 2
    assert node.ledger.counts().recordings == {}
    put(folder, {"HR06000.hea": record["HR06000.hea"]})  # its signals still come
    watcher.look()
    monkeypatch.setattr(folders, "_LONELY_S", 0.001)
    time.sleep(0.005)
    watcher.look()
    assert names(folder) == ["HR06000.facts.json", "HR06000.hea"]
    assert names(folder / "refused") == ["other.facts.json"]


WRONG = {
    "no JSON": b"{",
    "empty": b"",
    "a list": b"[]",
    "a field that is none": b'{"age": 63, "name": "Eva M\xc3\xbcller"}',
    "twice": b'{"age": 63, "age": 64}',
    "a word": b'{"age": "sixty-three"}',
    "another sex": b'{"sex": "unknown"}',
    "both temperatures": b'{"temperature_c": 37, "temperature_f": 98.6}',
    "not finite": b'{"age": NaN}',
    "deep": b"[" * 60_000,
    "large": b" " * 70_000 + b"{}",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_wrong_facts_refuse_the_recording_and_are_not_left_behind(watched, record, content, caplog):
    watcher, node, folder = watched(start=False)
    put(folder, {**record, "HR06000.facts.json": content})
    look(watcher)
    assert names(folder) == []
    assert names(folder / "refused") == sorted([*record, "HR06000.facts.json"])
    assert node.ledger.counts().recordings == {}
    assert "ller" not in caplog.text
    assert "HR06000" not in caplog.text


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_node_that_ends_while_it_moves_them_leaves_none_behind(watched, record, monkeypatch, tmp_path, moved):
    watcher, node, folder = watched(start=False)
    files = {**record, "HR06000.facts.json": sidecar()}
    put(folder, files)
    done, real = [], Path.replace

    def replace(path, target):
        if path.name in files:
            if len(done) == moved:
                raise KeyboardInterrupt
            done.append(path)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        look(watcher)
    monkeypatch.undo()
    watcher._held.close()
    again = Watcher(Folder(path="in"), tmp_path, node)
    again._held.close()
    assert names(folder) == []
    assert names(folder / "taken") == sorted(files)
    assert sum(node.ledger.counts().recordings.values()) == 1


def test_a_node_that_ends_before_it_moves_them_takes_the_same_recording(watched, record, monkeypatch):
    watcher, node, folder = watched(start=False)
    put(folder, {**record, "HR06000.facts.json": sidecar()})
    monkeypatch.setattr(watcher, "_move", lambda *_: None)
    look(watcher)
    monkeypatch.undo()
    look(watcher)
    assert sum(node.ledger.counts().recordings.values()) == 1


def test_the_same_ecg_with_other_facts_is_another_recording(watched, record):
    watcher, node, folder = watched(start=False)
    for age in (63, 64, 63):
        put(folder, {**record, "HR06000.facts.json": sidecar({"age": age})})
        look(watcher)
    assert sum(node.ledger.counts().recordings.values()) == 2
    assert len(names(folder / "taken")) == 9
