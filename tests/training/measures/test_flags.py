"""Rates of flags and their intervals equal counting cases, and drawing patients one round at a time."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_training.measures import bootstrap, flags, operating_points

NAMES = ("sensitivity", "specificity", "ppv", "npv")
THRESHOLDS = [0.3, 0.5, 0.7, None, 0.99, 0.01]


def cases(seed: int, records: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((records, 6)) < np.array([0.1, 0.3, 0.6, 0.3, 0.3, 0.3])).astype(float)
    labels[rng.random((records, 6)) < 0.2] = np.nan
    scores = rng.integers(1, 10, size=(records, 6)) / 10
    return scores, labels, rng.integers(0, 40, size=records)


def by_counting(scores: np.ndarray, labels: np.ndarray, threshold: float) -> list[float]:
    flagged = scores >= threshold
    with np.errstate(invalid="ignore"):
        return [
            np.float64((flagged & (labels == 1)).sum()) / (labels == 1).sum(),
            np.float64((~flagged & (labels == 0)).sum()) / (labels == 0).sum(),
            np.float64((flagged & (labels == 1)).sum()) / (flagged & ~np.isnan(labels)).sum(),
            np.float64((~flagged & (labels == 0)).sum()) / (~flagged & ~np.isnan(labels)).sum(),
        ]


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_loop_that_draws_the_patients_records(seed: int) -> None:
    scores, labels, patient = cases(seed)
    draws = bootstrap.plan(patient, "patients", 130, seed)  # three blocks, the last of two rounds
    counts = np.concatenate(list(draws.blocks()), axis=1).astype(int)
    rows = [np.repeat(np.arange(len(labels)), counts[:, number]) for number in range(130)]
    for target, measured in enumerate(flags.measure(scores, labels, THRESHOLDS, draws)):
        threshold = THRESHOLDS[target]
        if threshold is None:
            assert measured is None
            continue
        assert measured is not None
        values = by_counting(scores[:, target], labels[:, target], threshold)
        rounds = np.array([by_counting(scores[drawn, target], labels[drawn, target], threshold) for drawn in rows])
        for name, value, drawn in zip(NAMES, values, rounds.T, strict=True):
            estimate = getattr(measured, name)
            # the same quotients of whole numbers: bit for bit
            assert estimate.value == (None if np.isnan(value) else value)
            assert estimate.interval == bootstrap.interval(drawn)


def test_counts_what_it_rests_on() -> None:
    scores = np.array([[0.9], [0.1], [0.9], [0.1], [0.9]])
    labels = np.array([[1.0], [1.0], [0.0], [0.0], [np.nan]])
    patient = np.array(["a", "a", "b", "c", "d"])
    (measured,) = flags.measure(scores, labels, [0.5], bootstrap.plan(patient, "patients", 10, 0))
    assert measured is not None
    assert (measured.patients, measured.positives, measured.negatives, measured.flagged) == (3, 2, 2, 2)
    assert measured.prevalence == 0.5


def test_a_share_of_nobody_is_none() -> None:
    labels = np.array([[1.0], [0.0]] * 10)
    draws = bootstrap.plan(np.arange(20), "patients", 100, 0)
    (nobody,) = flags.measure(np.full((20, 1), 0.3), labels, [0.5], draws)
    assert nobody is not None
    assert nobody.ppv == (None, None)
    assert nobody.sensitivity == (0.0, (0.0, 0.0))
    assert nobody.npv.value == 0.5
    (everybody,) = flags.measure(np.full((20, 1), 0.5), labels, [0.5], draws)  # on the threshold is flagged
    assert everybody is not None
    assert everybody.npv == (None, None)
    assert everybody.specificity == (0.0, (0.0, 0.0))


def test_one_class_has_half_of_the_rates() -> None:
    draws = bootstrap.plan(np.arange(20), "patients", 100, 0)
    (measured,) = flags.measure(np.linspace(0, 1, 20)[:, None], np.ones((20, 1)), [0.5], draws)
    assert measured is not None
    assert measured.specificity == (None, None)
    assert measured.sensitivity.value == 0.5
    assert measured.prevalence == 1


def test_one_flagged_case_has_a_ppv_without_an_interval() -> None:
    """It is drawn in 1 - (1 - 1/20)^20 = 64 % of the rounds, fewer than nine in ten."""
    scores, labels = np.linspace(0.1, 0.9, 20)[:, None], np.array([[0.0], [1.0]] * 10)
    (measured,) = flags.measure(scores, labels, [0.89], bootstrap.plan(np.arange(20), "patients", 500, 0))
    assert measured is not None
    assert measured.ppv == (1.0, None)


def test_no_label_or_no_case_has_none() -> None:
    draws = bootstrap.plan(np.arange(20), "patients", 100, 0)
    scores = np.full((20, 2), 0.5)
    assert flags.measure(scores, np.full((20, 2), np.nan), [0.5, 0.5], draws) == [None, None]
    assert flags.measure(scores, np.ones((20, 2)), [None, None], draws) == [None, None]
    empty = np.empty((0, 2))
    assert flags.measure(empty, empty, [0.5, 0.5], bootstrap.plan(np.arange(0), "patients", 100, 0)) == [None, None]


def test_repeated_records_widen_no_interval() -> None:
    """Four copies of every ECG bring nothing new, and each rate's interval stays as it is."""
    scores, labels, patient = cases(1)
    once, four_times = (
        flags.measure(
            np.repeat(scores, copies, axis=0),
            np.repeat(labels, copies, axis=0),
            THRESHOLDS,
            bootstrap.plan(np.repeat(patient, copies), "patients", 200, 0),
        )
        for copies in (1, 4)
    )
    for one, four in zip(once, four_times, strict=True):
        if one is not None and four is not None:
            assert [getattr(one, name) for name in NAMES] == [getattr(four, name) for name in NAMES]


