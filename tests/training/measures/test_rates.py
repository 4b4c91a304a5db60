"""Precision and recall, predictive values, reliability."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_training.measures import curves, rates, reliability


class TestAuprc:
    """Average precision."""

    def test_hand_made(self) -> None:
        labels = np.array([1.0, 0, 1, 0])
        assert curves.auprc(np.array([0.9, 0.8, 0.7, 0.6]), labels) == pytest.approx((1 + 2 / 3) / 2)
        assert curves.auprc(np.array([0.9, 0.1, 0.8, 0.2]), labels) == 1

    def test_equal_scores_have_the_precision_of_the_prevalence(self) -> None:
        assert curves.auprc(np.full(8, 0.3), np.array([1.0, 0, 0, 0, 0, 0, 0, 1])) == pytest.approx(0.25)

    def test_unknown_labels_do_not_count_and_no_positive_has_none(self) -> None:
        scores = np.array([0.9, 0.8, 0.7])
        assert curves.auprc(scores, np.array([np.nan, 1.0, 0.0])) == 1
        assert curves.auprc(scores, np.zeros(3)) is None
        assert curves.auprc(scores, np.full(3, np.nan)) is None


def test_predictive_values_are_bayes() -> None:
    ppv, npv = rates.predictive_values(0.9, 0.8, 0.1)
    assert ppv == pytest.approx(0.09 / (0.09 + 0.18))
    assert npv == pytest.approx(0.72 / (0.72 + 0.01))
    assert rates.predictive_values(0.0, 1.0, 0.1)[0] is None  # nobody is detected
    assert rates.predictive_values(1.0, 0.0, 0.1)[1] is None  # everybody is


class TestReliability:
    """Agreement of probabilities with frequencies."""

    def test_hand_made(self) -> None:
        p, y = np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.0, 1, 1, 1])
        found = reliability.measure(p, y)
        assert found is not None
        assert found.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
        assert found.ece == pytest.approx((2 * abs(0.1 - 0.5) + 2 * abs(0.9 - 1)) / 4)
        assert [(b.count, b.frequency) for b in found.bins] == [(2, 0.5), (2, 1.0)]

    def test_ends_belong_to_the_outer_bins(self) -> None:
        found = reliability.measure(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
        assert found is not None
        assert found.ece == 0
        assert sum(b.count for b in found.bins) == 2

    def test_by_chance_is_what_right_probabilities_show(self) -> None:
        """Mean ECE of labels drawn from the probabilities themselves, within 5 % (normal approximation, 400 draws)."""
        rng = np.random.default_rng(0)
        p = rng.beta(2, 5, size=1000)
        found = [reliability.measure(p, (rng.random(1000) < p).astype(float)) for _ in range(400)]
        eces = [f.ece for f in found if f is not None]
        assert found[0] is not None
        assert found[0].ece_by_chance == pytest.approx(np.mean(eces), rel=0.05)

    def test_no_label(self) -> None:
        assert reliability.measure(np.array([0.5]), np.array([np.nan])) is None
