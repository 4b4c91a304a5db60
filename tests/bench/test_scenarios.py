"""The scenarios and experiments, and what the command line makes of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from ecg2lab_bench import cli
from ecg2lab_bench.experiments import __main__ as experiments
from ecg2lab_bench.experiments import form_choice, kernel_forms, training_step
from ecg2lab_bench.experiments.form_choice import ChoiceResults, Size
from ecg2lab_bench.measuring import plan, results
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.report.page import markdown, show
from ecg2lab_bench.scenarios import WITH_A_BUNDLE, ScenarioName, scenario_of

pytestmark = pytest.mark.slow

SCENARIOS = get_args(ScenarioName)


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.register(app)
    return CliRunner().invoke(app, ["bench", "run", *map(str, arguments)])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(plan, "QUICK_BUDGET_S", 0.0)
    monkeypatch.setattr(kernel_forms, "settings", lambda _: (kernel_forms.Setting("HiPPO", 2, 20, 2),))
    monkeypatch.setattr(form_choice, "QUICK_SIZES", (Size(8, 2, 30, 2), Size(8, 2, 60, 1)))
    small = training_step.Setting(batch=2, targets=3, hidden=8, layers=1, window=20)
    monkeypatch.setattr(training_step, "QUICK", small)


def check_files(folder: Path, done: Result, name: str) -> None:
    """What is shown fits a terminal, and is written too."""
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.replace(str(folder), "").splitlines())) <= 80
    stored = msgspec.json.decode((folder / results.RESULTS).read_bytes())
    assert stored["scenario"] == name
    assert (folder / "results.md").read_text(encoding="utf-8").startswith("# ecg2lab bench")


def test_every_name_has_a_module_and_is_explained() -> None:
    shown = invoke("--help").stdout
    for name in SCENARIOS:
        assert f"`{name}`" in shown or name in shown
        assert (scenario_of(name).__doc__ or "").startswith(f"Scenario `{name}`")


@pytest.mark.parametrize("scenario", ["graph-forms", "beds", "start", "edge"])
def test_every_scenario_writes_what_it_shows(scenario: str, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = [tiny_bundle] if scenario in WITH_A_BUNDLE else []
    done = invoke(*bundle, "--no-full-size", "--scenario", scenario, "--quick", "--out", tmp_path)
    check_files(tmp_path, done, scenario)
    assert (tmp_path / "results.png").is_file() == (scenario == "graph-forms")


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_every_experiment_writes_what_it_shows(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(experiments.app, [name, "--quick", "--out", str(tmp_path)])
    check_files(tmp_path, done, name)
    assert (experiments.experiment_of(name).__doc__ or "").startswith(f"Experiment `{name}`")


def test_json_is_all_there_is_on_stdout() -> None:
    done = CliRunner().invoke(experiments.app, ["form-choice", "--quick", "--json"])
    found = msgspec.json.decode(done.stdout, type=ChoiceResults)
    assert [(c.window, c.directions) for c in found.choices] == [(30, 2), (60, 1)]


def test_a_bundle_where_none_is_taken_is_misuse(tiny_bundle: Path) -> None:
    done = invoke(tiny_bundle, "--scenario", "native", "--quick")
    assert done.exit_code == 2
    assert "takes no MODEL" in " ".join(done.stderr.split())


def test_an_unknown_scenario_is_misuse() -> None:
    assert invoke("--scenario", "idle").exit_code == 2


def test_what_a_choice_costs_is_over_the_faster_form() -> None:
    found = form_choice.run(Plan(quick=True))
    for choice in found.choices:
        assert set(choice.p50_ms) == {"spectral", "recurrent"}
        assert choice.cost == choice.p50_ms[choice.chosen] / min(choice.p50_ms.values()) >= 1
    stream = io.StringIO()
    show(form_choice.page(found), Console(file=stream, width=80))
    assert "Worst cost" in stream.getvalue()
    assert "| 8 | 2 | 30 | 2 |" in markdown(form_choice.page(found))
