"""The table of scenarios, and what the command line makes of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from ecg2lab_bench import cli, form_choice, kernel_forms, laboratory, results
from ecg2lab_bench.form_choice import ChoiceResults, Size
from ecg2lab_bench.kernel_forms import Setting
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.results import ScenarioName
from ecg2lab_bench.scenarios import SCENARIOS, WITH_A_BUNDLE


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.register(app)
    return CliRunner().invoke(app, ["bench", "run", *map(str, arguments)])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(laboratory, "QUICK_BUDGET_S", 0.0)
    monkeypatch.setattr(kernel_forms, "settings", lambda _: (Setting("HiPPO", 2, 20, 2),))
    monkeypatch.setattr(form_choice, "QUICK_SIZES", (Size(8, 2, 30, 2), Size(8, 2, 60, 1)))


def test_the_table_has_every_name() -> None:
    assert set(SCENARIOS) == set(get_args(ScenarioName))
    shown = invoke("--help").stdout
    assert all(name in shown for name in SCENARIOS)


@pytest.mark.parametrize("scenario", ["graph-forms", "kernel-forms", "form-choice", "beds", "start"])
def test_every_scenario_writes_what_it_shows(scenario: str, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = [tiny_bundle] if scenario in WITH_A_BUNDLE else []
    done = invoke(*bundle, "--no-full-size", "--scenario", scenario, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.replace(str(tmp_path), "").splitlines())) <= 80
    stored = msgspec.json.decode((tmp_path / results.RESULTS).read_bytes())
    assert stored["scenario"] == scenario
    assert (tmp_path / "results.md").read_text(encoding="utf-8").startswith("# ecg2lab bench")
    assert (tmp_path / "results.png").is_file() == (scenario == "graph-forms")


def test_json_is_all_there_is_on_stdout() -> None:
    done = invoke("--scenario", "form-choice", "--quick", "--json")
    found = msgspec.json.decode(done.stdout, type=ChoiceResults)
    assert [(c.window, c.directions) for c in found.choices] == [(30, 2), (60, 1)]


@pytest.mark.parametrize("scenario", ["kernel-forms", "form-choice"])
def test_a_bundle_where_none_is_taken_is_misuse(scenario: str, tiny_bundle: Path) -> None:
    done = invoke(tiny_bundle, "--scenario", scenario, "--quick")
    assert done.exit_code == 2
    assert "takes no BUNDLE" in " ".join(done.stderr.split())


def test_an_unknown_scenario_is_misuse() -> None:
    assert invoke("--scenario", "idle").exit_code == 2


def test_what_a_choice_costs_is_over_the_faster_form() -> None:
    found = form_choice.run(Plan(quick=True))
    for choice in found.choices:
        assert set(choice.p50_ms) == {"spectral", "recurrent"}
        assert choice.cost == choice.p50_ms[choice.chosen] / min(choice.p50_ms.values()) >= 1
    stream = io.StringIO()
    form_choice.show(found, Console(file=stream, width=80))
    assert "Worst cost" in stream.getvalue()
    assert "| 8 | 2 | 30 | 2 |" in form_choice.markdown(found)
