"""Scenario `graph-forms` on a tiny bundle: every form is there, computes the network, and stands beside its floor."""

from __future__ import annotations

import io
from importlib import util
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from ecg2lab_bench.measuring import plan, results
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Results
from ecg2lab_bench.measuring.timing import silent
from ecg2lab_bench.report import chart, comparison
from ecg2lab_bench.report.page import markdown, show
from ecg2lab_bench.scenarios import carry_out, graph_forms

pytestmark = pytest.mark.slow

_replace = msgspec.structs.replace
LOGITS_OF_ONE = 1e-5
"""As the export allows for a network of this size; int8 is allowed a hundredth."""


@pytest.fixture(scope="module")
def found(tiny_bundle: Path) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "QUICK_BUDGET_S", 0.0)
        return graph_forms.run(Plan(bundle=tiny_bundle, quick=True))


@pytest.fixture
def reduced(found: Results) -> Results:
    """As of a large int8 bundle whose graph takes three times its floor: figures as wide as they get."""
    floor = next(m for m in found.measurements if m.subject == "floor" and m.batch == 1)
    half, more = (_replace(floor.timing, p50_ms=p50) for p50 in (0.5, 1.5))
    own = _replace(floor, subject="reduced floor", implementation="int8, ONNX Runtime", timing=half)
    slower = _replace(own, implementation="int8, other", timing=more)
    form = _replace(floor, subject="form", implementation="recurrent int8, ONNX Runtime", timing=more)
    large = [_replace(m, timing=_replace(m.timing, p50_ms=1234.5)) for m in found.measurements if m.graph_mb]
    large = [_replace(m, graph_mb=27.1, ratio=16.47) for m in large]
    small = [m for m in found.measurements if not m.graph_mb]
    return _replace(found, measurements=(*small, *large, own, slower, form))


@pytest.mark.slow
def test_every_form_is_timed_beside_its_floor(found: Results) -> None:
    assert (found.scenario, [m.key for m in found.models]) == ("graph-forms", ["bundle"])
    for batch in (1, 4):
        measured = [m for m in found.measurements if m.batch == batch]
        floors = [m.ratio for m in measured if m.subject == "floor" and m.ratio is not None]
        assert min(floors) == 1
        names = {m.implementation for m in measured if m.subject == "form"}
        ours = {f"{form}, ONNX Runtime" for form in ("spectral", "recurrent", "depthwise Conv", "no convolution")}
        assert ours <= names
        assert all(m.ratio is not None and m.ratio > 0 for m in measured)


def test_what_is_timed_computes_the_network(found: Results) -> None:
    forms = [m for m in found.measurements if m.subject == "form"]
    for m in forms:
        if m.implementation.startswith(graph_forms.NOTHING):
            assert m.error is None
        else:
            assert m.error is not None
            assert m.error <= LOGITS_OF_ONE, m.implementation
        assert (m.graph_mb is None) == ("PyTorch" in m.implementation)


def test_peers_are_timed_or_named(found: Results) -> None:
    for peer, module in (("OpenVINO", "openvino"), ("PyTorch", "torch")):
        timed = any(peer in m.implementation for m in found.measurements)
        assert timed == (util.find_spec(module) is not None)
        assert timed or f"{module} is not installed" in found.left_out[peer]


def test_tables_fit_a_terminal_and_say_the_same_as_the_page(reduced: Results) -> None:
    stream = io.StringIO()
    show(graph_forms.page(reduced), Console(file=stream, width=80))
    screen, page = stream.getvalue(), markdown(graph_forms.page(reduced))
    assert max(map(len, screen.splitlines())) <= 80
    assert "…" not in screen
    for form in ("spectral", "recurrent", "depthwise Conv", "no convolution"):
        assert f" {form} " in screen
        assert f"| {form}, ONNX Runtime |" in page
    for text in (screen, page):
        assert "recurrent int8, ONNX Runtime, batch 1: 3.00 × the int8 floor." in text
        assert "int8 floor, batch 4" not in text


@pytest.mark.slow
def test_the_picture_is_a_png(found: Results, reduced: Results) -> None:
    below_the_floor = [_replace(m, ratio=0.8) for m in reduced.measurements]
    for results_ in (found, reduced, _replace(found, measurements=tuple(below_the_floor))):
        assert chart.png(results_).startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_missing_picture_is_named(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    monkeypatch.setattr(plan, "QUICK_BUDGET_S", 0.0)
    outcome = carry_out(graph_forms, Plan(bundle=tiny_bundle, quick=True), silent)
    assert set(outcome.files) == {"results.json", "results.md"}
    assert "Left out: results.png: this needs matplotlib" in markdown(outcome.page)


def test_the_file_reads_back_and_compares_form_by_form(found: Results, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(results.encode(found))
    again = results.read(tmp_path)
    assert again == found
    changes = comparison.compare(found, again).changes
    assert {c.form for c in changes} == {m.implementation for m in found.measurements if m.subject == "form"}
    stream = io.StringIO()
    show(comparison.page(comparison.compare(found, again)), Console(file=stream, width=80))
    assert max(map(len, stream.getvalue().splitlines())) <= 80
    assert "…" not in stream.getvalue()
