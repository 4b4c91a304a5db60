"""`ecg2lab cohort` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ecg2lab_training.cli import cohort

ASK = ["--fewest-values", "20", "--fewest-cases", "1", "--workers", "1"]


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and stdout."""
    app = typer.Typer()
    app.command()(cohort.cohort)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.mark.slow
def test_json_is_all_that_stdout_gets(own_hospital: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(own_hospital(), "--out", tmp_path / "ds", *ASK, "--json")
    assert code == 0
    summary = json.loads(output)
    assert (summary["records"], summary["patients"], summary["skipped"]) == (80, 80, 0)
    assert summary["dataset"] == str(tmp_path / "ds")
    assert not summary["synthetic"]


def test_sentence_and_rules(own_hospital: Callable[..., Path], tmp_path: Path) -> None:
    rules = ["--vitals", "strict", "--age", "at-ecg"]
    code, output = run(own_hospital(), "--out", tmp_path / "ds", *ASK, *rules)
    assert code == 0
    assert output.startswith("80 ECGs of 80 patients")
    assert (
        "vital signs: strict, age: at-ecg" in json.loads((tmp_path / "ds" / "dataset.json").read_text())["description"]
    )


def test_unknown_rule_is_a_usage_error(tmp_path: Path) -> None:
    assert run(tmp_path, "--out", tmp_path / "ds", "--vitals", "all")[0] == 2
