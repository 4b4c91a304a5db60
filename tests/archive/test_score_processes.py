"""Processes that are killed, crash, hang or are interrupted: the same command goes on, and the table is the same."""

import json
import os
import random
import shutil
import signal
import time

import polars as pl
import pytest

pytestmark = pytest.mark.slow


def table(path):
    return pl.read_parquet(path, glob=False)


def wait_for(happened, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def batches_done(tmp_path):
    return len(list((tmp_path / "x.parquet.parts" / "rows").glob("*.parquet")))


@pytest.mark.parametrize(("kills", "seed"), [(3, 1), pytest.param(30, 2, marks=pytest.mark.soak)])
def test_killed_at_random_moments_it_goes_on(many, scored, tmp_path, command, workers_of, ended, kills, seed):
    draw = random.Random(seed)
    for _ in range(kills):
        process = command().start(many, "x.parquet", "--workers", 2)
        until = batches_done(tmp_path) + draw.choice([0, 1])
        moment = time.monotonic() + draw.uniform(0.1, 1.5)
        wait_for(lambda p=process, t=moment, n=until: p.poll() is not None or (
            time.monotonic() > t and batches_done(tmp_path) >= n
        ))  # fmt: skip
        workers = workers_of(process)
        process.kill()
        process.communicate()
        wait_for(lambda ids=workers: all(map(ended, ids)))
        if (tmp_path / "x.parquet").exists():  # it was as good as done
            assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()
            command().run(many, "x.parquet", code=0 if (tmp_path / "x.parquet.parts").exists() else 1)
            (tmp_path / "x.parquet").unlink()
    command().run(many, "x.parquet", "--workers", 2)
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()
    assert os.listdir(tmp_path) == ["x.parquet"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_interrupted_it_ends_quietly_and_goes_on(
    many, scored, tmp_path, spoilt, command, workers_of, ended, number, code
):
    process = spoilt.start(many, "x.parquet", "--workers", 2)
    wait_for(lambda: batches_done(tmp_path) > 0)
    workers = workers_of(process)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output, complaint.strip()) == (code, "", "")
    wait_for(lambda: all(map(ended, workers)))
    summary = json.loads(command().run(many, "x.parquet", "--json"))
    assert 0 < summary["resumed"] < summary["rows"]
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()


def test_a_worker_that_is_killed_costs_nothing_but_time(many, scored, tmp_path, spoilt, workers_of, ended):
    """In the middle of a file; and two commands on one table are one too many."""
    process = spoilt.start(many, "x.parquet", "--workers", 1)
    wait_for(lambda: batches_done(tmp_path) > 2)  # all but the last, whose last file waits
    assert "another command writes x.parquet" in spoilt.run(many, "x.parquet", code=1)
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: ended(worker))
    (tmp_path / "go").touch()
    output, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, (output, complaint)
    assert (tmp_path / "x.parquet").read_bytes() == scored.read_bytes()


def test_one_that_crashes_its_reader_or_holds_it_up_is_refused_and_the_rest_goes_on(
    archive, tmp_path, spoilt, score_here
):
    score_here(archive, "without.parquet")
    names = ("crash1.csv", "crash2.csv", "hang.csv")
    for name in names:
        shutil.copy(archive / "field" / "plain.csv", archive / name)
    spoilt.run(archive, "x.parquet", "--read-s", 2, "--workers", 1)
    rows = table(tmp_path / "x.parquet")
    said = dict(rows.filter(pl.col("path").is_in(names)).select("path", "error_message").iter_rows())
    for name in names[:2]:
        assert said[name].startswith("the program that reads recordings ended over it, by signal 11")
    assert said["hang.csv"] == "it could not be read within 2 s"
    assert rows["model_digest"].null_count() == 0
    assert rows.filter(~pl.col("path").is_in(names)).equals(table(tmp_path / "without.parquet"))
