"""Precision and recall, intervals of proportions, predictive values, reliability, thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import curves, rates, reliability, thresholds
from ecg2lab_training.measures.thresholds import Rule


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


class TestWilson:
    """Against values computed by hand from Wilson's formula with z = 1.96."""

    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"), [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)]
    )
    def test_known_values(self, successes: int, trials: int, low: float, high: float) -> None:
        assert rates.wilson(successes, trials) == pytest.approx((low, high), abs=1e-4)

    def test_nobody(self) -> None:
        assert rates.wilson(0, 0) is None


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


class TestThresholds:
    """Of decisions."""

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("wanted", [0.5, 0.9, 1.0])
    def test_reaches_the_sensitivity_and_no_higher_one_does(self, seed: int, wanted: float) -> None:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, size=60).astype(float)
        p = np.round(1 / (1 + np.exp(-rng.normal(2 * labels, 1.0))), 2)
        found = thresholds.choose(p, labels, Rule(wanted))
        assert found is not None

        def sensitivity(threshold: float) -> float:
            return float((p[labels == 1] >= threshold).mean())

        assert sensitivity(found) >= wanted - 1e-12
        higher = [
            t for t in np.unique(p) if t > found and sensitivity(t) >= wanted and sensitivity(t) < sensitivity(found)
        ]
        assert higher == []

    def test_one_class_has_none(self) -> None:
        assert thresholds.choose(np.array([0.2, 0.4]), np.ones(2), Rule(0.9)) is None
        assert thresholds.choose(np.array([0.2, 0.4]), np.ones(2), Rule()) is None

    def test_stays_inside_what_a_contract_allows(self) -> None:
        labels = np.array([0.0, 1.0] * 10)
        found = thresholds.choose(1e-12 * labels, labels, Rule(1.0))
        assert found is not None
        assert 0 < found < 1

    @pytest.mark.parametrize("rule", [Rule(), Rule(0.9)])
    def test_what_may_be_chance_has_none(self, rule: Rule) -> None:
        """Of scores without meaning, fewer than one in twenty gets a threshold; two standard errors allow 2.3 %."""
        rng = np.random.default_rng(0)
        chosen = [
            thresholds.choose(rng.random(200), (rng.random(200) < 0.1).astype(float), rule) is not None
            for _ in range(400)
        ]
        assert np.mean(chosen) < 0.05

    @pytest.mark.parametrize(("positives", "decided"), [(2, False), (3, True), (100, True)])
    def test_few_positives_must_be_told_the_better(self, positives: int, decided: bool) -> None:
        """An AUROC of 0.87 among 300 negatives may be luck of two positives, hardly of three."""
        scores = np.concatenate([np.linspace(0, 1, 300), np.full(positives, 0.87)])
        labels = np.concatenate([np.zeros(300), np.ones(positives)])
        assert (thresholds.choose(scores, labels, Rule()) is not None) == decided

    def test_worse_than_chance_has_none(self) -> None:
        labels = np.array([0.0, 1.0] * 50)
        assert thresholds.choose(1 - labels, labels, Rule()) is None

    def test_parse(self) -> None:
        assert thresholds.parse("youden") == Rule()
        assert thresholds.parse("sensitivity=0.9") == Rule(0.9)
        for text in ("sensitivity=2", "sensitivity", "specificity=0.9", "youden=1", "sensitivity=nan"):
            with pytest.raises(DatasetError, match="is not known; give youden, or sensitivity=0.9"):
                thresholds.parse(text)
