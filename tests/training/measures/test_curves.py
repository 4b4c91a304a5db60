"""AUROC by ranks equals its definition; Youden's threshold is the best there is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ecg2lab_training.measures import curves


def by_definition(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of all pairs in which the positive scores higher; a tie is half a pair."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    wins = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    return sum(wins) / len(wins)


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_definition_with_ties_and_unknown_labels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, size=60) / 7.0
    labels = rng.integers(0, 2, size=60).astype(float)
    labels[rng.random(60) < 0.2] = np.nan
    assert curves.auroc(scores, labels) == pytest.approx(by_definition(scores, labels), abs=1e-12)


def test_hand_made_cases() -> None:
    labels = np.array([0.0, 0, 1, 1])
    assert curves.auroc(np.array([0.1, 0.2, 0.3, 0.4]), labels) == 1
    assert curves.auroc(np.array([0.4, 0.3, 0.2, 0.1]), labels) == 0
    assert curves.auroc(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert curves.auroc(np.array([0.1, 0.4, 0.35, 0.8]), labels) == 0.75


def test_one_class_alone_has_no_auroc() -> None:
    scores = np.array([0.1, 0.9])
    for labels in (np.zeros(2), np.ones(2), np.full(2, np.nan)):
        assert math.isnan(curves.auroc(scores, labels))


def test_macro_leaves_out_what_has_no_auroc() -> None:
    assert curves.macro(np.array([0.5, np.nan, 0.7])) == pytest.approx(0.6)
    assert math.isnan(curves.macro(np.array([np.nan])))
