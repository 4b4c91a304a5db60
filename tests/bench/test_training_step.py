"""The experiment `training-step`, at a size of no interest."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from ecg2lab_bench.experiments import training_step
from ecg2lab_bench.experiments.training_step import KERNELS, PUBLISHED, STEP, Setting, TrainingResults
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import encode
from ecg2lab_bench.report.page import markdown, show


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_step, "QUICK", Setting(batch=2, targets=3, hidden=8, layers=1, window=20))
    monkeypatch.setattr(Plan, "budget_s", 0.0)


@pytest.mark.slow
def test_step_and_kernels_stand_beside_what_they_are_compared_with() -> None:
    found = training_step.run(Plan(quick=True))
    ratios = {row.name: row.ratio for row in found.rows}
    assert {name for name, ratio in ratios.items() if ratio is not None} == {STEP, PUBLISHED}
    assert msgspec.json.decode(encode(found), type=TrainingResults) == found
    page, console = markdown(training_step.page(found)), Console(file=io.StringIO(), width=80)
    show(training_step.page(found), console)
    for name in (STEP, KERNELS, PUBLISHED):
        assert name in page
        assert name in console.file.getvalue()  # type: ignore[attr-defined]
