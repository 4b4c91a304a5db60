"""The gate passes what is better than chance and the base rate, and says why it does not pass the rest."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import bootstrap, curves, flags, gate, operating_points
from ecg2lab_training.measures.operating_points import parse


def sample(positives: int, negatives: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of positives are so many standard deviations higher: an AUROC of Φ(shift / √2)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([1.0, 0.0], [positives, negatives])
    return 1 / (1 + np.exp(-rng.normal(shift * labels - 2))), labels


def joined(*targets: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Targets of different sizes side by side; the shorter ones are unknown at the end."""
    shape = (max(len(y) for _, y in targets), len(targets))
    scores, labels = np.full(shape, 0.5), np.full(shape, np.nan)
    for column, (p, y) in enumerate(targets):
        scores[: len(p), column], labels[: len(y), column] = p, y
    return scores, labels


def plan(labels: np.ndarray, seed: int = 0) -> bootstrap.Draws:
    return bootstrap.plan(np.arange(len(labels)), "patients", 2000, seed)


def points(*targets: tuple[np.ndarray, np.ndarray], rule: str = "specificity=0.90", least_cases: int = 100):
    scores, labels = joined(*targets)
    return gate.gate(scores, labels, parse(rule), plan(labels), least_cases)


GOOD = sample(150, 850, 1.5)
CHANCE = sample(150, 850, 0.0, seed=3)
RARE = sample(37, 900, 1.5)


def test_a_good_target_passes_with_the_threshold_of_the_rule() -> None:
    (point,) = points(GOOD)
    assert point.reason is None
    assert point.threshold == operating_points.choose(*GOOD, parse("specificity=0.90"))
    assert point.auroc == curves.auroc(*GOOD)
    assert point.p_value == 1 / 2001
    assert point.above_chance
    assert point.above_chance_if_dependent


def test_each_reason_is_a_sentence() -> None:
    four = points(GOOD, RARE, CHANCE, sample(210, 790, 0.3, seed=3))
    assert [point.reason for point in four] == [
        None,
        "too few cases: 37 positives and 900 negatives; 100 of each are needed",
        f"its AUROC of 0.49 is not above chance (p = {four[2].p_value:.2g}; false-discovery rate 5 %)",
        "3 of 10 flags would be right (at least 21 %), less than 1.25 times the base rate of 21 %",
    ]


def test_without_a_threshold_says_which_rule() -> None:
    assert points(GOOD, rule="none")[0].reason == "no threshold is chosen (rule none)"
    never = points(sample(150, 850, 0.5), rule="ppv=0.99")[0]
    assert never.reason == "no threshold keeps ppv=0.99 and flags at least 20 cases"
    ones = np.repeat([1.0, 1.0, 0.2], [150, 150, 700]), GOOD[1]
    assert points(ones)[0].reason == "no threshold keeps specificity=0.9"


@pytest.mark.parametrize(("threshold", "flagged"), [(0.9999, "0 cases"), (0.999, "1 case")])
def test_too_few_flags_to_tell(threshold: float, flagged: str) -> None:
    p, y = GOOD[0] * 0.9, GOOD[1]
    p[0] = 0.9995
    (point,) = points((p, y), rule=f"net-benefit={threshold}")
    assert point.reason == f"it flags {flagged}, too few to tell how often a flag is right"
    assert point.threshold is None


def test_counts_in_the_sentence() -> None:
    few = points((np.array([0.1, 0.2]), np.array([0.0, np.nan])), rule="youden")[0]
    assert few.reason == "too few cases: 0 positives and 1 negative; 100 of each are needed"
    assert points((np.array([0.1]), np.array([1.0])), least_cases=1)[0].reason == (
        "too few cases: 1 positive and 0 negatives; 1 of each is needed"
    )


def test_a_target_with_too_few_cases_does_not_enter_the_family() -> None:
    """One p of 1/2001 stands alone among 100 targets and would not among 101: 100 others are not tested."""
    assert points(GOOD, *[sample(37, 900, 0.0)] * 100)[0].above_chance
    rare = points(GOOD, RARE)[1]
    assert (rare.p_value, rare.above_chance, rare.above_chance_if_dependent) == (None, None, None)
    assert rare.auroc == curves.auroc(*RARE)


def test_many_targets_without_meaning_make_the_others_harder_to_pass() -> None:
    """One p of 1/2001 stands alone for 50 targets (0.05 / 50 = 0.001), not after Yekutieli (0.001 / 4.5)."""
    noise = [sample(100, 100, -1.0, seed) for seed in range(49)]
    first, *others = points(GOOD, *noise)
    assert first.above_chance
    assert not first.above_chance_if_dependent
    assert first.reason is None  # the one that does not decide does not stop it
    assert not any(point.above_chance for point in others)


