"""Decisions of a contract: chosen on some patients, measured on others, in each setting in which a model answers."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from ecg2lab.contract import Contract
from ecg2lab.contract.claims import OperatingPoint
from ecg2lab_training.measures import decisions, gate, operating_points, platt
from ecg2lab_training.measures.decisions import Answered, Setting, Sources

from ..evaluation.conftest import small_contract

SOURCES = Sources("fold 18", "fold 19")
RULE = operating_points.parse("specificity=0.9")
WHOLE, ALONE = Setting(4, "all"), Setting(4, "age and sex")


def answers(seed: int, patients: int = 600, strength: float = 2.0) -> Answered:
    """Two ECGs a patient, four windows each; the third target cannot be told; less is told by age and sex alone."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(2 * patients, 3))
    labels = (rng.random(hidden.shape) < platt.sigmoid(2 * hidden - 1)).astype(np.float32)
    labels[rng.random(labels.shape) < 0.1] = np.nan
    noise = rng.normal(size=(2 * patients, 4, 3))
    told = np.array([strength, strength, 0.0])
    windows = {
        "all": platt.sigmoid(told * hidden[:, None] + noise - 1),
        "age and sex": platt.sigmoid(0.5 * told * hidden[:, None] + noise - 1),
    }
    return decisions.answered(windows, labels, np.arange(2 * patients) // 2, rng.integers(0, 5, 2 * patients))


def decide(chosen: Answered, measured: Answered | None, least_cases: int = 100) -> Contract:
    """Calibrate and decide."""
    contract = decisions.calibrate(small_contract(), chosen)
    return decisions.decide(contract, chosen, measured, RULE, SOURCES, least_cases)


def points(contract: Contract, target: int) -> dict[Setting, OperatingPoint]:
    """By setting."""
    decision = contract.targets[target].decision
    assert decision is not None
    return {Setting(p.windows, p.facts): p for p in decision.points}


@pytest.fixture(scope="module")
def decided() -> Contract:
    """Chosen on 600 patients and measured on 600 others."""
    return decide(answers(0), answers(1))


def test_every_setting_has_its_point(decided: Contract) -> None:
    for target in range(3):
        assert set(points(decided, target)) == {Setting(w, f) for w in (1, 4) for f in ("all", "age and sex")}
    assert all(t.calibration is not None and t.decision_threshold is None for t in decided.targets)


def test_the_rule_holds_where_it_was_measured(decided: Contract) -> None:
    """Specificity of 0.9 was chosen on other patients: measured it is near, within four of its standard errors."""
    for target in (0, 1):
        for point in points(decided, target).values():
            assert point.threshold is not None
            assert point.specificity is not None
            assert point.specificity.value == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / point.negatives) * 1.5)
            assert point.specificity.low < point.specificity.value < point.specificity.high


def test_figures_are_counts_of_the_measured_patients(decided: Contract) -> None:
    measured = answers(1)
    for setting, point in points(decided, 0).items():
        own = measured[setting]
        p = platt.calibrate(own.probabilities[:, 0], decided.targets[0].calibration)
        y = own.labels[:, 0]
        flagged = p >= point.threshold
        assert (point.positives, point.negatives) == ((y == 1).sum(), (y == 0).sum())
        assert point.prevalence == pytest.approx(np.nanmean(y), abs=5e-5)
        assert point.sensitivity.value == pytest.approx(flagged[y == 1].mean(), abs=5e-5)
        assert point.ppv.value == pytest.approx(y[flagged & ~np.isnan(y)].mean(), abs=5e-5)
        assert point.patients == len(set(own.patient_id[~np.isnan(y)]))


def test_less_is_told_by_less(decided: Contract) -> None:
    """The mean of four windows tells more than one, all facts more than age and sex."""
    own = points(decided, 0)
    assert own[WHOLE].sensitivity.value > own[Setting(1, "all")].sensitivity.value
    assert own[WHOLE].sensitivity.value > own[ALONE].sensitivity.value
    assert own[WHOLE].threshold != own[Setting(1, "all")].threshold


def test_what_cannot_be_told_has_a_reason_and_a_base_rate(decided: Contract) -> None:
    for point in points(decided, 2).values():
        assert point.threshold is None
        assert point.reason is not None
        assert "is not above chance" in point.reason
        assert point.sensitivity is None
        assert 0.2 < point.prevalence < 0.5


def test_too_few_cases() -> None:
    contract = decide(answers(0, patients=60), answers(1, patients=60))
    for target in range(3):
        assert all("100 of each are needed" in p.reason for p in points(contract, target).values())
    few = decide(answers(0, patients=60), answers(1, patients=60), least_cases=10)
    assert points(few, 0)[WHOLE].threshold is not None


