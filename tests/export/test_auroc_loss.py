"""AUROC loss: the fast formula against the definition, and the expected one against drawn labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg2lab.contract import Calibration, Target
from ecg2lab_export.precision.auroc_loss import losses, weighted_auroc

few_values = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)


def by_definition(scores, positive, negative):
    """Σ_{i≠j} p_i q_j ([s_i > s_j] + [s_i = s_j] / 2) / Σ_{i≠j} p_i q_j, pair by pair."""
    order = (scores[:, None] > scores) + (scores[:, None] == scores) / 2
    pairs = positive[:, None] * negative
    np.fill_diagonal(pairs, 0)
    return (pairs * order).sum() / pairs.sum() if pairs.sum() else np.nan


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unnamed(count):
    return tuple(Target(name=f"t{i}") for i in range(count))


@pytest.mark.slow
@given(few_values)
def test_weighted_auroc_is_its_definition(cases):
    """Few distinct scores, so that most are tied."""
    scores, positive, negative = np.array(cases, dtype=float).T
    (found,) = weighted_auroc(scores[:, None], positive[:, None], negative[:, None])
    np.testing.assert_allclose(found, by_definition(scores, positive, negative), rtol=1e-12)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_expected_loss_is_never_negative(seed):
    """No scores order cases better, in expectation, than the probabilities that the labels are drawn from."""
    random = np.random.default_rng(seed)
    reference = random.normal(random.normal(0, 3), random.uniform(0.01, 5), (40, 3))
    reduced = reference + random.normal(0, random.uniform(0, 3), (40, 3))
    for loss in losses(reference, reduced, None, unnamed(3)):
        assert loss.basis == "expected"
        assert loss.loss >= -1e-12


@pytest.mark.slow
def test_expected_auroc_is_the_mean_over_drawn_labels():
    random = np.random.default_rng(0)
    reference = random.normal(-1, 1.5, 300)
    reduced = reference + random.normal(0, 1, 300)
    (loss,) = losses(reference[:, None], reduced[:, None], None, unnamed(1))
    drawn = (random.random((300, 4000)) < sigmoid(reference)[:, None]).astype(float)
    aurocs = [weighted_auroc(np.tile(s[:, None], 4000), drawn, 1 - drawn) for s in (reference, reduced)]
    change = aurocs[0] - aurocs[1]
    # four standard errors of the mean, and the bias of order 1/300 of a ratio of means
    assert abs(loss.auroc - aurocs[0].mean()) < 4 * aurocs[0].std() / 4000**0.5 + 1e-3
    assert abs(loss.loss - change.mean()) < 4 * change.std() / 4000**0.5 + 1e-3
    assert loss.loss > 0.02


def test_a_pair_that_changes_places_costs_the_difference_of_its_probabilities():
    p = np.array([0.2, 0.5, 0.9])
    reference = np.log(p / (1 - p))[:, None]
    reduced = reference[[1, 0, 2]]
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    (loss,) = losses(reference, reduced, None, unnamed(1))
    np.testing.assert_allclose(loss.loss, (p[1] - p[0]) / pairs, rtol=1e-12)


def test_what_keeps_the_order_costs_nothing():
    random = np.random.default_rng(1)
    reference = random.normal(0, 2, (100, 4))
    labels = (random.random((100, 4)) < 0.3).astype(np.float32)
    for known in (None, labels):
        for loss in losses(reference, 3 * reference - 1, known, unnamed(4)):
            assert loss.loss == 0
            assert loss.logit_error > 0.5


def test_a_calibration_decides_how_much_a_pair_is_worth():
    """Under-confident logits: the calibrated model sees three times the difference, and so does the loss."""
    random = np.random.default_rng(2)
    reference = random.normal(0, 0.1, (400, 1))
    reduced = reference + random.normal(0, 0.05, (400, 1))
    (plain,) = losses(reference, reduced, None, unnamed(1))
    sure = Target(name="t0", calibration=Calibration(slope=3.0, intercept=0.0))
    (calibrated,) = losses(reference, reduced, None, (sure,))
    assert 2.9 < calibrated.loss / plain.loss < 3.0  # a little less than 3: sigmoid is concave away from 0


def labelled(random, count, prevalence, noise):
    """Scores that know something, labels, and scores with noise added."""
    reference = random.normal(0, 1, (count, 1))
    labels = (random.random((count, 1)) < sigmoid(1.5 * reference + np.log(prevalence))).astype(np.float32)
    return reference, reference + random.normal(0, noise, (count, 1)), labels


def test_labels_decide_where_they_can():
    random = np.random.default_rng(3)
    reference, reduced, labels = labelled(random, 500, 0.3, 0.003)
    labels[:50] = np.nan
    (loss,) = losses(reference, reduced, labels, unnamed(1))
    known = ~np.isnan(labels[:, 0])
    y = labels[known, 0].astype(float)
    before, after = (by_definition(s[known, 0], y, 1 - y) for s in (reference, reduced))
    assert loss.basis == "labels"
    np.testing.assert_allclose((loss.auroc, loss.loss), (before, before - after), atol=1e-12)


def test_a_loss_beyond_chance_counts_however_wide_the_chance():
    reference, reduced, labels = labelled(np.random.default_rng(4), 200, 0.5, 3)
    (loss,) = losses(reference, reduced, labels, unnamed(1))
    assert loss.basis == "labels"
    assert loss.loss > 0.05


@pytest.mark.slow
def test_labels_that_cannot_tell_leave_it_to_the_expected_loss():
    """Few windows, little noise: over many draws the worst loss by labels would exceed 0.002 by chance alone."""
    random = np.random.default_rng(5)
    by_labels, decided = [], []
    for _ in range(200):
        reference, reduced, labels = labelled(random, 100, 0.3, 0.02)
        y = labels[:, 0].astype(float)
        by_labels.append(by_definition(reference[:, 0], y, 1 - y) - by_definition(reduced[:, 0], y, 1 - y))
        decided.append(losses(reference, reduced, labels, unnamed(1))[0].loss)
    assert max(by_labels) > 0.002
    assert max(decided) < 0.002


@pytest.mark.parametrize("positives", [0, 1, 9])
def test_with_too_few_positives_the_loss_is_expected(positives):
    random = np.random.default_rng(6)
    reference = random.normal(0, 1, (200, 1))
    labels = np.zeros((200, 1), np.float32)
    labels[:positives] = 1
    for known in (labels, 1 - labels):
        (loss,) = losses(reference, reference + 1e-3, known, unnamed(1))
        assert loss.basis == "expected"
    (unknown,) = losses(reference, reference, np.full((200, 1), np.nan, np.float32), unnamed(1))
    assert unknown.basis == "expected"


def test_a_target_that_is_certain_throughout_is_not_measured():
    reference = np.stack([np.full(50, 1000.0), np.linspace(-1, 1, 50)], axis=1)
    certain, other = losses(reference, reference, None, unnamed(2))
    assert certain.basis is None
    assert np.isnan(certain.loss)
    assert other.basis == "expected"