def test_flags_of_several_thresholds_are_measured_alike() -> None:
    scores, labels, patient = cases(2)
    draws = bootstrap.plan(patient, "patients", 100, 0)
    flagged = flags.flag(scores, THRESHOLDS)
    assert np.isnan(flagged[:, 3]).all()
    assert flags.measure_flags(flagged, labels, draws) == flags.measure(scores, labels, THRESHOLDS, draws)


def test_cases_without_a_flag_do_not_count() -> None:
    scores, labels, patient = cases(3)
    flagged = flags.flag(scores, THRESHOLDS)
    flagged[::3] = np.nan
    silent = labels.copy()
    silent[::3] = np.nan
    draws = bootstrap.plan(patient, "patients", 100, 0)
    assert flags.measure_flags(flagged, labels, draws) == flags.measure(scores, silent, THRESHOLDS, draws)


def test_out_of_fold_is_honest_where_the_threshold_has_seen_the_labels() -> None:
    """Youden's index of scores without meaning is 0: chosen and measured on the same 60 cases it looks like 0.2."""
    apparent, held_out = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores, labels = rng.random((60, 1)), (rng.random((60, 1)) < 0.3).astype(float)
        draws = bootstrap.plan(np.arange(60), "patients", 1, 0)
        rule = operating_points.parse("youden")
        threshold = operating_points.choose(scores[:, 0], labels[:, 0], rule)
        (seen,) = flags.measure(scores, labels, [threshold], draws)
        (judged,) = flags.measure_flags(
            operating_points.out_of_fold(scores, labels, np.arange(60), rule, seed=seed), labels, draws
        )
        for indices, figures in ((apparent, seen), (held_out, judged)):
            assert figures is not None
            assert figures.sensitivity.value is not None
            assert figures.specificity.value is not None
            indices.append(figures.sensitivity.value + figures.specificity.value - 1)
    assert np.mean(apparent) > 0.15
    # an index of 60 cases has a standard deviation of some 0.14: 0.022 for the mean of 40
    assert abs(np.mean(held_out)) < 0.07
