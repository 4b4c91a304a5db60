"""What a repository holds already is left, and what goes wrong leaves nothing behind."""

import errno
import os

import numpy as np
import pytest
from safetensors.numpy import load, save

from ecg2lab import bundle as bundles
from ecg2lab.errors import BackendError, BundleError, OutputError, ParityError
from ecg2lab_export.triton.settings import Settings


def snapshot(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_second_model_joins_a_repository_and_leaves_the_first(bundle, tmp_path, written):
    written(bundle, tmp_path, name="first")
    before = snapshot(tmp_path / "first")
    written(bundle, tmp_path, name="second")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first", "second"]
    assert snapshot(tmp_path / "first") == before


def test_a_model_of_the_same_name_is_not_overwritten(bundle, tmp_path, written):
    written(bundle, tmp_path, name="m_tensorrt")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"m_tensorrt exists; --replace"):
        written(bundle, tmp_path, name="m", tensorrt=True)
    assert snapshot(tmp_path) == before


def test_replacing_takes_the_place_of_what_was_written(bundle, tmp_path, parsed, written):
    written(bundle, tmp_path, max_batch=4)
    written(bundle, tmp_path, max_batch=8, replace=True)
    assert parsed(tmp_path / "m").max_batch_size == 8
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("what", ["added", "changed", "added folder", "foreign", "broken record", "link"])
def test_what_somebody_else_wrote_is_never_replaced(bundle, tmp_path, what, written):
    repo = tmp_path / "repo"
    written(bundle, repo)
    if what == "added":
        (repo / "m" / "notes.txt").write_text("mine")
    elif what == "changed":
        (repo / "m" / "config.pbtxt").write_text('name: "m"')
    elif what == "added folder":
        (repo / "m" / "2").mkdir()
        (repo / "m" / "2" / "model.onnx").write_bytes(b"mine")
    elif what == "foreign":
        (repo / "m" / "ecg2lab.json").unlink()
    elif what == "broken record":
        (repo / "m" / "ecg2lab.json").write_text("[]")
    elif what == "link":
        os.rename(repo / "m", tmp_path / "elsewhere")
        (repo / "m").symlink_to(tmp_path / "elsewhere")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match="added or changed since|not written by"):
        written(bundle, repo, replace=True)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("existing", [True, False])
def test_a_full_disk_leaves_nothing_behind(bundle, tmp_path, monkeypatch, existing, written):
    repo = tmp_path / "repo"
    if existing:
        written(bundle, repo, name="first")
    before = snapshot(tmp_path)
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="cannot write .*repo: No space left on device"):
        written(bundle, repo)
    assert snapshot(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == (["repo"] if existing else [])


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_move_that_fails_brings_the_old_models_back(bundle, tmp_path, monkeypatch, failing, written):
    repo = tmp_path / "repo"
    written(bundle, repo, tensorrt=True, max_batch=4)
    before = snapshot(tmp_path)
    moves = []
    rename = os.rename

    def fail_once(source, target):
        moves.append(target)
        if len(moves) == failing:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once)
    with pytest.raises(OutputError, match="cannot write"):
        written(bundle, repo, tensorrt=True, max_batch=8, replace=True)
    assert snapshot(tmp_path) == before


def test_a_file_in_place_of_the_repository_is_left(bundle, tmp_path, written):
    (tmp_path / "repo").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        written(bundle, tmp_path / "repo")
    with pytest.raises(OutputError, match="cannot write"):
        written(bundle, tmp_path / "repo" / "deeper")
    assert snapshot(tmp_path) == {"repo": b"mine"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "-a", ".a", "ä", "a\n", "x" * 101])
def test_a_name_that_is_no_folder_and_address_is_refused(name):
    with pytest.raises(OutputError, match="cannot be the name of a Triton model"):
        Settings(name=name)


def test_a_variant_whose_name_grows_too_long_is_refused_before_anything_is_written(bundle, tmp_path, written):
    with pytest.raises(OutputError, match="cannot be the name"):
        written(bundle, tmp_path / "repo", name="x" * 95, tensorrt=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings",
    [
        {"max_batch": 0},
        {"max_batch": 1025},
        {"max_batch": True},
        {"max_batch": 4.0},
        {"instances": 0},
        {"threads": 0},
        {"queue_delay_us": -1},
        {"device": "tpu"},
    ],
    ids=str,
)
def test_numbers_that_no_server_could_honour_are_refused(settings):
    with pytest.raises(BackendError, match=next(iter(settings))):
        Settings(name="m", **settings)


@pytest.mark.parametrize("cache", ["engines", "", "/a/../b", "/a\n"])
def test_an_engine_cache_that_is_no_place_on_the_server_is_refused(cache):
    with pytest.raises(OutputError, match="absolute path on the server"):
        Settings(name="m", engine_cache=cache)


def test_a_graph_that_misses_its_golden_logits_is_not_served(shift_a_bias, bundle, tmp_path, written, changed):
    moved = shift_a_bias(bundle.member(bundles.WINDOW_GRAPH))
    with pytest.raises(ParityError, match="golden logits are missed"):
        written(changed(bundle, {bundles.WINDOW_GRAPH: moved}), tmp_path / "repo")
    assert not list(tmp_path.iterdir())


def test_golden_inputs_that_do_not_fit_are_named(bundle, tmp_path, written, changed):
    golden = load(bundle.member(bundles.GOLDEN))
    for spoil in ({"signal": golden["signal"][:, :5]}, {"logits": golden["logits"][:0]}):
        content = save({**{k: np.ascontiguousarray(v) for k, v in golden.items()}, **spoil})
        with pytest.raises(BundleError, match="golden.safetensors.*not fit the contract"):
            written(changed(bundle, {bundles.GOLDEN: content}), tmp_path / "repo")
