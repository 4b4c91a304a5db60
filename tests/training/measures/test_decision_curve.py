"""Net benefit equals its definition, case by case and round by round."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg2lab_training.measures import bootstrap, decision_curve


def cases(seed: int, records: int = 200, ties: int = 10) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.integers(0, ties + 1, size=(records, 4)) / ties
    y = (rng.random((records, 4)) < np.array([0.05, 0.3, 0.6, 0.97])).astype(float)
    y[rng.random((records, 4)) < 0.2] = np.nan
    return p, y


def by_definition(p: np.ndarray, y: np.ndarray, threshold: float) -> float:
    """Hits less weighted false alarms, over all labelled cases."""
    labelled = ~np.isnan(y)
    flagged = labelled & (p >= threshold)
    hits, alarms = (flagged & (y == 1)).sum(), (flagged & (y == 0)).sum()
    return float(hits / labelled.sum() - alarms / labelled.sum() * threshold / (1 - threshold))


GRID = np.array([0.05, 0.1, 0.3, 0.5, 0.55, 0.9])  # several are scores: a case on the threshold is flagged


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [10, 10**6])
def test_equals_the_definition_with_ties_and_unknown_labels(seed: int, ties: int) -> None:
    p, y = cases(seed, ties=ties)
    for column in range(4):
        expected = [by_definition(p[:, column], y[:, column], t) for t in GRID]
        np.testing.assert_allclose(decision_curve.net_benefit(p[:, column], y[:, column], GRID), expected, atol=1e-12)


def test_the_interval_is_of_the_records_drawn() -> None:
    p, y = cases(0)
    draws = bootstrap.plan(np.random.default_rng(0).integers(0, 80, 200), "patients", 70, 1)
    counts = np.concatenate(list(draws.blocks()), axis=1).astype(int)
    measured = decision_curve.measure(p, y, draws, [GRID] * 4)
    for column, own in enumerate(measured):
        assert own is not None
        rounds = []
        for weight in counts.T:
            drawn = np.repeat(np.arange(200), weight)
            rounds.append([by_definition(p[drawn, column], y[drawn, column], t) for t in GRID])
        low, high = np.quantile(rounds, (0.025, 0.975), axis=0)
        np.testing.assert_allclose(own.low, low, atol=1e-12)
        np.testing.assert_allclose(own.high, high, atol=1e-12)


@given(st.integers(0, 10**6), st.floats(0.01, 0.99))
def test_never_above_the_prevalence_and_flagging_everybody_is_treat_all(seed: int, threshold: float) -> None:
    p, y = cases(seed % 1000, 60)
    labelled = y[~np.isnan(y[:, 1]), 1]
    grid = np.array([threshold])
    assert decision_curve.net_benefit(p[:, 1], y[:, 1], grid)[0] <= labelled.mean() + 1e-12
    everybody = decision_curve.net_benefit(np.ones(60), y[:, 1], grid)[0]
    assert everybody == pytest.approx(by_definition(np.ones(60), y[:, 1], threshold), abs=1e-12)
    assert decision_curve.net_benefit(np.zeros(60), y[:, 1], grid)[0] == 0


def test_treat_all_crosses_zero_at_the_prevalence() -> None:
    p, y = cases(1)
    own = decision_curve.measure(p, y, bootstrap.plan(np.arange(200), "patients", 20, 0))[1]
    assert own is not None
    assert own.prevalence == pytest.approx(np.nanmean(y[:, 1]))
    below = own.thresholds < own.prevalence
    assert (own.treat_all[below] > 0).all()
    assert (own.treat_all[~below] <= 1e-12).all()
    expected = [by_definition(np.ones(200), y[:, 1], t) for t in own.thresholds]
    np.testing.assert_allclose(own.treat_all, expected, atol=1e-12)


def test_a_calibrated_model_is_worth_no_less_than_both_defaults() -> None:
    """Within four standard errors of 0.003 at 10,000 cases."""
    rng = np.random.default_rng(2)
    p = rng.beta(1, 4, size=(10_000, 1))
    y = (rng.random((10_000, 1)) < p).astype(float)
    own = decision_curve.measure(p, y, bootstrap.plan(np.arange(10_000), "patients", 100, 0))[0]
    assert own is not None
    assert (own.model >= np.maximum(own.treat_all, 0) - 0.012).all()
    assert ((own.low <= own.model) & (own.model <= own.high)).all()


def test_one_class_or_no_label_has_no_curve() -> None:
    labels = np.stack([np.zeros(20), np.ones(20), np.full(20, np.nan)], axis=1)
    draws = bootstrap.plan(np.arange(20), "patients", 10, 0)
    assert decision_curve.measure(np.full((20, 3), 0.5), labels, draws) == [None] * 3
    assert np.isnan(decision_curve.net_benefit(np.full(20, 0.5), labels[:, 2], GRID)).all()


def test_without_records_there_is_none() -> None:
    draws = bootstrap.plan(np.zeros(0), "patients", 10, 0)
    assert decision_curve.measure(np.zeros((0, 1)), np.zeros((0, 1)), draws) == [None]


class TestRangeOfUse:
    """Proposed thresholds."""

    @pytest.mark.parametrize(("prevalence", "last"), [(0.001, 0.003), (0.1, 0.3), (0.3, 0.9), (0.95, 0.9)])
    def test_is_around_the_prevalence(self, prevalence: float, last: float) -> None:
        grid = decision_curve.range_of_use(prevalence, 11)
        assert len(grid) == 11
        np.testing.assert_allclose(grid[[0, -1]], (prevalence / 5, last))
        assert (np.diff(grid) > 0).all()

    @pytest.mark.parametrize("prevalence", [0.0, 1.0, math.nan])
    def test_of_one_class_is_refused(self, prevalence: float) -> None:
        with pytest.raises(ValueError, match=r"prevalence .* is not between 0 and 1"):
            decision_curve.range_of_use(prevalence)
