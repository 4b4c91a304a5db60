"""The command `evaluate`, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ecg2lab import contract as contracts
from ecg2lab.bundle import CARD, Bundle
from ecg2lab.errors import BundleError, CheckpointError, DatasetError, OutputError
from ecg2lab_training.cli import evaluate


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """A program with this command."""
    program = typer.Typer()
    program.command()(evaluate.evaluate)
    return program


@pytest.mark.slow
def test_a_run_on_its_data_set(app: typer.Typer, small_run: Path, small_path: Path, tmp_path: Path) -> None:
    shares = tmp_path / "shares.json"
    shares.write_text('{"hemoglobin_low_120min": 0.05}')
    arguments = [str(small_run), str(small_path), "--out", str(tmp_path / "report"), "--rounds", "50", "--json"]
    options = ["--bootstrap", "paper", "--prevalence", str(shares), "--prevalence", "potassium_high_now=0.1"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["report"] == str(tmp_path / "report")
    assert summary["records"] == 80
    assert 0.5 < summary["macro_auroc"]["value"] < 1
    written = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert written["settings"] == {
        "bootstrap": "paper", "rounds": 50, "seed": 0, "rule": "of the model's contract"
    }  # fmt: skip
    stated = [t["decision"]["predictive_values"][-1]["prevalence"] for t in written["targets"][:2]]
    assert stated == [0.1, 0.05]


@pytest.mark.slow
def test_new_decisions_of_a_bundle(app: typer.Typer, small_bundle: Path, small_path: Path, tmp_path: Path) -> None:
    arguments = [str(small_bundle), str(small_path), "--out", str(tmp_path / "report"), "--rounds", "50"]
    options = ["--decide", "specificity=0.8", "--least-cases", "10"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    contract = contracts.read(tmp_path / "report" / "contract.json")
    child = Bundle.open(tmp_path / "report" / "decided.ecg2lab")
    assert child.contract == contract
    assert {t.decision.rule for t in contract.targets if t.decision} == {"specificity=0.8"}
    old = Bundle.open(small_bundle).contract.targets
    assert [t.calibration for t in contract.targets] == [t.calibration for t in old]
    assert "Thresholds were chosen anew (specificity=0.8 on the validation fold)" in child.member(CARD).decode()


@pytest.mark.slow
def test_a_bundle_on_own_data(app: typer.Typer, small_bundle: Path, site: Path, tmp_path: Path) -> None:
    arguments = [str(small_bundle), str(site / "table.csv"), "--labs", str(site / "labs.csv"), "--rounds", "50"]
    options = ["--recalibrate", "--decide", "sensitivity=0.9", "--out", str(tmp_path / "report")]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert "over 2 targets, 120 ECGs of 60 patients, all recordings" in result.stdout
    lineage = json.loads((tmp_path / "report" / "recalibration.json").read_text())
    assert lineage["rule"] == "sensitivity=0.9"
    assert (tmp_path / "report" / "recalibrated.ecg2lab").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "{data}", "--out", "{data}"], "is not empty"),
        (["{tmp}/none", "{data}", "--out", "{tmp}/x"], "neither a RUN folder nor a bundle at"),
        (["{data}", "{data}", "--out", "{tmp}/x"], "is not the folder of a finished training run"),
        (["{run}", "{run}", "--out", "{tmp}/x"], "is not a data set"),
        (["{run}", "{tmp}/none.csv", "--out", "{tmp}/x"], "cannot read"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--bootstrap", "hospitals"], "bootstrap 'hospitals'"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--decide", "half"], "half"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--prevalence", "sodium_low_now"], "is not TARGET=0.1"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--prevalence", "gold_low_now=0.1"], "no such target"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--prevalence", "sodium_low_now=2"], "between 0 and 1"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--prevalence", "{tmp}/none.json"], "cannot read prevalences"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--recalibrate"], "belong to a table"),
        (["{run}", "{data}", "--out", "{tmp}/x", "--labs", "labs.csv"], "belong to a table"),
        (["{run}", "{site}/table.csv", "--out", "{tmp}/x", "--decide", "youden"], "with --recalibrate"),
    ],
)
def test_bad_input_has_its_named_error_and_leaves_nothing(
    app: typer.Typer, small_run: Path, small_path: Path, site: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = [a.format(run=small_run, data=small_path, site=site, tmp=tmp_path) for a in arguments]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, DatasetError | OutputError | CheckpointError | BundleError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_help_has_examples(app: typer.Typer) -> None:
    assert "ecg2lab evaluate" in CliRunner().invoke(app, ["--help"]).output


def test_registering_imports_nothing_heavy() -> None:
    heavy = {"torch", "polars", "sklearn", "matplotlib", "lightning", "numpy"}
    code = f"import sys, ecg2lab_training.cli.evaluate; print(sorted({heavy} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
