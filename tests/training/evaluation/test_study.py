"""The six questions of `make study`, asked of reports whose figures are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ecg2lab.errors import DatasetError
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.evaluation import evaluate, result, study
from ecg2lab_training.evaluation.estimates import Agreement, Estimate
from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.evaluation.subject import open_subject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(small_run: Path, small: Dataset) -> Evaluation:
    """An evaluation of the run on its data."""
    return evaluate.on_data_set(open_subject(small_run), small, evaluate.Wishes(rounds=20))[0]


def with_figures(
    report: Evaluation,
    area: float,
    gap: float = 0.01,
    nowhere: bool | None = True,
    ece: float = 0.01,
    slopes: tuple[float, ...] = (0.5, 1.05, 3.0),
) -> Evaluation:
    """The report with other figures."""
    assert report.ideal is not None
    overall = replace(
        report.overall, macro_auroc=Estimate(value=area), after=replace(report.overall.after, pooled_ece=ece)
    )
    ideal = replace(
        report.ideal,
        macro_model=0.8,
        macro_ideal=0.8 + gap,
        macro_gap=Estimate(value=gap),
        nowhere_contains_half=nowhere,
    )
    return replace(report, overall=overall, ideal=ideal, targets=with_slopes(report, slopes))


def with_slopes(report: Evaluation, slopes: tuple[float, ...]) -> tuple[TargetResult, ...]:
    """Of planted targets; one that is planted nowhere has a slope that counts for nothing."""
    one, *_ = report.targets

    def target(slope: float, planted: str) -> TargetResult:
        within = Estimate(value=slope, low=slope - 0.1, high=slope + 0.1)
        agreement = Agreement(intercept=Estimate(value=0.0), slope=within)
        return replace(one, agreement=agreement, planted=planted)

    return *(target(slope, "ecg") for slope in slopes), *(target(9.0, "nowhere") for _ in slopes)


def answered(report: Evaluation, fusion: Evaluation, ecg: float = 0.7, tabular: float = 0.6) -> list[bool]:
    """Answers to the six questions."""
    reports = {"fusion": fusion, "ecg": with_figures(report, ecg), "tabular": with_figures(report, tabular)}
    return [answer.reached for answer in study.answers(reports)]


def test_each_question_is_answered_by_its_own_figure(report: Evaluation) -> None:
    assert answered(report, with_figures(report, 0.75)) == [True] * 6
    assert answered(report, with_figures(report, 0.75, gap=0.031)) == [False, True, True, True, True, True]
    assert answered(report, with_figures(report, 0.75), ecg=0.76) == [True, False, True, True, True, True]
    assert answered(report, with_figures(report, 0.75), tabular=0.75) == [True, True, False, True, True, True]
    assert answered(report, with_figures(report, 0.75, nowhere=False)) == [True, True, True, False, True, True]
    assert answered(report, with_figures(report, 0.75, ece=0.04)) == [True, True, True, True, False, True]
    reports = dict.fromkeys(study.MODELS, with_figures(report, 0.75))
    assert study.answers(reports)[5].measured == "1.050; 1 of 3 intervals hold 1"
    for slopes in ((0.89,), (1.11,), ()):
        assert answered(report, with_figures(report, 0.75, slopes=slopes))[5] is False


def test_no_label_that_is_planted_nowhere_is_no_yes(report: Evaluation) -> None:
    assert answered(report, with_figures(report, 0.75, nowhere=None))[3] is False


def test_a_report_without_an_ideal_observer_is_refused(report: Evaluation) -> None:
    with pytest.raises(DatasetError, match="no ideal observer"):
        answered(report, replace(with_figures(report, 0.75), ideal=None))


def test_reports_are_read_from_their_folders(
    report: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    areas = {"fusion": 0.75, "ecg": 0.7, "tabular": 0.6}
    for name, area in areas.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / result.FILE).write_bytes(result.encode(with_figures(report, area)))
    assert study.main(str(tmp_path)) == 0
    assert capsys.readouterr().out.count("yes") == 6
    (tmp_path / "ecg" / result.FILE).unlink()
    assert study.main(str(tmp_path)) == 1
    assert "cannot read" in capsys.readouterr().err