def test_the_bound_of_the_ppv_is_the_one_that_is_measured() -> None:
    """Targets from little to much lift: those pass whose measured lower bound is 1.25 times the prevalence or more."""
    targets = [sample(250, 750, shift, seed) for seed, shift in enumerate(np.linspace(0.2, 0.8, 10))]
    scores, labels = joined(*targets)
    draws = plan(labels)
    rule = parse("specificity=0.90")
    thresholds = [operating_points.choose(p, y, rule) for p, y in targets]
    passed = [point.reason is None for point in gate.gate(scores, labels, rule, draws)]
    measured = flags.measure(scores, labels, thresholds, draws)
    lifts = [one.ppv.interval[0] / one.prevalence for one in measured if one and one.ppv.interval]
    assert passed == [lift >= 1.25 for lift in lifts]
    assert {True, False} == set(passed)


def test_p_is_the_share_of_rounds_that_are_not_above_chance() -> None:
    areas = np.array([[0.6, 0.5, np.nan], [0.4, 0.6, 0.7], [0.7, 0.7, 0.7]])
    # one round each: below, exactly at, and without an area
    np.testing.assert_array_equal(gate.p_values(areas), [2 / 4, 2 / 4, 2 / 4])
    np.testing.assert_array_equal(gate.p_values(np.full((1999, 1), 0.9)), [1 / 2000])


def test_positives_of_one_patient_are_not_many() -> None:
    """A third of the rounds draw no positive: p is a third, though every positive scores highest."""
    p, y = np.linspace(0.9, 0.1, 1000), np.repeat([1.0, 0.0], [150, 850])
    patient = np.concatenate([np.zeros(150, int), np.arange(1, 851)])
    draws = bootstrap.plan(patient, "patients", 2000, 0)
    (point,) = gate.gate(p[:, None], y[:, None], parse("specificity=0.90"), draws)
    assert point.auroc == 1
    assert point.p_value == pytest.approx(np.exp(-1), abs=0.04)  # (1 - 1/851)^851; standard error 0.011
    assert point.threshold is None


@pytest.mark.slow
def test_scores_without_meaning_pass_as_rarely_as_stated() -> None:
    """All of the family are without meaning: it has a false discovery in at most 5 % of the families."""
    passed = []
    for seed in range(40):
        scores, labels = joined(*(sample(100, 100, 0.0, 100 * seed + number) for number in range(5)))
        family = gate.gate(scores, labels, parse("youden"), plan(labels, seed))
        passed.append(any(point.above_chance for point in family))
    assert np.mean(passed) <= 0.15  # 0.05, and three standard errors of 40 families


def test_unknown_constant_and_no_cases() -> None:
    unknown, constant = points((GOOD[0], np.full(1000, np.nan)), (np.full(1000, 0.3), GOOD[1]))
    assert unknown.reason == "too few cases: 0 positives and 0 negatives; 100 of each are needed"
    assert unknown.auroc is None
    assert constant.reason == "its AUROC of 0.50 is not above chance (p = 1; false-discovery rate 5 %)"
    empty = np.empty((0, 2))
    nobody = gate.gate(empty, empty, parse("youden"), plan(empty))
    assert [point.reason for point in nobody] == [unknown.reason] * 2


def test_fewer_rounds_or_cases_are_refused() -> None:
    scores, labels = joined(GOOD)
    with pytest.raises(DatasetError, match="at least 2000 rounds"):
        gate.gate(scores, labels, parse("youden"), bootstrap.plan(np.arange(1000), "patients", 1999, 0))
    with pytest.raises(DatasetError, match="at least 1 case"):
        gate.gate(scores, labels, parse("youden"), plan(labels), least_cases=0)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *[(0.3, "3 of 10"), (0.25, "25 of 100"), (1 / 3, "33 of 100"), (0.95, "95 of 100"), (0.98, "98 of 100")],
        *[(0.0, "0 of 10"), (1.0, "10 of 10"), (0.0123, "123 of 10000"), (0.012, "12 of 1000"), (0.999, "999 of 1000")],
    ],
)
def test_natural_frequencies(share: float, text: str) -> None:
    assert gate._natural_frequency(share) == text


@pytest.mark.parametrize(
    ("low", "prevalence", "shown"),
    [
        (0.24, 0.21, ("24", "21")),
        (0.254, 0.204, ("25.4", "20.4")),  # 25 % is 1.25 times 20 %: one digit more
        (0.009, 0.0111, ("0.9", "1.1")),
        (0.9, 1.0, ("90", "100")),
        (0.0, 0.3, ("0", "30")),
    ],
)
def test_percentages_are_true_as_shown(low: float, prevalence: float, shown: tuple[str, str]) -> None:
    assert gate._percents(low, prevalence) == shown
