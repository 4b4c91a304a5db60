"""The commands `simulate`, `cohort` and `train`, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ecg2lab.errors import DatasetError, OutputError
from ecg2lab_training import cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """A program with these commands."""
    program = typer.Typer()
    cli.register(program)
    return program


def test_simulate_then_cohort_then_train(app: typer.Typer, tiny_config: Path, tmp_path: Path) -> None:
    sim, data, out = (str(tmp_path / name) for name in ("sim", "data", "run"))
    result = CliRunner().invoke(app, ["simulate", sim, "--patients", "60", "--seed", "2", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary == {"hospital": sim, "synthetic": True, "patients": 60, "seed": 2}
    few = ["--fewest-values", "20", "--fewest-cases", "1"]
    result = CliRunner().invoke(app, ["cohort", sim, "--out", data, *few, "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["dataset"] == data
    assert summary["patients"] == 60
    result = CliRunner().invoke(app, ["train", str(tiny_config), "--data", data, "--out", out, "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["run"] == out
    assert summary["synthetic_weights"] is True
    assert any(target["negatives_test"] > 0 for target in summary["metrics"]["targets"].values())


def test_train_prints_a_table_and_says_that_it_is_synthetic(
    app: typer.Typer, patients: Path, tiny_config: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "run")
    result = CliRunner().invoke(app, ["train", str(tiny_config), "--data", str(patients), "--out", out])
    assert result.exit_code == 0, result.output
    assert "nt_probnp_high_now" in result.stdout
    assert "synthetic weights" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "{tmp}/x", "--patients", "0"], "0 patients"),
        (["simulate", "{patients}"], "is not empty"),
        (["train", "demos", "--data", "{patients}", "--out", "{tmp}/run"], "cannot read configuration demos"),
        (["train", "demo", "--data", "{tmp}/none", "--out", "{tmp}/run"], "is not a data set"),
        (["train", "demo", "--data", "{patients}", "--out", "{patients}"], "is not empty"),
    ],
)
def test_bad_input_has_its_named_error(
    app: typer.Typer, patients: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = [a.format(tmp=tmp_path, patients=patients) for a in arguments]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, DatasetError | OutputError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["simulate", "cohort", "train"])
def test_help_has_an_example(app: typer.Typer, command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert f"ecg2lab {command}" in result.output


def test_registering_imports_nothing_heavy() -> None:
    code = (
        "import sys, ecg2lab_training.cli;"
        "print(sorted({'torch', 'polars', 'lightning', 'safetensors', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
