"""The scenario `training`, at a size of no interest."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from ecg2lab_bench import training_step
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.training_step import KERNELS, PUBLISHED, STEP, Setting


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_step, "QUICK", Setting(batch=2, targets=3, hidden=8, layers=1, window=20))
    monkeypatch.setattr(Plan, "budget_s", 0.0)


def test_step_and_kernels_stand_beside_what_they_are_compared_with() -> None:
    found = training_step.run(Plan(quick=True))
    ratios = {row.name: row.ratio for row in found.rows}
    assert {name for name, ratio in ratios.items() if ratio is not None} == {STEP, PUBLISHED}
    stored = json.loads(training_step.encode(found))
    assert stored["setting"]["hidden"] == 8
    page, console = training_step.markdown(found), Console(file=io.StringIO(), width=80)
    training_step.show(found, console)
    for name in (STEP, KERNELS, PUBLISHED):
        assert name in page
        assert name in console.file.getvalue()  # type: ignore[attr-defined]
