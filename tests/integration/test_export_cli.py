"""`ecg2lab export` and `simulate` as processes: what they say, and one line for each refusal."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import ecg2lab_command, refused, succeeded

from ecg2lab import contract as contracts

DATA = Path(__file__).parent.parent / "data"
CHECKPOINT = DATA / "parity" / "bidirectional-small" / "checkpoint.ckpt"
RECORD = str(DATA / "HR06000.hea")


def test_export_inspect_and_predict_of_a_bare_checkpoint(tmp_path):
    bundle = tmp_path / "x.ecg2lab"
    assert "batch 1" in succeeded(ecg2lab_command("export", CHECKPOINT, "--out", bundle))
    described = succeeded(ecg2lab_command("inspect", bundle))
    assert "target_009" in described
    assert "must be given" in described
    complaint = refused(ecg2lab_command("predict", bundle, RECORD, "--age", 63, "--sex", "female"))
    assert "missing inputs: respiratory_per_min, spo2_percent" in complaint


@pytest.mark.slow
def test_export_states_the_notice(tmp_path):
    bundle = tmp_path / "x.ecg2lab"
    out = succeeded(ecg2lab_command("export", CHECKPOINT, "--out", bundle, "--synthetic-weights"))
    assert "SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE" in out
    described = json.loads(succeeded(ecg2lab_command("export", CHECKPOINT, "--out", bundle, "--json")))
    assert described["notice"] == "weights of unstated origin, not for clinical use"


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--contract", None])
def test_export_does_not_overwrite_what_it_reads(tmp_path, contract, option):
    checkpoint, terms = tmp_path / "in.ckpt", tmp_path / "contract.json"
    shutil.copy(CHECKPOINT, checkpoint)
    terms.write_bytes(contracts.encode(contract))
    before = checkpoint.read_bytes(), terms.read_bytes()
    out = terms if option else checkpoint
    complaint = refused(ecg2lab_command("export", checkpoint, "--contract", terms, "--out", out))
    assert "is an input of this export" in complaint
    assert before == (checkpoint.read_bytes(), terms.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.ckpt", "--out", "x.ecg2lab"), "CheckpointError: there is no checkpoint at nowhere.ckpt"),
        ((RECORD, "--out", "x.ecg2lab"), "is not a PyTorch checkpoint"),
        ((str(DATA), "--out", "x.ecg2lab"), "is not the folder of a finished training run"),
        ((str(CHECKPOINT), "--contract", "no.json", "--out", "x.ecg2lab"), "ContractError: cannot read"),
        ((str(CHECKPOINT), "--precision", "int3", "--out", "x.ecg2lab"), "precision 'int3'"),
        ((str(CHECKPOINT), "--form", "magic", "--out", "x.ecg2lab"), "form 'magic'"),
        ((str(CHECKPOINT), "--out", "/proc/none/x.ecg2lab"), "OutputError: cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(tmp_path, arguments, message):
    assert message in refused(ecg2lab_command("export", *arguments, cwd=tmp_path))
    assert not (tmp_path / "x.ecg2lab").exists()


@pytest.mark.slow
def test_nothing_is_left_in_the_users_home(tmp_path, monkeypatch):
    """ONNX Runtime 1.32 writes a device identifier for its telemetry at import, unless told not to."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    succeeded(ecg2lab_command("export", CHECKPOINT, "--out", tmp_path / "x" / "x.ecg2lab"))
    assert [p for p in tmp_path.rglob("*") if p.is_file() and "onnx" in str(p).lower()] == []


@pytest.mark.slow
def test_a_refusal_of_simulate_is_one_line(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert "is not empty" in refused(ecg2lab_command("simulate", tmp_path / "taken", "--patients", 3))
