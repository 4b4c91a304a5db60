"""Waveforms become rows of one array; what is damaged is named and left out; a stopped run goes on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecg2lab
from ecg2lab.contract import published, unnamed_targets
from ecg2lab.errors import OutputError
from ecg2lab_training.cohort import array_file, waveforms

pytestmark = pytest.mark.slow

CONTRACT = published(unnamed_targets(1))
COUNT, CHUNK = 20, 8


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records fill several chunks."""
    monkeypatch.setattr(waveforms, "CHUNK", CHUNK)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, record_writer: Callable[..., None]) -> Path:
    """Records 0 to 19, of which some are damaged; read only."""
    folder = tmp_path_factory.mktemp("ecg")
    for number in range(COUNT):
        record_writer(folder / f"files/s{number}/{number}", seed=number, seconds=8 if number == 3 else 11)
    data = folder / "files/s5/5.dat"
    data.write_bytes(data.read_bytes()[:1000])
    (folder / "files/s18/18.hea").write_text("nonsense\n")
    (folder / "files/s19/19.hea").unlink()
    return folder


RECORDS = [f"files/s{number}/{number}" for number in range(COUNT)]
DAMAGED = [3, 5, 18, 19]


def prepare(root: Path, work: Path, records: list[str] = RECORDS, workers: int = 1) -> tuple[Path, list[Any]]:
    """Prepare all records."""
    return waveforms.prepare(records, root, work, CONTRACT, workers)


def test_rows_are_the_preprocessed_records(root: Path, tmp_path: Path) -> None:
    array, skipped = prepare(root, tmp_path / "work")
    signals = np.load(array)
    assert signals.shape == (COUNT, 12, 1000)
    assert [s.row for s in skipped] == DAMAGED
    for number in (0, 4, 17):
        recording = ecg2lab.read(root / RECORDS[number])
        expected = ecg2lab.preprocess(recording.samples, fs=500, leads=recording.leads, unit="mV")
        np.testing.assert_array_equal(signals[number], expected[:, :1000])
    assert not signals[DAMAGED].any()


def test_skipped_records_say_why(root: Path, tmp_path: Path) -> None:
    _, skipped = prepare(root, tmp_path / "work")
    reasons = {s.row: s.reason for s in skipped}
    assert reasons[3] == "8 s long, 10 s are wanted"
    assert "there is no recording at files/s19/19" in reasons[19]
    assert str(root) not in "".join(reasons.values())  # the report may leave the machine


def test_processes_give_the_same_array(root: Path, tmp_path: Path) -> None:
    alone, skipped = prepare(root, tmp_path / "alone")
    pool, also = prepare(root, tmp_path / "pool", workers=2)
    assert alone.read_bytes() == pool.read_bytes()
    assert skipped == also


