"""Decision: mean probability, Platt calibration on its logit, thresholds, against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab._native import _core
from ecg2lab.contract import Calibration, Target, published, unnamed_targets
from ecg2lab.errors import BackendError

NONE = (1.0, 0.0, np.nan)
"""No calibration, no decision."""


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def calibrated(p, slope, intercept):
    return sigmoid(slope * np.log(p / (1 - p)) + intercept)


def target(index, slope, intercept, threshold):
    calibration = (
        None if (slope, intercept) == NONE[:2] else Calibration(slope=float(slope), intercept=float(intercept))
    )
    threshold = None if np.isnan(threshold) else float(threshold)
    return Target(name=f"target {index}", calibration=calibration, decision_threshold=threshold)


def decide(logits, rules):
    """A tuple for each target: probability, lowest, highest, verdict."""
    contract = published([target(i, *rule) for i, rule in enumerate(np.array(rules, ndmin=2))])
    decisions = _core.decide(np.array(logits, np.float32, ndmin=2), contract.native)
    return [(d.probability, d.lowest, d.highest, d.detected) for d in decisions]


@examples(200)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_probabilities_equal_numpy(windows, targets, seed):
    """Float64 on both sides; 1e-12 leaves room for exp and log of another library."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (windows, targets)).astype(np.float32)
    slope, intercept = random.uniform(0.2, 3, targets), random.normal(size=targets)
    rules = np.stack([slope, intercept, random.uniform(0.01, 0.99, targets)], axis=1)
    each = sigmoid(logits)
    expected = calibrated(each.mean(axis=0), slope, intercept)
    probability, lowest, highest, verdict = np.array(decide(logits, rules)).T
    np.testing.assert_allclose(probability, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(lowest, calibrated(each.min(axis=0), slope, intercept), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(highest, calibrated(each.max(axis=0), slope, intercept), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(verdict, probability >= rules[:, 2])
    assert (lowest <= probability + 1e-12).all()
    assert (probability <= highest + 1e-12).all()


def test_probabilities_are_averaged_not_logits():
    """Windows of logit 8 and −2: the mean probability is 0.56, that of the mean logit 0.95."""
    [(probability, *_)] = decide([[8], [-2]], [NONE])
    assert probability == pytest.approx((sigmoid(8) + sigmoid(-2)) / 2, abs=1e-12)


def test_calibration_is_applied_to_the_mean_not_to_each_window():
    [(probability, *_)] = decide([[8], [-2]], [(3.0, 1.0, np.nan)])
    mean = (sigmoid(8) + sigmoid(-2)) / 2
    assert probability == pytest.approx(calibrated(mean, 3, 1), abs=1e-12)
    assert abs(probability - calibrated(sigmoid([8, -2]), 3, 1).mean()) > 0.1


def test_no_calibration_leaves_the_probability_bit_for_bit():
    [(probability, *_)] = decide([[0.1]], [NONE])
    assert probability == 1 / (1 + np.exp(-np.float64(np.float32(0.1))))


def test_a_threshold_exactly_at_the_probability_counts_as_detected():
    [(probability, *_)] = decide([[0.3], [-1.2]], [NONE])
    for threshold, verdict in [(probability, 1), (np.nextafter(probability, 1), 0), (np.nextafter(probability, 0), 1)]:
        assert decide([[0.3], [-1.2]], [(1.0, 0.0, threshold)])[0][3] == verdict


def test_the_threshold_is_compared_with_the_calibrated_probability():
    """Logit 0 is 0.5; calibrated by +2 it is 0.88."""
    assert decide([[0]], [(1.0, 2.0, 0.8)])[0][3] == 1
    assert decide([[0]], [(1.0, -2.0, 0.4)])[0][3] == 0


def test_without_a_threshold_nothing_is_decided():
    assert decide([[1e4]], [NONE])[0][3] is None


@pytest.mark.parametrize("logit", [1e4, -1e4, 88.8, -745.2, 3.4e38, -3.4e38])
@pytest.mark.parametrize("rule", [NONE, (1.5, 0.3, 0.5), (0.01, -40.0, 0.5)])
def test_extreme_logits_stay_probabilities_on_the_right_side(logit, rule):
    [(probability, lowest, highest, _)] = decide([[logit], [logit]], [rule])
    for value in (probability, lowest, highest):
        assert 0 <= value <= 1
    [(of_zero, *_)] = decide([[0]], [rule])
    assert (probability > of_zero) == (logit > 0)


def test_calibration_keeps_the_order_of_probabilities():
    """Slope is positive, so a larger logit can never come out as a smaller probability: not at the ends either."""
    logits = np.linspace(-60, 60, 241, dtype=np.float32)
    for rule in ((0.7, 0.4, np.nan), (2.5, -1.0, np.nan)):
        probabilities = [decide([[x]], [rule])[0][0] for x in logits]
        assert (np.diff(probabilities) >= 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_refused(value):
    """Wherever it stands: a NaN in the last window of the last target too."""
    for place in [(0, 0), (2, 1)]:
        logits = np.zeros((3, 2), np.float32)
        logits[place] = value
        with pytest.raises(BackendError, match="not finite"):
            decide(logits, [NONE, NONE])


def test_the_order_of_windows_changes_only_rounding_and_targets_do_not_mix():
    logits = np.random.default_rng(0).normal(0, 3, (5, 4)).astype(np.float32)
    rules = np.array([(1.0 + i, i / 10, 0.5) for i in range(4)])
    whole = np.array(decide(logits, rules))
    shuffled = np.array(decide(logits[::-1], rules))
    np.testing.assert_allclose(shuffled, whole, rtol=1e-14)
    for column in range(4):
        alone = decide(logits[:, [column]], rules[[column]])
        assert alone == [tuple(whole[column])]


def test_wrong_sizes_and_types_are_errors():
    two = published(unnamed_targets(2)).native
    one = np.zeros((1, 2), np.float32)
    with pytest.raises(BackendError, match="no window"):
        _core.decide(one[:0], two)
    with pytest.raises(BackendError, match="as many logits"):
        _core.decide(one[:, :1].copy(), two)
    with pytest.raises(ValueError, match="two-dimensional"):
        _core.decide(one[0], two)
    with pytest.raises(TypeError):
        _core.decide(one.astype(np.float64), two)
