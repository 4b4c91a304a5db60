"""The vectorised bootstrap equals drawing records and computing AUROC one round at a time."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_training.measures import bootstrap, curves


def cases(seed: int, records: int = 80, ties: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, ties, size=(records, 4)) / ties
    labels = (rng.random((records, 4)) < np.array([0.05, 0.3, 0.6, 0.97])).astype(float)
    labels[rng.random((records, 4)) < 0.2] = np.nan
    return scores, labels, rng.integers(0, 30, size=records)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties", [9, 10**6])
def test_every_round_is_the_auroc_of_the_records_drawn(seed: int, ties: int) -> None:
    scores, labels, patient = cases(seed, ties=ties)
    draws = bootstrap.plan(patient, "patients", 70, seed)
    found = bootstrap.areas(scores, labels, draws)
    counts = np.concatenate(list(draws.blocks()), axis=1).astype(int)
    for number in range(70):
        drawn = np.repeat(np.arange(len(labels)), counts[:, number])
        expected = curves.per_target(scores[drawn], labels[drawn])
        # both are ratios of whole numbers below 2⁵³: they differ by rounding of one division
        np.testing.assert_allclose(found[number], expected, atol=1e-12)


def test_patients_are_drawn_whole() -> None:
    _, _, patient = cases(0)
    draws = bootstrap.plan(patient, "patients", 100, 1)
    counts = np.concatenate(list(draws.blocks()), axis=1)
    for one in np.unique(patient):
        assert (np.ptp(counts[patient == one], axis=0) == 0).all()
    groups = [counts[np.flatnonzero(patient == one)[0]] for one in np.unique(patient)]
    assert (np.sum(groups, axis=0) == len(groups)).all()


def test_paper_draws_single_records() -> None:
    _, _, patient = cases(0)
    draws = bootstrap.plan(patient, "paper", 100, 1)
    counts = np.concatenate(list(draws.blocks()), axis=1)
    assert (counts.sum(axis=0) == len(patient)).all()
    same = counts[np.flatnonzero(patient == patient[0])]
    assert (np.ptp(same, axis=0) > 0).any()


def test_repeated_records_widen_the_interval_over_patients_but_not_over_records() -> None:
    """Five copies of each record bring nothing new: drawn singly they feign a narrower interval."""
    rng = np.random.default_rng(2)
    labels = np.repeat(rng.integers(0, 2, size=(60, 1)).astype(float), 5, axis=0)
    scores = np.repeat(rng.normal(size=(60, 1)), 5, axis=0) + labels
    widths = {}
    for unit in ("patients", "paper"):
        draws = bootstrap.plan(np.repeat(np.arange(60), 5), unit, 1000, 0)  # type: ignore[arg-type]
        interval = bootstrap.interval(bootstrap.areas(scores, labels, draws)[:, 0])
        assert interval is not None
        widths[unit] = interval[1] - interval[0]
    # the standard error falls with the square root of the count: √5 = 2.2
    assert widths["patients"] / widths["paper"] == pytest.approx(5**0.5, rel=0.2)


@pytest.mark.slow
def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Scores of positives are one standard deviation higher: the true area is Φ(1/√2) = 0.760."""
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = (rng.random((200, 1)) < 0.4).astype(float)
        scores = rng.normal(size=(200, 1)) + labels
        rounds = bootstrap.areas(scores, labels, bootstrap.plan(np.arange(200), "patients", 200, seed))
        low, high = bootstrap.interval(rounds[:, 0]) or (1.0, 0.0)
        covered += low <= 0.76025 <= high
    # 95 % of 200 with a standard error of 1.5 %, and up to 2 % lost to the percentile method on 200 records
    assert 0.89 <= covered / 200 <= 0.99


def test_same_seed_same_rounds() -> None:
    scores, labels, patient = cases(3)
    first, again, other = (
        bootstrap.areas(scores, labels, bootstrap.plan(patient, "patients", 100, seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)


def test_one_class_has_no_area_and_no_interval() -> None:
    draws = bootstrap.plan(np.arange(10), "patients", 50, 0)
    found = bootstrap.areas(np.ones((10, 2)), np.zeros((10, 2)), draws)
    assert np.isnan(found).all()
    assert np.isnan(bootstrap.macro(found)).all()
    assert bootstrap.interval(found[:, 0]) is None


def test_no_interval_where_many_rounds_lack_a_class() -> None:
    """One positive of ten is not drawn in (1 - 1/10)^10 = 35 % of the rounds."""
    labels = np.array([[1.0]] + [[0.0]] * 9)
    rounds = bootstrap.areas(np.arange(10.0)[:, None], labels, bootstrap.plan(np.arange(10), "patients", 500, 0))
    assert np.isnan(rounds).mean() == pytest.approx(0.35, abs=0.07)
    assert bootstrap.interval(rounds[:, 0]) is None
