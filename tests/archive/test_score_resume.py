"""Interrupted or out of room, the same command goes on; what changed meanwhile is scored anew, or refused."""

import errno
import json
import os
import resource
import shutil

import polars as pl
import pytest

from ecg2lab.archive import parts
from ecg2lab.errors import OutputError

pytestmark = pytest.mark.slow


def table(path):
    return pl.read_parquet(path, glob=False)


@pytest.fixture
def half_done(many, tmp_path, score_here):
    """`half_done(…)`: an archive of the test's own, of which one batch is done."""

    def interrupt(**options):
        archive = shutil.copytree(many, tmp_path / "archive")
        with pytest.raises(KeyboardInterrupt):
            score_here(archive, batches=1, **options)
        return archive

    return interrupt


def change_a_file(archive):
    path = archive / "n00000.hea"
    path.write_text(path.read_text().replace("# Age: 18", "# Age: 77"))


def add_a_file(archive):
    shutil.copy(archive / "n00002.hea", archive / "a.hea")


def remove_a_file(archive):
    (archive / "n00004.hea").unlink()


def change_nothing(archive):
    pass


@pytest.mark.parametrize("change", [change_nothing, change_a_file, add_a_file, remove_a_file])
def test_what_changed_meanwhile_is_scored_anew(tmp_path, half_done, score_here, change):
    archive = half_done()
    change(archive)
    assert (score_here(archive).resumed > 0) == (change is change_nothing)
    score_here(archive, "fresh.parquet")
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "fresh.parquet").read_bytes()


def test_other_facts_are_taken(tmp_path, half_done, score_here):
    facts = tmp_path / "facts.csv"
    facts.write_text("path,age\nn00000,50\n")
    archive = half_done(facts=facts)
    facts.write_text("path,age\nn00000,51\n")
    score_here(archive, facts=facts)
    assert table(tmp_path / "x.parquet").filter(pl.col("path") == "n00000.hea")["given_age"].item() == 51


def test_another_model_or_other_options_are_refused(half_done, score_here, bundle):
    archive = half_done()
    with pytest.raises(OutputError, match=r"begun with another model \("):
        score_here(archive, model=bundle)
    with pytest.raises(OutputError, match="begun with other options"):
        score_here(archive, out_of_range="impute")
    assert score_here(archive).resumed > 0


def test_a_table_that_is_there_is_left_alone(archive, tmp_path, score):
    (tmp_path / "x.parquet").write_text("somebody's")
    assert "x.parquet is there already" in score(archive, "x.parquet", code=1)
    assert (tmp_path / "x.parquet").read_text() == "somebody's"


class Full:
    """A disk that has room for so many parts."""

    def __init__(self, genuine, room):
        self._genuine, self._room = genuine, room

    def __call__(self, path, content, *rest):
        self._room -= path.suffix == ".parquet"
        if self._room < 0:
            raise OutputError(f"cannot write {path}: {os.strerror(errno.ENOSPC)}")
        return self._genuine(path, content, *rest)


def test_a_full_disk_ends_it_in_words_and_it_goes_on_later(many, scored, tmp_path, monkeypatch, score_here):
    with monkeypatch.context() as patched:
        patched.setattr(parts, "write_atomically", Full(parts.write_atomically, 1))
        with pytest.raises(OutputError, match="No space left on device"):
            score_here(many)
    assert len(os.listdir(tmp_path / "x.parquet.parts" / "rows")) == 1
    assert score_here(many).resumed > 0
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()


def test_a_limit_of_the_system_on_the_table_itself_is_said(many, scored, tmp_path, score):
    """Room for each part, not for all of them in one."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (scored.stat().st_size - 1, limits[1]))
    try:
        complaint = score(many, "x.parquet", code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert complaint.startswith("error: OutputError: cannot write x.parquet")
    assert not (tmp_path / "x.parquet").exists()
    assert "of them from before" in score(many, "x.parquet")


def test_killed_before_its_parts_are_gone_it_finds_that_all_is_done(archive, tmp_path, monkeypatch, score, score_here):
    with monkeypatch.context() as patched:
        patched.setattr(parts, "_clear", lambda folder: None)
        first = score_here(archive)
    assert (tmp_path / "x.parquet.parts").is_dir()
    assert json.loads(score(archive, "x.parquet", "--json"))["states"] == first.states
    assert not (tmp_path / "x.parquet.parts").exists()
    assert "is there already" in score(archive, "x.parquet", code=1)
