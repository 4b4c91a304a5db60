"""The table of what the quality gate finds: the same for the same seed, and complete where a fault is gross."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ecg2lab_bench.experiments import corruptions, quality

GROSS = {
    ("too short", "2.4 s"), ("no value", "all NaN"), ("NaN run", "2.5 s"), ("scattered NaN", "60 %"),
    ("constant", "0 mV"), ("disconnected", "6 s"), ("saturated", "at 20 %"), ("muscle, 20-150 Hz", "0.5 mV rms"),
    ("muscle alone", "0.1 mV rms"), ("motion alone", "0.2 mV rms"), ("baseline, 0.3 Hz, peak to peak", "2 mV"),
    ("mains, 50.1 Hz", "0.1 mV"), ("mains, 59.9 Hz", "0.1 mV"), ("unit or gain", "× 1000"),
    ("unit or gain", "÷ 1000"), ("copy of another lead", "exact"), ("names II and III exchanged", ""),
    ("aVR inverted", ""), ("III later than I and II", "20 ms"), ("pacemaker spikes", "2 mV"),
}  # fmt: skip


@pytest.fixture(scope="module")
def records(data_folder: Path) -> list[quality.Record]:
    return list(quality.read([data_folder]))


def test_only_records_of_twelve_leads_are_read(
    records: list[quality.Record], data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [record.name for record in records] == ["E07500", "HR06000"]
    list(quality.read([data_folder]))
    assert capsys.readouterr().err == "100_3chan is left out: no record of twelve leads\n"


def test_gross_faults_are_found_in_every_record(records: list[quality.Record]) -> None:
    said = [quality.judge(record.samples, record.rate_hz) for record in records]
    rng = np.random.default_rng(1)
    rows = [quality.corrupted_row(c, records, said, rng) for c in corruptions.all_corruptions()]
    found = {row[:2]: row[3] for row in rows}
    assert found.keys() >= GROSS
    assert {name for name in GROSS if found[name] != "2 (100%)"} == set()
    for row in rows:
        detected = int(row[3].split()[0])
        assert int(row[2]) == detected + int(row[5]) + int(row[6])
        assert int(row[4]) <= detected


def test_a_corruption_leaves_the_record_as_it_was(records: list[quality.Record]) -> None:
    before = records[0].samples.copy()
    for corruption in corruptions.all_corruptions():
        case = corruptions.Case(records[0].samples, records[0].rate_hz, 3, np.random.default_rng(0))
        assert corruption.apply(case) is not records[0].samples
        np.testing.assert_array_equal(records[0].samples, before)


@pytest.mark.slow
def test_the_tables_depend_on_the_seed_alone(data_folder: Path) -> None:
    app = typer.Typer()
    app.command()(quality.main)
    once, again, other = (CliRunner().invoke(app, [str(data_folder), "--seed", s]).stdout for s in ("1", "1", "2"))
    assert once == again
    assert once.startswith("2 recordings as they are: 2 accepted, 0 accepted with warnings, 0 refused.")
    assert other.count("\n") == once.count("\n")


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(quality.main)
    assert CliRunner().invoke(app, [str(tmp_path)]).exit_code == 2


def test_pieces_are_judged_as_they_are(records: list[quality.Record], data_folder: Path) -> None:
    pieces = list(quality.cut(records, 3.0))
    assert len(pieces) == 6
    assert np.array_equal(pieces[4].samples, records[1].samples[:, 1500:3000])
    app = typer.Typer()
    app.command()(quality.main)
    done = CliRunner().invoke(app, [str(data_folder), "--piece-s", "3"])
    assert done.exit_code == 0, done.output
    assert "6 recordings as they are" in done.stdout
    assert "detected" not in done.stdout
