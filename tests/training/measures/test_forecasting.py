"""New onset and persistence are a partition; the last value's AUROC equals the count of pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ecg2lab_training.measures import bootstrap, curves, forecasting
from ecg2lab_training.measures.forecasting import Last

NAN = math.nan
ROUNDS = 50


def cases(seed: int, records: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0.0, 1.0, NAN], size=(records, 4), p=[0.5, 0.3, 0.2])
    return labels, rng.choice([-1.0, 0.0, 1.0, NAN], size=(records, 4))


def last_of(state: np.ndarray) -> Last:
    """Last values whose distance from the limit is their state."""
    return Last(beyond=state, state=state, minutes=np.where(np.isnan(state), NAN, 30.0))


def measure(scores: np.ndarray, labels: np.ndarray, last: Last) -> list[forecasting.Forecast]:
    """Two records of a patient."""
    draws = bootstrap.plan(np.arange(len(labels)) // 2, "patients", ROUNDS, 0)
    return forecasting.measure(scores, labels, last, draws)


@pytest.mark.parametrize("seed", range(5))
def test_every_labelled_case_is_in_exactly_one_part(seed: int) -> None:
    labels, states = cases(seed)
    parts = forecasting.split(labels, states)
    inside = np.stack([~np.isnan(part) for part in parts])
    np.testing.assert_array_equal(inside.sum(axis=0), ~np.isnan(labels))
    for part, mask in zip(parts, inside, strict=True):
        np.testing.assert_array_equal(part[mask], labels[mask])


def test_hand_made() -> None:
    """Last values abnormal on the other side, normal, abnormal, and none."""
    parts = forecasting.split(np.ones((4, 1)), np.array([[-1.0], [0], [1], [NAN]]))
    in_part = [np.flatnonzero(part[:, 0] == 1).tolist() for part in parts]
    assert dict(zip(parts._fields, in_part, strict=True)) == {
        "new_onset": [1],
        "persistence": [2],
        "other_side": [0],
        "no_value": [3],
    }


def test_keeps_the_type_of_the_labels() -> None:
    labels, states = cases(0)
    single = labels.astype(np.float32)
    assert {part.dtype for part in forecasting.split(single, states)} == {np.dtype(np.float32)}
    assert forecasting.with_last_value(single, states).dtype == np.float32


@pytest.mark.parametrize("seed", range(5))
def test_auroc_of_the_last_value_equals_the_count_of_pairs_ties_half(seed: int) -> None:
    labels, states = cases(seed)
    for column, one in enumerate(measure(np.zeros(labels.shape), labels, last_of(states))):
        score = states[:, column]
        positives, negatives = (score[~np.isnan(score) & (labels[:, column] == value)] for value in (1, 0))
        wins = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
        assert one.last_value.area == pytest.approx(np.mean(wins), abs=1e-12)
        assert (one.last_value.positives, one.last_value.negatives) == (positives.size, negatives.size)
        assert one.model.area == 0.5  # of a score that says nothing


@pytest.mark.parametrize("seed", range(3))
def test_a_last_value_that_is_the_cause_is_perfect_and_a_shuffled_one_is_chance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    beyond = rng.normal(size=(4000, 2))
    labels = (beyond > 0).astype(float)
    shuffled = rng.permutation(beyond)
    for own, expected, tolerance in ((beyond, 1.0, 0.0), (shuffled, 0.5, 0.05)):  # 5 standard errors
        last = Last(own, (own > 0).astype(float), np.ones(own.shape))
        for one in measure(beyond, labels, last):
            assert one.last_value.area == pytest.approx(expected, abs=tolerance)


def test_the_model_and_the_last_value_are_judged_on_the_same_cases_and_rounds() -> None:
    labels, states = cases(6, 400)
    for one in measure(np.nan_to_num(states), labels, last_of(states)):
        assert one.model.area == one.last_value.area
        np.testing.assert_array_equal(one.model.rounds, one.last_value.rounds)


def test_where_all_is_new_new_onset_is_all() -> None:
    labels, _ = cases(4)
    scores = np.random.default_rng(4).normal(size=labels.shape)
    normal = np.zeros(labels.shape)
    whole = curves.per_target(scores, labels)
    for column, one in enumerate(measure(scores, labels, last_of(normal))):
        assert one.new_onset.area == one.model.area == whole[column]
        np.testing.assert_array_equal(one.new_onset.rounds, one.model.rounds)
        assert one.persistence.value == 0
        assert one.no_value.positives + one.no_value.negatives == 0
        assert one.last_value.area == 0.5  # all alike: it cannot tell


def test_persistence_is_the_share_of_positives_that_were_abnormal_already() -> None:
    labels, states = cases(5, 400)
    for column, one in enumerate(measure(np.zeros(labels.shape), labels, last_of(states))):
        positive = (labels[:, column] == 1) & ~np.isnan(states[:, column])
        assert one.persistence.value == pytest.approx((states[positive, column] == 1).mean())
        assert one.persistence.interval is not None
        assert one.persistence.interval[0] < one.persistence.value < one.persistence.interval[1]


def test_without_values_one_class_or_records_there_is_none() -> None:
    labels, states = cases(2)
    for one in measure(labels, labels, last_of(np.full(states.shape, NAN))):
        assert np.isnan([one.model.area, one.last_value.area, one.new_onset.area]).all()
        assert one.persistence.value is None
    for one in measure(labels, np.zeros_like(labels), last_of(states)):
        assert np.isnan([one.model.area, one.last_value.area, one.no_value.area]).all()
        assert one.persistence.value is None


def test_states_of_other_targets_are_refused() -> None:
    labels, states = cases(3)
    with pytest.raises(ValueError, match="other targets"):
        forecasting.split(labels, states[:, :3])