def test_stopped_run_goes_on(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, skipped = prepare(root, tmp_path / "whole")
    work, real, read = tmp_path / "work", waveforms._signal, list[str]()

    def stops(job: waveforms.Job, record: str) -> Any:
        read.append(record)
        if len(read) == 19:
            raise KeyboardInterrupt
        return real(job, record)

    monkeypatch.setattr(waveforms, "_signal", stops)
    with pytest.raises(KeyboardInterrupt):
        prepare(root, work)
    read.clear()
    read.extend(["already"] * 19)
    array, also = prepare(root, work)
    assert len(read) - 19 == COUNT - 2 * CHUNK + 2  # two chunks were done, of which two records are tried again
    assert array.read_bytes() == whole.read_bytes()
    assert also == skipped


def test_record_that_was_skipped_is_tried_again(root: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(root, tmp_path / "ecg"))
    header = own / f"{RECORDS[1]}.hea"
    header.rename(tmp_path / "away")
    assert [s.row for s in prepare(own, tmp_path / "work")[1]] == [1, *DAMAGED]
    (tmp_path / "away").rename(header)
    array, skipped = prepare(own, tmp_path / "work")
    assert [s.row for s in skipped] == DAMAGED
    assert array.read_bytes() == prepare(own, tmp_path / "fresh")[0].read_bytes()


def test_work_for_other_records_is_not_taken_up(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "work")
    array, skipped = prepare(root, tmp_path / "work", RECORDS[10:13])
    fresh, _ = prepare(root, tmp_path / "fresh", RECORDS[10:13])
    assert array.read_bytes() == fresh.read_bytes()
    assert skipped == []


@pytest.mark.parametrize("damage", ["signals.npy", "done.npy", "plan.json"])
def test_damaged_work_begins_anew(root: Path, tmp_path: Path, damage: str) -> None:
    array, _ = prepare(root, tmp_path / "work", RECORDS[:4])
    expected = array.read_bytes()
    path = tmp_path / "work" / damage
    path.write_bytes(path.read_bytes()[:-7])
    array, _ = prepare(root, tmp_path / "work", RECORDS[:4])
    assert array.read_bytes() == expected


def test_full_disk_is_said_and_what_is_done_is_kept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = prepare(root, tmp_path / "whole")
    real, written = array_file.put, list[int]()

    def full(stream: Any, rows: int, number: int, signal: Any) -> None:
        if number == CHUNK + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(number)
        real(stream, rows, number, signal)

    with monkeypatch.context() as patch:
        patch.setattr(array_file, "put", full)
        with pytest.raises(OutputError, match="waveforms: cannot write .*No space left on device; run again to go on"):
            prepare(root, tmp_path / "work")
    done = np.load(tmp_path / "work" / "done.npy")
    assert np.flatnonzero(done).tolist() == [row for row in range(CHUNK) if row not in DAMAGED]
    array, _ = prepare(root, tmp_path / "work")
    assert array.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("gone", [[], [0], [9], [0, 1, 2], [3, 5, 8, 9], [7, 8, 9], list(range(9))])
def test_gaps_are_closed_by_the_last_rows(tmp_path: Path, gone: list[int]) -> None:
    rows = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 2, 5), np.float32)
    np.save(tmp_path / "a.npy", rows)
    order = array_file.close_gaps(tmp_path / "a.npy", gone)
    left = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(left, rows[order])
    assert sorted(order) == [row for row in range(10) if row not in gone]


def test_closing_gaps_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 2, 5), np.float32)
    np.save(tmp_path / "a.npy", rows)
    with monkeypatch.context() as patch:
        patch.setattr(array_file, "cut", lambda *_: None)  # killed before the cut
        array_file.close_gaps(tmp_path / "a.npy", [0, 4])
    shutil.copy(tmp_path / "a.npy", tmp_path / "b.npy")
    order = array_file.close_gaps(tmp_path / "b.npy", [0, 4])
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), rows[order])


KILLED = """
import sys
from pathlib import Path
from ecg2lab.contract import published, unnamed_targets
from ecg2lab_training.cohort import array_file, waveforms
if __name__ == "__main__":
    root, work, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    waveforms.CHUNK = 8
    waveforms.prepare(["files/s0/0"] * count, root, work, published(unnamed_targets(1)), workers=2)
"""


def test_killed_run_goes_on_and_leaves_no_process(root: Path, tmp_path: Path) -> None:
    count, work, script = 160, tmp_path / "work", tmp_path / "script.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(root), str(work), str(count)]
    with subprocess.Popen(command, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while not done_rows(work) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    done = done_rows(work)
    assert 0 < done < count
    assert group_is_gone(process.pid)
    array, skipped = prepare(root, work, ["files/s0/0"] * count)
    signals = np.load(array)
    assert skipped == []
    np.testing.assert_array_equal(signals, np.broadcast_to(signals[0], signals.shape))
    assert signals[0].any()


def done_rows(work: Path) -> int:
    """Rows that are entered as done."""
    try:
        return int(np.load(work / "done.npy").sum())
    except FileNotFoundError:
        return 0


def group_is_gone(group: int) -> bool:
    """Whether every process of a killed one's group has ended, within half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
