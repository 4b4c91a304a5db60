"""What the report says beyond AUROC: calibration, decision curves and subgroups, on answers whose truth is known."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from msgspec.structs import replace

from ecg2lab_training.evaluation import evaluate, few, plots, result, subgroups
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import NetBenefit
from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.evaluation.table import table
from ecg2lab_training.measures import agreement, bootstrap, calibration_curve, curves, decision_curve, flags, platt

from .many_targets import judge, random_cases, random_contract

TARGETS, ROUNDS = 6, 100
ONE_CLASS, FEW, RARE = 0, 1, 2  # no positive; 150 labels, too few for a curve; 5 positives
ROUNDING = {"rel": 6e-4}  # four significant digits


@pytest.fixture(scope="module")
def cases() -> Cases:
    """Answers whose calibrated probabilities are right, three targets of which lack something."""
    random = random_cases(2000, TARGETS)
    labels, categorical = random.labels.copy(), random.categorical.copy()
    labels[labels[:, ONE_CLASS] == 1, ONE_CLASS] = 0
    labels[:, FEW] = np.where(np.arange(2000) < 150, np.arange(2000) % 4 == 0, np.nan)
    labels[:, RARE] = np.where(np.arange(2000) < 5, 1, 0)
    categorical[:, 1] = np.where(np.arange(2000) < 40, 0, 1 + np.arange(2000) // 2 % 2)
    return dataclasses.replace(random, labels=labels, categorical=categorical)


@pytest.fixture(scope="module")
def judged(cases: Cases) -> Evaluation:
    """The evaluation."""
    return judge(cases, random_contract(TARGETS), ROUNDS)


def draws_of(cases: Cases) -> bootstrap.Draws:
    """The rounds of the evaluation."""
    return bootstrap.plan(cases.patient_id, "patients", ROUNDS, 0)


def calibrated(cases: Cases) -> np.ndarray:
    """Probabilities as the report judges them."""
    return platt.apply(cases.probabilities(), [t.calibration for t in random_contract(TARGETS).targets])


def test_values_are_those_of_the_measures_to_four_digits(judged: Evaluation, cases: Cases) -> None:
    p, y, draws = calibrated(cases), cases.labels, draws_of(cases)
    agreements, smooth = agreement.measure(p, y, draws), calibration_curve.measure(p, y, draws)
    benefits = decision_curve.measure(p, y, draws)
    for t, own, curve, benefit in list(zip(judged.targets, agreements, smooth, benefits, strict=True))[RARE + 1 :]:
        for stated, measured in ((t.agreement.intercept, own.intercept), (t.agreement.slope, own.slope)):
            expected = pytest.approx((measured.value, *measured.interval), **ROUNDING)
            assert (stated.value, stated.low, stated.high) == expected
        for name in ("grid", "frequency", "low", "high", "average_error", "largest_error"):
            np.testing.assert_allclose(getattr(t.curve, name), getattr(curve, name), rtol=6e-4)
        for name in ("thresholds", "model", "low", "high", "treat_all"):
            np.testing.assert_allclose(getattr(t.net_benefit, name), getattr(benefit, name), rtol=6e-4)
        assert all(float(f"{x:.4g}") == x for x in (*t.curve.grid, *t.net_benefit.model))


@pytest.mark.slow
def test_right_probabilities_have_intercept_0_and_slope_1_within_their_intervals() -> None:
    """Of 60 targets about three miss a 95 % interval: eight or more would have a chance below 0.01."""
    evaluation = judge(random_cases(3000, 60, seed=1), random_contract(60), ROUNDS)
    agreements = [t.agreement for t in evaluation.targets if t.agreement]
    for truth, stated in ((0, [a.intercept for a in agreements]), (1, [a.slope for a in agreements])):
        whole = [one for one in stated if one is not None and one.low is not None]
        assert len(whole) > 50
        assert sum(not one.low <= truth <= one.high for one in whole) < 8
    medians = evaluation.overall.medians
    assert medians.targets == len(agreements)
    assert medians.intercept == pytest.approx(np.median([a.intercept.value for a in agreements]), **ROUNDING)
    assert medians.slope == pytest.approx(1, abs=0.1)
    assert medians.average_error is not None
    assert 0 < medians.average_error < 0.05


def test_what_is_not_there_is_null(judged: Evaluation) -> None:
    one_class, few, rare, *others = judged.targets
    assert (one_class.agreement, one_class.curve, one_class.net_benefit) == (None, None, None)
    assert few.agreement is not None
    assert few.curve is None
    assert few.net_benefit is not None
    assert (rare.agreement, rare.curve) == (None, None)
    assert all(t.agreement and t.curve and t.net_benefit for t in others)
    assert judged.overall.medians.targets == 1 + len(others)
    assert "NaN" not in result.encode(judged).decode()


def test_nothing_but_one_class_has_no_medians(cases: Cases) -> None:
    nobody = dataclasses.replace(cases, labels=np.zeros_like(cases.labels))
    evaluation = judge(nobody, random_contract(TARGETS), ROUNDS)
    assert evaluation.overall.medians == result.Medians(targets=0, intercept=None, slope=None, average_error=None)
    assert all(g.targets == {} and g.macro_auroc == result.Estimate() for g in evaluation.groups)
    assert "no target has both classes" in card(evaluation)


def test_subgroups_of_an_attribute_have_the_same_targets(judged: Evaluation, cases: Cases) -> None:
    """Those with 20 positives and negatives in each; a subgroup of 20 patients is counted, not judged."""
    small = [g for g in judged.groups if g.patients < few.PATIENTS]
    assert ("race", "asian", 40, 20) in [(g.attribute, g.value, g.records, g.patients) for g in small]
    assert all(g.targets == {} and g.macro_auroc == result.Estimate() for g in small)
    for attribute, left_out in judged.not_compared.items():
        large = [g for g in judged.groups if g.attribute == attribute and g not in small]
        assert len(large) > 1
        compared = {t.name for t in judged.targets} - set(left_out)
        assert all(set(g.targets) == compared for g in large)
        assert all(min(t.positives, t.negatives) >= few.GROUP_CASES for g in large for t in g.targets.values())
    assert judged.not_compared["sex"]["target_000"].endswith("0 positives, fewer than 20")
    assert "target_005" not in judged.not_compared["sex"]


def test_a_subgroup_has_the_figures_of_its_own_cases(judged: Evaluation, cases: Cases) -> None:
    group = next(g for g in judged.groups if (g.attribute, g.value) == ("sex", "male"))
    own = cases.only(cases.categorical[:, 0] == 1)
    p, draws = calibrated(own), draws_of(own)
    column = [t.name for t in judged.targets].index("target_005")
    stated = group.targets["target_005"]
    area = curves.auroc(own.probabilities()[:, column], own.labels[:, column])
    assert stated.auroc.value == pytest.approx(area, **ROUNDING)
    (measured,) = agreement.measure(p[:, [column]], own.labels[:, [column]], draws)
    (figures,) = flags.measure(p[:, [column]], own.labels[:, [column]], [0.3], draws)
    pairs = {
        stated.agreement.intercept: measured.intercept,
        stated.agreement.slope: measured.slope,
        stated.sensitivity: figures.sensitivity,
        stated.specificity: figures.specificity,
    }
    for one, expected in pairs.items():
        assert (one.value, one.low, one.high) == pytest.approx((expected.value, *expected.interval), **ROUNDING)


def test_without_a_threshold_a_subgroup_has_no_sensitivity(cases: Cases) -> None:
    groups, _ = subgroups.groups(cases, random_contract(TARGETS, None), evaluate.Wishes(rounds=20).settings(""))
    assert all(t.sensitivity is None and t.specificity is None for g in groups for t in g.targets.values())


@pytest.mark.parametrize(
    ("low", "treat_all", "expected"),
    [
        ((0.3, 0.3, 0.3, 0.3), (0.2, 0.1, -0.1, -0.2), ((0.1, 0.4),)),
        ((0.1, 0.2, -0.1, 0.1), (0.2, 0.1, -0.1, -0.2), ((0.2, 0.2), (0.4, 0.4))),
        ((0.2, 0.1, 0.0, 0.0), (0.2, 0.1, -0.1, -0.2), ()),  # as good as a default is not better
    ],
)
def test_the_model_is_better_where_its_lower_end_beats_both_defaults(
    low: tuple[float, ...], treat_all: tuple[float, ...], expected: tuple[tuple[float, float], ...]
) -> None:
    curve = NetBenefit(thresholds=(0.1, 0.2, 0.3, 0.4), model=low, low=low, high=low, treat_all=treat_all)
    assert curve.better() == expected


def test_the_number_of_cores_changes_nothing(judged: Evaluation, cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert result.encode(judge(cases, random_contract(TARGETS), ROUNDS)) == result.encode(judged)


@pytest.mark.slow
def test_equal_evaluations_have_equal_files_whatever_the_users_matplotlibrc(
    judged: Evaluation, cases: Cases, tmp_path: Path
) -> None:
    evaluate.write(tmp_path / "plain", judged, cases)
    hostile = {
        "axes.facecolor": "red",
        "lines.linewidth": 9,
        "savefig.dpi": 10,
        "font.size": 30,
        "text.usetex": True,
        "savefig.bbox": "tight",
        "axes.prop_cycle": matplotlib.cycler(color=["yellow"]),
    }
    with matplotlib.rc_context(hostile):
        evaluate.write(tmp_path / "hostile", judged, cases)
        assert matplotlib.rcParams["lines.linewidth"] == 9  # and the user's settings are his again
    names = sorted(p.name for p in (tmp_path / "plain").iterdir())
    assert names == sorted(["card.md", "evaluation.json", "table.md", *plots.FILES])
    for name in names:
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "hostile" / name).read_bytes()
    assert result.read(tmp_path / "plain" / "evaluation.json").targets == judged.targets


def of_an_old_contract(target: TargetResult) -> TargetResult:
    """With a bare threshold."""
    return replace(target, decision=target.decision and replace(target.decision, chosen_on=None))


class TestCard:
    """What the card and the table say of it."""

    def test_intercept_and_slope_stand_with_their_intervals(self, judged: Evaluation) -> None:
        own = judged.targets[-1].agreement
        for stated in (own.intercept, own.slope):
            shown = f"{stated.value:.3f} [{stated.low:.3f}, {stated.high:.3f}]"
            assert shown in card(judged)
            assert shown in table(judged)
        assert "the ECE depends on bins and on the number of records and stands only beside them" in card(judged)

    def test_least_sizes_of_subgroups_are_said_and_nobody_is_called_the_lowest(self, judged: Evaluation) -> None:
        text = card(judged)
        assert "those with at least 20 positives and 20 negatives in each" in text
        assert "Subgroups of fewer than 50 patients are counted and not judged" in text
        assert "| race | asian | 40 | 20 | 0 | – | – | – | – | – |" in text
        assert "owest" not in text

    def test_says_over_which_thresholds_flagging_pays(self, judged: Evaluation) -> None:
        first, last = judged.targets[-1].net_benefit.better()[0]
        assert f"- target_005: {100 * first:.2g}% to {100 * last:.2g}%" in card(judged)
        nowhere = replace(judged.targets[-1].net_benefit, low=(-1.0,) * 41)
        text = card(replace(judged, targets=(replace(judged.targets[-1], net_benefit=nowhere),)))
        assert "- nowhere: target_005" in text

    def test_what_is_not_known_is_not_stated(self, judged: Evaluation) -> None:
        real = replace(judged, data=replace(judged.data, synthetic=False))
        bundle = replace(real, model=replace(real.model, kind="bundle"))
        for item in ("Setting", "Dates", "Outcome", "Choice of the epoch", "Independence"):
            assert f"| {item} | not stated |" in card(bundle)
        assert "rationale not stated" in card(bundle)
        assert "criteria of the data set itself: not stated" in card(bundle)
        assert "chosen on: not stated" in card(replace(bundle, targets=tuple(map(of_an_old_contract, bundle.targets))))
        assert "ethical approval | not stated |" in card(bundle)
        assert "fold 18" not in card(bundle)

    def test_what_is_known_is_said(self, judged: Evaluation) -> None:
        text = card(judged)
        assert "| Dates | simulated patients: none |" in text
        assert "fold 18 chose the epoch, fitted the calibration and chose the thresholds" in text
        last = judged.targets[-1]
        assert f"{1 - (last.positives + last.negatives) / judged.data.records:.1%} |" in text
        assert f"| age | {judged.population.numbers['age'].missing:.1%} | not stated |" in text
        dated = replace(judged.data, kind="table", synthetic=None, dates=("2026-03-01", "2026-03-05"))
        text = card(
            replace(judged, data=replace(dated, skipped={"r1": "damaged"}), training_population=judged.population)
        )
        assert "| Dates | 2026-03-01 to 2026-03-05 |" in text
        assert "refuses patients younger than 18 years; 1 recordings could not be used" in text
        share = f"{judged.population.numbers['age'].missing:.1%}"
        assert f"| age | {share} | {share} |" in text
