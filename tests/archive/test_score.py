"""The table of an archive: what `predict` says of each file, whatever the number of workers; nothing is lost."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess

import msgspec
import polars as pl
import pytest
from command_line import ecg2lab_command

import ecg2lab
from ecg2lab.archive import listing, scoring
from ecg2lab.archive.run import Summary
from ecg2lab.demo import bundle_path
from ecg2lab.errors import BackendError, RecordingError
from ecg2lab.patient import Patient

pytestmark = pytest.mark.slow


def table(path):
    return pl.read_parquet(path, glob=False)


def by_path(path):
    return {row["path"]: row for row in table(path).iter_rows(named=True)}


def predicted(archive, paths, *options):
    """What `predict` says, where the archive is the current folder."""
    result = ecg2lab_command("predict", bundle_path(), *paths, "--format", "json", *options, cwd=archive)
    return [json.loads(line) for line in result.stdout.splitlines()]


def require_alike(row, said):
    """A row against a line of `predict`."""
    assert row["path"] == said["record"]
    if "error" in said:
        assert (row["error_type"], row["error_message"]) == (said["error"]["type"], said["error"]["message"])
        quality = said.get("quality")
    else:
        assert (row["state"], row["error_type"]) == ("answered", None)
        for finding in said["findings"]:
            assert row[f"probability_{finding['target']}"] == finding["probability"]
            assert row[f"verdict_{finding['target']}"] == finding["verdict"]
            assert row[f"ratio_{finding['target']}"] == finding["ratio"]
        recording, patient = said["recording"], said["patient"]
        for name in ("duration_s", "sampling_rate_hz", "windows", "unused_s", "derived_leads", "file_notes"):
            assert row[name] == recording[name]
        for name in Patient.__struct_fields__:
            assert row[f"given_{name}"] == patient["given"].get(name)
        assert row["imputed"] == list(patient["imputed"])
        assert (row["from_recording"], row["unused_facts"]) == (patient["from_recording"], patient["unused"])
        quality = recording["quality"]
        if said.get("experience"):
            assert row["experience_distance"] == said["experience"]["distance"]
            assert row["experience_outside"] == said["experience"]["outside"]
    assert row["quality"] == (quality and quality["verdict"])
    kept = [] if quality is None else quality["faults"]
    assert [fault["message"] for fault in row["quality_faults"] or ()] == [fault["message"] for fault in kept]


@pytest.mark.parametrize("facts", [{}, {"age": "63", "sex": "female", "heart_rate_bpm": "80"}], ids=["none", "some"])
def test_a_row_says_what_predict_says(archive, tmp_path, score, facts):
    (archive / "notes.txt").write_text("no ECG")
    (archive / "empty.csv").touch()
    paths = sorted(str(path.relative_to(archive)) for path in archive.rglob("*.*") if path.is_file())
    (tmp_path / "facts.csv").write_text(
        "\n".join([",".join(["path", *facts]), *(",".join([path, *facts.values()]) for path in paths)])
    )
    score(archive, "x.parquet", "--facts", "facts.csv")
    rows = by_path(tmp_path / "x.parquet")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in facts.items()]
    said = predicted(archive, list(rows), *options)
    assert len(said) == len(rows) > 20
    for line in said:
        require_alike(rows[line["record"]], line)
    assert {row["state"] for row in rows.values()} == {"answered", "refused"}


def test_any_number_of_workers_gives_the_same_bytes(many, scored, tmp_path, score):
    score(many, "x.parquet", "--workers", 3)
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()
    assert os.listdir(tmp_path) == ["x.parquet"]


def test_every_file_has_its_row_in_the_order_of_paths(many, scored):
    names = sorted(set(os.listdir(many)) - {"HR06000.mat"})
    rows = table(scored)
    assert rows["path"].to_list() == names
    assert set(rows["notice"]) == {"synthetic weights, not for clinical use"}
    assert len(set(rows["model_digest"])) == 1
    assert pl.read_parquet_metadata(scored)["notice"] == rows["notice"][0]
    assert (rows["state"] == "refused").sum() == sum(name.endswith(".txt") for name in names)


def test_the_digest_is_that_of_common_programs(archive, tmp_path, score_here):
    score_here(archive)
    rows = by_path(tmp_path / "x.parquet")
    single = archive / "field" / "plain.csv"
    assert rows["field/plain.csv"]["sha256"] == hashlib.sha256(single.read_bytes()).hexdigest()
    shell = "sha256sum HR06000.hea HR06000.mat | cut -d' ' -f1 | sort | sha256sum"
    printed = subprocess.run(["bash", "-c", shell], cwd=archive, capture_output=True, text=True, check=True).stdout
    assert rows["HR06000.hea"]["sha256"] == printed.split()[0]


def test_the_summary_counts_the_rows(archive, tmp_path, score):
    (tmp_path / "facts.csv").write_text("path,age,ward\nHR06000,50,A\nnobody,60,B\n")
    printed = score(archive, "x.parquet", "--json", "--facts", "facts.csv")
    summary = json.loads(printed)
    msgspec.json.decode(printed, type=Summary)
    assert (summary["facts"], summary["columns_left_aside"], summary["facts_unused"]) == (["age"], ["ward"], 1)
    rows = table(tmp_path / "x.parquet")
    assert summary["rows"] == len(rows)
    assert summary["states"] == dict(rows["state"].value_counts().iter_rows())
    assert summary["errors"] == dict(rows["error_type"].drop_nulls().value_counts().iter_rows())


def odd_names(folder):
    """Names that are no text, or that would move what is printed."""
    for name in (b"\xff\xfe.csv", b"\xff\xfd.csv", b"line\nbreak.csv", "päivä 心.csv".encode(), b"-x.csv", b"[a].csv"):
        shutil.copy(folder / "field" / "plain.csv", os.path.join(os.fsencode(folder), name))


def test_names_that_are_no_text_are_told_apart(archive, tmp_path, score_here):
    odd_names(archive)
    score_here(archive)
    rows = table(tmp_path / "x.parquet")
    exact = {bytes(row["path_bytes"] or row["path"].encode()): row for row in rows.iter_rows(named=True)}
    assert len(exact) == len(rows)
    for name, row in exact.items():
        assert os.path.exists(os.path.join(os.fsencode(archive), name))
        assert row["path"].isprintable()
    assert exact[b"\xff\xfe.csv"]["state"] == exact[b"line\nbreak.csv"]["state"] == "answered"
    assert exact[b"[a].csv"]["path_bytes"] is None


def test_what_is_no_file_is_a_row_and_circles_end(archive, tmp_path, score_here):
    (archive / "again").symlink_to(archive)
    (archive / "linked.csv").symlink_to(archive / "field" / "plain.csv")
    (archive / "nowhere.csv").symlink_to("gone.csv")
    (archive / "round.csv").symlink_to("round.csv")
    os.mkfifo(archive / "pipe.csv")
    (archive / ".hidden").mkdir()
    (archive / ".hidden" / "x.csv").touch()
    deep = archive / "/".join(["d"] * 300)
    deep.mkdir(parents=True)
    shutil.copy(archive / "field" / "plain.csv", deep)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(archive / "socket"))
        score_here(archive)
    rows = by_path(tmp_path / "x.parquet")
    assert rows["linked.csv"]["state"] == "answered"
    assert rows[f"{'d/' * 300}plain.csv"]["state"] == "answered"
    for name in ("again", "nowhere.csv", "round.csv", "pipe.csv", "socket"):
        assert (rows[name]["state"], rows[name]["error_type"], rows[name]["sha256"]) == (
            "refused",
            "RecordingError",
            None,
        )
    assert "is a link to a folder" in rows["again"]["error_message"]
    assert not [path for path in rows if "hidden" in path or path.startswith("again/")]


def test_a_folder_that_cannot_be_read_is_a_row(archive, tmp_path, score_here):
    """Whose path is longer than the system takes: the tests may run as root, who can read all others."""
    here, name = os.getcwd(), "d" * 250
    try:
        os.chdir(archive)
        for _ in range(17):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(here)
    score_here(archive)
    rows = by_path(tmp_path / "x.parquet")
    (refused,) = (row for path, row in rows.items() if path.startswith(name))
    assert "cannot read folder" in refused["error_message"]
    assert rows["HR06000.hea"]["state"] == "answered"
    shutil.rmtree(archive)


def test_files_that_belong_together_are_one_row(archive, tmp_path, score_here):
    """Also where they contradict each other, or are not all there."""
    (archive / "lonely.hea").write_text((archive / "HR06000.hea").read_text().replace("HR06000.mat", "gone.mat"))
    (archive / "orphan.dat").write_bytes(b"\0" * 100)
    (archive / "a.hea").write_text("a/1 12 500 5000\nb 5000\n")
    (archive / "b.hea").write_text("b/1 12 500 5000\na 5000\n")
    (archive / "whole.hea").write_text("whole/2 12 500 10000\nHR06000 5000\nHR06000 5000\n")
    (archive / "self.hea").write_text("self/1 12 500 5000\nself 5000\n")
    score_here(archive)
    rows = by_path(tmp_path / "x.parquet")
    assert "names gone.mat" in rows["lonely.hea"]["error_message"]
    for name in ("lonely.hea", "orphan.dat", "a.hea", "b.hea", "self.hea"):
        assert rows[name]["state"] == "refused"
    assert (rows["whole.hea"]["state"], rows["whole.hea"]["duration_s"]) == ("answered", 20)
    assert "HR06000.hea" not in rows


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_paths_is_an_archive(archive, tmp_path, score_here, suffix):
    paths = ["HR06000", str(archive / "HR06000.hea"), "field/plain.csv", "gone.csv", "HR06000.mat"]
    ages = [60.0, None, 70.0, 50.0, 61.0]
    listed = pl.DataFrame({"path": paths, "age": ages, "ward": list("abcde")})
    listed.write_csv(archive / "list.csv") if suffix == "csv" else listed.write_parquet(archive / "list.parquet")
    summary = score_here(archive / f"list.{suffix}")
    assert (summary.facts, summary.columns_left_aside, summary.facts_unused) == (("age",), ("ward",), 0)
    rows = by_path(tmp_path / "x.parquet")
    assert {path: row["given_age"] for path, row in rows.items()} == {
        "HR06000": 60, "HR06000.hea": 59, "HR06000.mat": 61, "field/plain.csv": 70, "gone.csv": None
    }  # fmt: skip
    assert "there is no recording at gone.csv" in rows["gone.csv"]["error_message"]
    assert len({rows[name]["sha256"] for name in ("HR06000", "HR06000.hea", "HR06000.mat")}) == 1


def test_facts_are_matched_by_path_or_id_and_a_wrong_one_refuses_its_row(archive, tmp_path, score_here):
    (tmp_path / "facts.csv").write_text("id,age,sex\nHR06000,64,female\nplain,sixty,\nclean.dcm,1,\nnobody,5,\n")
    (archive / "field" / "clean.dcm").rename(archive / "field" / "00123.dcm")
    with (tmp_path / "facts.csv").open("a") as file:
        file.write("00123,1e400,\ntwo,,male\n")
    assert score_here(archive, facts=tmp_path / "facts.csv").facts_unused == 2
    rows = by_path(tmp_path / "x.parquet")
    assert (rows["HR06000.hea"]["given_age"], rows["HR06000.hea"]["given_sex"]) == (64, "female")
    assert rows["field/two.hea"]["given_sex"] == "male"
    for path in ("field/plain.csv", "field/00123.dcm"):
        assert rows[path]["error_type"] == "PatientError"
        assert rows[path]["sha256"] is not None
        assert "sixty" not in rows[path]["error_message"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("path,age\nHR06000,5\n./HR06000,6\n", "names HR06000 twice"),
        ("path,age\n,5\n", "has a row without 'path'"),
        ("age\n5\n", "has no column 'path', nor 'id'"),
        ("", "it is no table of that form"),
        ("id,age\nHR06000,50\n", "two recordings are called so, field/HR06000.csv the second"),
    ],
)
def test_facts_that_can_belong_to_nobody_or_to_two_end_it_before_it_begins(archive, tmp_path, score_here, table, words):
    (tmp_path / "facts.csv").write_text(table)
    (archive / "field" / "plain.csv").rename(archive / "field" / "HR06000.csv")
    with pytest.raises(RecordingError, match=re.escape(words)):
        score_here(archive, facts=tmp_path / "facts.csv", batches=0)


def test_an_archive_of_nothing_is_refused(tmp_path, score_here):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").touch()
    with pytest.raises(RecordingError, match="there is no file in"):
        score_here(tmp_path / "empty")
    (tmp_path / "list.csv").write_text("path\n")
    with pytest.raises(RecordingError, match="there is no file in"):
        score_here(tmp_path / "list.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(RecordingError, match=r"cannot read .*pipe\.csv: it is no regular file"):
        score_here(tmp_path / "pipe.csv")
    assert not (tmp_path / "x.parquet.parts").exists()


def test_a_table_within_the_archive_is_no_recording(archive, tmp_path, score_here):
    score_here(archive, "outside.parquet")
    score_here(archive, "archive/inside.parquet")
    assert (archive / "inside.parquet").read_bytes() == (tmp_path / "outside.parquet").read_bytes()


def test_an_engine_that_computes_no_more_ends_it(archive):
    """As after a lost GPU: it is no fault of the recordings that follow."""
    engine = ecg2lab.load(bundle_path(), threads=1)
    engine.close()
    listed = list(listing.walk(archive, archive / "none"))
    with pytest.raises(BackendError, match="closed"):
        list(scoring.score(engine, str(archive), listed, lambda *_: None))
