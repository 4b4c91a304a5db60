"""Conformal sets cover either class at the stated error, whatever the probabilities are."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import bootstrap, conformal, flags
from ecg2lab_training.measures.conformal import Cutoffs
from ecg2lab_training.measures.operating_points import deal


def test_a_set_by_hand() -> None:
    """Of nine patients a class and an error of 0.1, k = ⌊10 · 0.1⌋ = 1: the outermost one bounds the set."""
    positives, negatives = np.arange(0.3, 0.75, 0.05), np.arange(0.1, 0.55, 0.05)
    p, y = np.append(positives, negatives)[:, None], np.repeat([1.0, 0.0], 9)[:, None]
    (cutoffs,) = conformal.fit(p, y, np.arange(18))
    assert cutoffs == Cutoffs(0.3, pytest.approx(0.5))
    sets = conformal.sets(np.array([[0.2], [0.3], [0.4], [0.6]]), [cutoffs])
    assert sets.positive[:, 0].tolist() == [0, 1, 1, 1]
    assert sets.negative[:, 0].tolist() == [1, 1, 1, 0]
    assert conformal.fit(p[1:], y[1:], np.arange(17)) == [None]
    assert conformal.fit(p[:9], y[:9], np.arange(9)) == [None]


def test_no_patients_are_refused() -> None:
    with pytest.raises(DatasetError, match="there are none"):
        conformal.fit(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, int))


def drawn(rng: np.random.Generator, patients: int, targets: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that tell a little, neither calibrated nor of a well-known law."""
    y = (rng.random((patients, targets)) < 0.3).astype(float)
    return np.clip(rng.beta(2, 5, y.shape) + 0.2 * y * rng.random(y.shape), 0, 1), y


def test_either_class_is_covered() -> None:
    """Over 300 draws of other patients: 1 - error at least, less three standard errors."""
    rng = np.random.default_rng(0)
    covered = np.empty((300, 2))
    for trial in covered:
        p, y = drawn(rng, 200)
        fitted = conformal.fit(p, y, np.arange(200))
        p_new, y_new = drawn(rng, 500)
        own = conformal.sets(p_new, fitted)
        trial[:] = own.positive[y_new == 1].mean(), own.negative[y_new == 0].mean()
    least = 1 - conformal.ERROR - 3 * covered.std(axis=0) / np.sqrt(len(covered))
    assert (covered.mean(axis=0) >= least).all()
    assert (covered.mean(axis=0) < 1 - conformal.ERROR + 0.03).all()  # and no more than the few patients cost


def test_sets_shrink_as_the_error_grows() -> None:
    p, y = drawn(np.random.default_rng(1), 500)
    fits = [conformal.fit(p, y, np.arange(500), error)[0] for error in (0.02, 0.05, 0.1, 0.2, 0.4)]
    lows, highs = zip(*fits, strict=True)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs, reverse=True)


def test_one_ecg_of_each_patient_counts() -> None:
    """A patient with a thousand ECGs counts as one; which one is drawn depends on the seed."""
    rng = np.random.default_rng(2)
    p, y = drawn(rng, 300)
    patient = np.arange(300)
    often = np.append(np.arange(300), np.full(1000, 299))
    more = np.append(p, rng.random((1000, 1)), axis=0)
    same = np.append(y, np.full((1000, 1), y[299]), axis=0)
    once, again = conformal.fit(p, y, patient)[0], conformal.fit(more, same, often)[0]
    order = np.sort(p[y == 1])
    places = [np.searchsorted(order, fit.positive_from) for fit in (once, again)]
    assert abs(places[0] - places[1]) <= 1
    rows = conformal.one_each(often, seed=3)
    assert sorted(often[rows]) == list(range(300))
    assert {int(conformal.one_each(often, seed)[-1]) for seed in range(9)} != {299}


def test_unlabelled_recordings_do_not_count() -> None:
    rng = np.random.default_rng(4)
    p, y = drawn(rng, 400, targets=3)
    known = conformal.fit(p, y, np.arange(400))
    unlabelled = np.full((100, 3), np.nan)
    wider = conformal.fit(np.append(rng.random((100, 3)), p, axis=0), np.append(unlabelled, y, axis=0), np.arange(500))
    assert known == wider


def test_figures_are_counts() -> None:
    rng = np.random.default_rng(5)
    p, y = drawn(rng, 1000, targets=3)
    y[rng.random(y.shape) < 0.2] = np.nan
    patient = np.arange(1000) // 2
    fits = [*conformal.fit(p, y, patient)[:2], None]
    sets, flagged = conformal.sets(p, fits), flags.flag(p, [0.45] * 3)
    draws = bootstrap.plan(patient, "patients", 200, seed=0)
    *both, none = conformal.measure(sets, flagged, y, draws)
    assert none is None
    for column, worth in enumerate(both):
        fit, own, label = fits[column], p[:, column], y[:, column]
        assert worth.coverage_positive.value == pytest.approx((own[label == 1] >= fit.positive_from).mean())
        assert worth.coverage_negative.value == pytest.approx((own[label == 0] <= fit.negative_to).mean())
        unsure = (own >= fit.positive_from) == (own <= fit.negative_to)
        assert worth.unsure.value == pytest.approx((unsure & (own < 0.45))[~np.isnan(label)].mean())
        low, high = worth.coverage_positive.interval
        assert low < worth.coverage_positive.value < high


def test_out_of_fold_sets_ignore_the_patients_own_labels() -> None:
    p, y = drawn(np.random.default_rng(6), 600)
    patient = np.arange(600) // 2
    before = conformal.out_of_fold(p, y, patient)
    turn = deal(patient)
    changed = y.copy()
    changed[turn == 0] = 1 - changed[turn == 0]
    after = conformal.out_of_fold(p, changed, patient)
    assert np.array_equal(before.positive[turn == 0], after.positive[turn == 0])
    assert not np.isnan(before.positive).any()
    covered = before.negative[y == 0].mean()
    assert covered == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 300))
    assert np.isnan(conformal.out_of_fold(p[:6], y[:6], patient[:6]).positive).all()
