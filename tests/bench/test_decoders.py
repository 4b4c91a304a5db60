"""The comparison with decoders of others: it finds a difference, names who refuses and who is absent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ecg2lab
from ecg2lab_bench.experiments import __main__ as experiments
from ecg2lab_bench.experiments import decoders
from ecg2lab_bench.experiments.other_decoders import DECODERS, Decoded, Decoder


@pytest.fixture
def record(data_folder: Path, tmp_path: Path) -> Path:
    for suffix in (".hea", ".mat"):
        shutil.copy(data_folder / f"HR06000{suffix}", tmp_path)
    return tmp_path / "HR06000.hea"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch):
    """One decoder, which is the reader here but for what a test changes of its leads."""

    def set_decoder(change=lambda leads: leads) -> None:
        def decode(_: object, path: Path) -> Decoded:
            read = ecg2lab.read(path)
            leads = change(dict(zip(read.leads, read.samples, strict=True)))
            return Decoded(dict.fromkeys(leads, read.fs), leads)

        monkeypatch.setattr(Decoder, "decode", decode)
        monkeypatch.setattr(decoders, "DECODERS", {"other": Decoder(("wfdb",), lambda path: ())})
        monkeypatch.setattr(decoders, "installed", lambda package: "1.0")

    return set_decoder


def invoke(*arguments: str | Path):
    return CliRunner().invoke(experiments.app, ["decoders", *map(str, arguments)])


def compared(record: Path) -> decoders.Compared:
    (one,) = decoders.run([record]).compared
    return one


def test_equal_samples_agree(alone, record: Path) -> None:
    alone()
    one = compared(record)
    assert (one.leads, one.samples, one.largest_mv, one.agrees, one.notes) == (12, 60_000, 0.0, True, ())
    assert one.half_step_mv == pytest.approx(5e-4)
    assert invoke(record).exit_code == 0


def test_one_sample_beyond_half_a_step_is_enough(alone, record: Path) -> None:
    def change(leads):
        leads["V2"][4000] += 6e-4
        return leads

    alone(change)
    one = compared(record)
    assert (one.largest_in, one.agrees) == ("V2", False)
    assert one.largest_mv == pytest.approx(6e-4)
    assert invoke(record).exit_code == 1


def test_what_only_one_side_has_is_named(alone, record: Path) -> None:
    def change(leads):
        del leads["V6"]
        return {lead: np.append(row[:-1], np.nan) for lead, row in leads.items()} | {"V7": np.zeros(5000)}

    alone(change)
    one = compared(record)
    assert (one.leads, one.samples) == (11, 11 * 4999)
    assert one.notes == ("here only: V6", "there only: V7", "0 samples missing here, 11 there")


def test_other_lengths_are_compared_from_the_first_value_on(alone, record: Path) -> None:
    alone(lambda leads: {lead: np.append(np.full(100, np.nan), row) for lead, row in leads.items()})
    one = compared(record)
    assert (one.largest_mv, one.agrees, one.notes) == (0.0, True, ("5000 samples here, 5100 there",))


def test_either_side_may_refuse(alone, record: Path) -> None:
    def change(leads):
        raise KeyError("no such lead\nand more")

    alone(change)
    assert compared(record).refusal == "KeyError: 'no such lead\\nand more'"
    assert "refuses" in invoke(record).stdout
    record.write_text("no header")
    alone()
    results = decoders.run([record])
    assert "no WFDB header" in results.refusals[str(record)]


def test_who_is_absent_is_named(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "installed", lambda package: None)
    done = invoke(record)
    assert done.exit_code == 0
    for package in DECODERS:
        assert f"{package} is not installed" in done.stdout


def test_json_is_all_there_is_on_stdout(record: Path) -> None:
    answer = json.loads(invoke(record, "--json").stdout)
    assert answer["versions"].keys() == DECODERS.keys()
    assert {one["decoder"] for one in answer["compared"]} >= {"wfdb"}
    assert all(one["agrees"] for one in answer["compared"])
