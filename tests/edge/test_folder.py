"""A folder of a cart: whole files, exactly once."""

import os
from pathlib import Path

import pytest
from edge_folder import look, names, put

from ecg2lab.edge.config import Folder
from ecg2lab.edge.inputs.folder import Watcher
from ecg2lab.errors import OverloadError, StoreError


def test_a_record_is_taken_whole_and_moved_away(watched, record, wait_until):
    watcher, node, folder = watched()
    put(folder, record)
    look(watcher)
    assert names(folder) == []
    assert names(folder / "taken") == ["HR06000.hea", "HR06000.mat"]
    wait_until(lambda: node.ledger.counts().recordings == {"answered": 1})


@pytest.mark.parametrize("first", ["HR06000.hea", "HR06000.mat"])
def test_files_that_belong_together_wait_for_each_other(watched, record, first):
    watcher, node, folder = watched()
    put(folder, {first: record[first]})
    look(watcher)
    assert names(folder) == [first]
    assert node.ledger.counts().recordings == {}
    put(folder, record)
    look(watcher)
    assert names(folder / "taken") == ["HR06000.hea", "HR06000.mat"]


def test_a_file_that_is_still_being_written_is_left_alone(watched, record):
    watcher, _, folder = watched(settled_s=3600)
    put(folder, record)
    look(watcher)
    assert names(folder) == sorted(record)


def test_a_file_that_grows_is_left_alone(watched):
    watcher, _, folder = watched()
    for content in (b"1", b"12", b"123"):
        put(folder, {"a.csv": content})
        os.utime(folder / "a.csv", ns=(len(content), len(content)))
        watcher.look()
        assert names(folder) == ["a.csv"]


def test_what_was_taken_before_a_crash_is_not_taken_twice(watched, record, monkeypatch):
    watcher, node, folder = watched()
    put(folder, record)
    monkeypatch.setattr(watcher, "_move", lambda *_: None)  # it ends in between
    look(watcher)
    monkeypatch.undo()
    look(watcher)
    assert names(folder / "taken") == sorted(record)
    assert sum(node.ledger.counts().recordings.values()) == 1


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_files_that_were_being_moved_are_moved_by_the_next_node(watched, record, monkeypatch, tmp_path, moved):
    """And a file that came under an old name meanwhile stays."""
    watcher, node, folder = watched()
    put(folder, record)
    done, real = [], Path.replace

    def replace(path, target):
        if path.suffix in (".hea", ".mat") and len(done) == moved:
            raise KeyboardInterrupt
        done.append(path)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    if moved < 2:
        with pytest.raises(KeyboardInterrupt):
            look(watcher)
    else:
        look(watcher)
    monkeypatch.undo()
    watcher._held.close()
    for path in done:
        put(folder, {path.name: b"another file"})
    again = Watcher(Folder(path="in"), tmp_path, node)
    assert names(folder / "taken") == sorted(record)
    assert names(folder) == sorted(path.name for path in done)
    assert {(folder / "taken" / name).read_bytes() for name in record} == set(record.values())
    again._held.close()


def test_the_same_file_again_is_moved_and_answered_once(watched, record):
    watcher, node, folder = watched()
    for _ in range(2):
        put(folder, record)
        look(watcher)
    assert names(folder / "taken") == ["HR06000-2.hea", "HR06000-2.mat", "HR06000.hea", "HR06000.mat"]
    assert sum(node.ledger.counts().recordings.values()) == 1


def test_what_is_no_file_of_a_recording_is_put_aside(watched):
    watcher, _, folder = watched()
    put(folder, {"empty.dcm": b""})
    look(watcher)
    assert names(folder / "refused") == ["empty.dcm"]


def test_links_folders_and_hidden_files_are_left_alone(watched, tmp_path):
    watcher, node, folder = watched()
    (folder / "sub").mkdir()
    put(folder / "sub", {"a.csv": b"1"})
    put(folder, {".b.csv.part": b"1"})
    (folder / "c.csv").symlink_to("/etc/passwd")
    os.mkfifo(folder / "d.csv")
    look(watcher)
    assert node.ledger.counts().recordings == {}
    assert (folder / "c.csv").is_symlink()


def test_while_the_node_is_full_the_files_wait(watched, record):
    watcher, _, folder = watched(limits={"least_free_mb": 1e9})
    put(folder, record)
    with pytest.raises(OverloadError):
        look(watcher)
    assert names(folder) == sorted(record)


def test_two_nodes_on_one_folder_are_refused(watched, tmp_path):
    _, node, _ = watched()
    with pytest.raises(StoreError, match="another node watches the folder"):
        Watcher(Folder(path="in"), tmp_path, node)


def test_it_works_on_its_own(watched, record, wait_until):
    watcher, node, folder = watched()
    watcher._told = Folder(path="in", settled_s=0.05, every_s=0.02)
    watcher.start()
    put(folder, record)
    wait_until(lambda: node.ledger.counts().recordings == {"answered": 1})
    watcher.stop()
