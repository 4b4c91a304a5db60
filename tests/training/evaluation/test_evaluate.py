"""The whole report on a data set."""

from __future__ import annotations

from pathlib import Path

from ecg2lab_training.dataset import Dataset
from ecg2lab_training.evaluation import evaluate, result
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.evaluation.subject import open_subject


def test_report_is_whole(small_run: Path, small: Dataset, tmp_path: Path) -> None:
    found, cases = evaluate.on_data_set(open_subject(small_run), small, Wishes(rounds=200))
    evaluate.write(tmp_path / "report", found, cases)
    names = sorted(p.name for p in (tmp_path / "report").iterdir())
    assert names == ["card.md", "evaluation.json", "reliability.png", "roc.png", "table.md"]
    assert result.read(tmp_path / "report" / "evaluation.json") == found
