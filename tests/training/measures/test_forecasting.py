"""New onset and persistence are a partition; the last value's AUROC equals the count of pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ecg2lab_training.measures import forecasting

NAN = math.nan
SIDES = np.array([1, -1, 1, -1])


def cases(seed: int, records: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0.0, 1.0, NAN], size=(records, 4), p=[0.5, 0.3, 0.2])
    return labels, rng.choice([-1.0, 0.0, 1.0, NAN], size=(records, 4))


@pytest.mark.parametrize("seed", range(5))
def test_every_labelled_case_is_in_exactly_one_part(seed: int) -> None:
    labels, states = cases(seed)
    parts = forecasting.split(labels, states, SIDES)
    inside = np.stack([~np.isnan(part) for part in parts])
    np.testing.assert_array_equal(inside.sum(axis=0), ~np.isnan(labels))
    for part, mask in zip(parts, inside, strict=True):
        np.testing.assert_array_equal(part[mask], labels[mask])


def test_hand_made() -> None:
    """Targets above and below a limit, last values low, normal, high and none."""
    states = np.array([[-1.0, -1], [0, 0], [1, 1], [NAN, NAN]])
    high, low = forecasting.split(np.ones((4, 2)), states, np.array([1, -1])), [0, 1, 2, 3]
    in_part = [[[int(row) for row in low if part[row, column] == 1] for part in high] for column in (0, 1)]
    # new onset, persistence, other side, no value
    assert in_part == [[[1], [2], [0], [3]], [[1], [0], [2], [3]]]


def test_keeps_the_type_of_the_labels() -> None:
    labels, states = cases(0)
    single = labels.astype(np.float32)
    assert {part.dtype for part in forecasting.split(single, states, SIDES)} == {np.dtype(np.float32)}
    assert forecasting.with_last_value(single, states).dtype == np.float32


@pytest.mark.parametrize("seed", range(10))
def test_auroc_equals_the_count_of_pairs_ties_half(seed: int) -> None:
    labels, states = cases(seed)
    areas = forecasting.last_value_auroc(labels, states, SIDES)
    for column, side in enumerate(SIDES):
        score = states[:, column] * side
        with_value = ~np.isnan(score)
        positives, negatives = (score[with_value & (labels[:, column] == value)] for value in (1, 0))
        wins = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
        assert areas[column] == pytest.approx(np.mean(wins), abs=1e-12)


def test_a_state_that_stays_is_a_perfect_forecast_and_one_that_says_nothing_is_chance() -> None:
    states = np.array([[1.0], [1], [0], [-1]])
    side = np.array([1])
    assert forecasting.last_value_auroc((states == 1).astype(float), states, side)[0] == 1
    assert forecasting.last_value_auroc(np.array([[0.0], [1], [0], [1]]), np.zeros((4, 1)), side)[0] == 0.5


def test_within_one_part_the_last_value_says_nothing() -> None:
    """New onset is where the last value cannot tell: all of them were normal."""
    labels, states = cases(1)
    for part in forecasting.split(labels, states, SIDES)[:3]:
        np.testing.assert_array_equal(forecasting.last_value_auroc(part, states, SIDES), 0.5)


def test_without_values_one_class_or_records_there_is_none() -> None:
    labels, states = cases(2)
    assert np.isnan(forecasting.last_value_auroc(labels, np.full_like(states, NAN), SIDES)).all()
    assert np.isnan(forecasting.last_value_auroc(np.zeros_like(labels), states, SIDES)).all()
    nobody = np.zeros((0, 4))
    assert np.isnan(forecasting.last_value_auroc(nobody, nobody, SIDES)).all()
    assert all(part.shape == (0, 4) for part in forecasting.split(nobody, nobody, SIDES))


def test_states_of_other_targets_are_refused() -> None:
    labels, states = cases(3)
    for wrong in ((labels, states[:, :3], SIDES), (labels, states, SIDES[:3])):
        with pytest.raises(ValueError, match="other targets"):
            forecasting.split(*wrong)
