"""Few cases are called so, wherever a figure of them could be taken for evidence."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ecg2lab_training.cli.evaluate import _sentence
from ecg2lab_training.evaluation import few, plots, words
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.estimates import Estimate
from ecg2lab_training.evaluation.evaluate import on_data_set
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.table import table

from .test_evaluate import FEW, open_subject

SURE = Estimate(value=1.0, low=1.0, high=1.0)


@pytest.fixture(scope="module")
def judged(small_run, small) -> Evaluation:
    return on_data_set(open_subject(small_run), small, FEW)[0]


def of(judged: Evaluation, patients: int, positives: int, which: int = 3) -> Evaluation:
    """So many patients, and so many positives of the first targets, whose figures all look certain."""
    targets = [
        replace(t, positives=positives if i < which else 500, negatives=500, auroc=SURE)
        for i, t in enumerate(judged.targets)
    ]
    data, overall = replace(judged.data, patients=patients, records=patients), replace(judged.overall, macro_auroc=SURE)
    return replace(judged, data=data, overall=overall, targets=tuple(targets))


@pytest.mark.parametrize(("patients", "positives"), [(1, 1), (2, 500), (49, 500), (5000, 29)])
def test_a_report_of_too_few_says_so_first_and_has_no_interval(judged, tmp_path, patients, positives) -> None:
    one = of(judged, patients, positives)
    for text in (table(one), card(one), _sentence(one, tmp_path)):
        assert "Too few cases to conclude anything" in text
        assert "1.000 [1.000, 1.000] over" not in text
        assert "1 patients" not in text
    assert table(one).splitlines()[2].startswith("**Too few cases")


def test_a_target_of_few_cases_is_marked_and_the_others_are_not(judged, tmp_path) -> None:
    one = of(judged, 5000, 29, which=1)
    assert few.sentence(one).startswith("1 of 3 targets has fewer than 30 positives")
    assert [words.auroc(t) for t in one.targets] == ["1.000 (few cases)", *["1.000 [1.000, 1.000]"] * 2]
    assert "1.000 [1.000, 1.000] over" in _sentence(one, tmp_path)
    assert few.sentence(of(judged, 5000, 30)) == ""


def test_a_picture_says_what_the_text_says(judged) -> None:
    """`Potassium > 5.1 mEq/L, now`, as everywhere; a target without a meaning has its name."""
    names = [plots._name(t) for t in judged.targets]
    assert names == [f"{t.criterion}, {t.criterion.when}" for t in judged.targets]
    assert plots._name(replace(judged.targets[0], criterion=None)) == judged.targets[0].name


def test_a_panel_of_few_cases_is_grey_and_says_so() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.plot([0, 1], [0, 1], color="#1f5a94")
    axes.fill_between([0, 1], [0, 1])
    axes.inset_axes((0, -0.4, 1, 0.2)).bar([0], [1])
    plots._grey_out(axes)
    assert [text.get_text() for text in axes.texts] == ["few cases"]
    assert {line.get_color() for line in axes.lines} == {plots._LIGHT}


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (
            Estimate(value=0.024, low=0.01, high=0.04),
            "The ideal observer is ahead of the model by 0.024 [0.010, 0.040]",
        ),
        (
            Estimate(value=-0.058, low=-0.1, high=0.02),
            "The model is ahead of the ideal observer by 0.058 [-0.020, 0.100], which only chance can bring about",
        ),
        (Estimate(), ""),
    ],
)
def test_who_is_ahead_is_said_without_a_sign(judged, gap, said) -> None:
    from ecg2lab_training.evaluation.result import Ideal

    ideal = Ideal(targets=1, macro_model=0.8, macro_ideal=0.8, macro_gap=gap, nowhere=(), nowhere_contains_half=None)
    assert words.beside_ideal(replace(of(judged, 5000, 500), ideal=ideal)) == said