def test_a_fold_without_positives_measures_nothing() -> None:
    measured = {s: replace_labels(a) for s, a in answers(1).items()}
    point = points(decide(answers(0), measured), 0)[WHOLE]
    assert point.threshold is None
    assert point.reason.startswith("0 positives and")
    assert "negatives on fold 19: too few to measure it" in point.reason


def replace_labels(own: decisions.Answers) -> decisions.Answers:
    """The same answers, of patients who are all well."""
    labels = np.where(own.labels == 1, np.nan, own.labels)
    return decisions.Answers(own.probabilities, labels, own.patient_id, own.missing)


def test_facts_that_may_be_missing(decided: Contract) -> None:
    """Of 0 to 4 missing facts, all equally common, 95 % of the recordings lack at most 4; alone all but two do."""
    assert points(decided, 0)[WHOLE].most_missing == 4
    assert points(decided, 0)[ALONE].most_missing == len(decided.feature_names) - 2


def test_out_of_fold_is_no_better_than_other_patients() -> None:
    """A site's own patients, by thresholds of others among them: what these are worth on new patients, nearly."""
    own, others = answers(0), answers(1)
    within = points(decide(own, None), 0)[WHOLE]
    across = points(decide(own, others), 0)[WHOLE]
    assert within.threshold == across.threshold
    assert within.sensitivity.value == pytest.approx(across.sensitivity.value, abs=0.08)
    assert within.positives == (own[WHOLE].labels[:, 0] == 1).sum()


def test_every_threshold_has_its_conformal_set(decided: Contract) -> None:
    """Coverage was fitted on one ECG of 600 patients and measured on all of 600 others: within four standard errors."""
    for target in (0, 1):
        for point in points(decided, target).values():
            own = point.conformal
            assert own is not None
            assert own.error == 0.1
            for covered, cases in (
                (own.coverage_positive, point.positives),
                (own.coverage_negative, point.negatives),
            ):
                error = np.sqrt(0.09 * (1.5 / cases + 2 / cases))  # both parts; ECGs of a patient are alike
                assert covered.value == pytest.approx(0.9, abs=4 * error)
                assert covered.low < covered.value < covered.high
            assert 0 < own.unsure.value < 1
    assert all(point.conformal is None for point in points(decided, 2).values())


def test_more_is_sure_by_more_windows(decided: Contract) -> None:
    own = points(decided, 0)
    assert own[WHOLE].conformal.unsure.value < own[Setting(1, "all")].conformal.unsure.value


def test_out_of_fold_sets_cover_as_those_of_other_patients_do() -> None:
    own, others = answers(0), answers(1)
    within = points(decide(own, None), 0)[WHOLE].conformal
    across = points(decide(own, others), 0)[WHOLE].conformal
    assert (within.positive_from, within.negative_to) == (across.positive_from, across.negative_to)
    assert within.coverage_positive.value == pytest.approx(across.coverage_positive.value, abs=0.08)
    assert within.coverage_positive != across.coverage_positive


def test_recordings_of_other_lengths() -> None:
    """Most have four windows: those with fewer count for single windows alone."""
    rng = np.random.default_rng(0)
    each = rng.random((10, 6, 2))
    counts = np.array([4, 4, 4, 4, 4, 6, 2, 1, 4, 4])
    each[np.arange(6) >= counts[:, None]] = np.nan
    labels, missing = rng.integers(0, 2, (10, 2)).astype(float), np.zeros(10, np.int64)
    settings = decisions.answered({"all": each}, labels, np.arange(10), missing)
    assert set(settings) == {Setting(1, "all"), Setting(4, "all")}
    assert len(settings[Setting(1, "all")].labels) == 10
    assert not np.isnan(settings[Setting(1, "all")].probabilities).any()
    np.testing.assert_allclose(settings[Setting(4, "all")].probabilities, each[counts == 4, :4].mean(axis=1))
    assert decisions.main_setting(settings) == Setting(4, "all")


def test_a_bare_threshold_of_an_old_contract_holds_everywhere() -> None:
    target = replace(small_contract().targets[0], decision_threshold=0.3)
    assert {decisions.threshold_of(target, s) for s in (WHOLE, ALONE, Setting(1, "all"))} == {0.3}


def test_no_rule_is_a_decision_against_deciding() -> None:
    contract = decisions.calibrate(small_contract(), answers(0))
    none = decisions.decide(contract, answers(0), answers(1), operating_points.parse("none"), SOURCES)
    assert all(p.threshold is None and "rule none" in p.reason for p in points(none, 0).values())
    assert gate.LEAST_CASES == 100
