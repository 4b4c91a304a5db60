"""`ecg2lab bench` on a tiny bundle, from the command line to its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from ecg2lab import BundleError
from ecg2lab.bundle import Bundle
from ecg2lab_bench import cli, synthetic
from ecg2lab_bench.measuring import plan, results, workload
from ecg2lab_bench.measuring.floors import Products
from ecg2lab_bench.measuring.results import Results, ResultsError
from ecg2lab_bench.report.comparison import Comparison


@pytest.fixture(autouse=True)
def _no_time_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "QUICK_BUDGET_S", 0.0)  # the fewest rounds
    monkeypatch.setenv("COLUMNS", "80")


def invoke(*arguments: object) -> Result:
    """Run `ecg2lab bench …`; a refusal comes back as `exception`, as the program's own main receives it."""
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.register(app)
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def test_quick_run_writes_what_it_shows(tiny_bundle: Path, tmp_path: Path) -> None:
    done = invoke("run", tiny_bundle, "--quick", "--no-full-size", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.replace(str(tmp_path), "").splitlines())) <= 80
    assert "synthetic weights" in done.stdout
    found = results.read(tmp_path)
    assert [model.key for model in found.models] == ["bundle"]
    assert (found.threads, found.rounds) == (1, 3)
    assert "bundle: synthetic weights" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_a_backend_is_timed_by_name_and_belongs_to_one_scenario(tiny_bundle: Path, tmp_path: Path) -> None:
    done = invoke("run", tiny_bundle, "--quick", "--no-full-size", "--backend", "onnxruntime", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert results.read(tmp_path).models[0].backend == "onnxruntime, CPUExecutionProvider"
    done = invoke("run", tiny_bundle, "--backend", "onnxruntime", "--scenario", "beds")
    assert done.exit_code == 2
    assert "beds has backends of its own" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["engine", "graph-forms", "beds"])
def test_a_quick_run_exports_nothing_of_the_published_size(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes minutes; it is of the packaged demo model."""

    def refuse(_: object) -> Path:
        raise AssertionError("the published size is exported")

    monkeypatch.setattr(synthetic, "full_size_bundle", refuse)
    done = invoke("run", "--quick", "--scenario", scenario)
    assert done.exit_code == 0, done.output
    assert "37 targets" in done.stdout
    assert isinstance(invoke("run", "--scenario", scenario).exception, AssertionError)


@pytest.mark.slow
def test_json_is_all_there_is_on_stdout_and_both_models_are_in_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "full_size_bundle", lambda _: tiny_bundle)
    done = invoke("run", tiny_bundle, "--quick", "--full-size", "--json")
    assert done.exit_code == 0, done.output
    found = msgspec.json.decode(done.stdout, type=Results)
    assert [model.key for model in found.models] == ["bundle", "full-size"]
    assert found.models[1].weights.startswith("random weights")
    for model in found.models:
        measured = found.of(model.key)
        assert [(m.subject, m.batch) for m in measured if m.subject != "floor"] == [
            *(("bare", batch) for batch in (1, 4, 20)),  # 20 windows of half a second in ten seconds
            ("end to end", 20),
        ]
        for batch in (1, 4, 20):
            floors = [m.ratio for m in measured if m.subject == "floor" and m.batch == batch]
            assert min(x for x in floors if x is not None) == 1
        assert all(m.ratio is not None and m.ratio > 0 for m in measured)
        for t in (m.timing for m in measured):
            assert t.minimum_ms <= t.p50_ms <= t.p90_ms <= t.p99_ms
    assert [m.subject for m in found.of(None)] == ["preprocessing"]


def test_floor_of_a_bundle_has_its_sizes(tiny_bundle: Path) -> None:
    products = Products.of(Bundle.open(tiny_bundle), batch=4)
    assert (products.rows, products.channels, products.layers) == (4 * 50, 8, 1)


@pytest.mark.slow
def test_compare_from_files(tiny_bundle: Path, tmp_path: Path) -> None:
    assert invoke("run", tiny_bundle, "--quick", "--no-full-size", "--out", tmp_path).exit_code == 0
    table = invoke("compare", tmp_path, tmp_path / "results.json")
    assert table.exit_code == 0
    assert "bundle end to end" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80
    same = msgspec.json.decode(invoke("compare", tmp_path, tmp_path, "--json").stdout, type=Comparison)
    assert {change.change for change in same.changes} == {0.0}


def test_a_missing_bundle_is_refused_by_name(tmp_path: Path) -> None:
    refused = invoke("run", tmp_path / "none.ecg2lab", "--quick")
    assert isinstance(refused.exception, BundleError)
    assert "none.ecg2lab" in str(refused.exception)
    assert refused.stdout == ""


def test_a_file_that_is_no_bundle_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    refused = invoke("run", other, "--quick")
    assert isinstance(refused.exception, BundleError)
    assert "notes.txt is not an ecg2lab bundle" in str(refused.exception)


def test_a_file_that_is_no_result_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "notes.json"
    other.write_text("{}")
    refused = invoke("compare", other, other)
    assert isinstance(refused.exception, ResultsError)
    assert "notes.json" in str(refused.exception)


def test_too_few_threads_are_misuse(tiny_bundle: Path) -> None:
    assert invoke("run", tiny_bundle, "--threads", 0).exit_code == 2


def test_the_commands_load_without_what_they_need_later() -> None:
    heavy = "onnx", "onnxruntime", "torch", "ecg2lab_export", "ecg2lab_bench.measuring"
    code = f"import sys, ecg2lab_bench.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_recording_is_ten_seconds_that_obey_einthoven() -> None:
    recording = workload.recording()
    assert (recording.samples.shape, recording.fs, recording.duration_s) == ((12, 5000), 500.0, 10.0)
    lead = dict(zip(recording.leads, recording.samples, strict=True))
    np.testing.assert_allclose(lead["I"] + lead["III"], lead["II"], atol=1e-12)
    np.testing.assert_allclose(lead["aVR"] + lead["aVL"] + lead["aVF"], 0, atol=1e-12)
    assert 0.5 < np.abs(recording.samples).max() < 3  # millivolt, below the clip limit
