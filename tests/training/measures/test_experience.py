"""Distances from the features of training, and the limit that few recordings like them exceed."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import decisions, experience
from ecg2lab_training.measures.decisions import Answered, Answers, Setting
from ecg2lab_training.measures.distances import Distances

from ..evaluation.conftest import small_contract


def features(seed: int, count: int = 2000, width: int = 6) -> np.ndarray:
    """Correlated, of a common law."""
    mixing = np.random.default_rng(0).normal(size=(width, width))
    return np.random.default_rng(seed).normal(size=(count, width)) @ mixing + 3


def answers(*, seed: int = 1, patients: int = 400, shift: float = 0.0) -> Answered:
    """Of recordings with three windows, two of each patient, whose features are those of training, moved."""
    space = experience.learn(features(0))
    each = features(seed, 6 * patients).reshape(2 * patients, 3, 6) + shift
    rng = np.random.default_rng(seed)
    p, y = rng.random((2 * patients, 3, 1)), rng.integers(0, 2, (2 * patients, 1)).astype(float)
    missing = rng.integers(0, 5, 2 * patients)
    far = Distances.of(space, each)
    facts: dict = {"all": p, "age and sex": p}
    return decisions.answered(facts, y, np.arange(2 * patients) // 2, missing, {"all": far, "age and sex": far})


def test_distance_is_that_of_mahalanobis() -> None:
    """Of many features the covariance is hardly shrunk: within 1 % of the distance by the plain one."""
    own, others = features(0, 20_000), features(1, 50)
    space = experience.learn(own)
    centred = others - own.mean(axis=0)
    plain = np.sqrt(np.einsum("ni,ij,nj->n", centred, np.linalg.inv(np.cov(own.T)), centred))
    np.testing.assert_allclose(space.distances(others), plain, rtol=0.01)
    assert space.mean.dtype == space.whitening.dtype == np.float32


def test_distance_does_not_depend_on_the_axes() -> None:
    """Shrinkage towards a multiple of the identity keeps rotations: within float32 of mean and whitening."""
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(6, 6)))[0]
    own, others = features(0, 40), features(1, 30)
    plain = experience.learn(own).distances(others)
    turned = experience.learn(own @ rotation).distances(others @ rotation)
    np.testing.assert_allclose(plain, turned, rtol=1e-5)


def test_more_features_than_recordings_have_a_distance() -> None:
    space = experience.learn(features(0, 20, width=50))
    assert np.isfinite(space.distances(features(1, 5, width=50))).all()


@pytest.mark.parametrize("spoiled", [np.ones((9, 3)), np.full((9, 3), np.nan), np.zeros((1, 3))])
def test_features_that_say_nothing_are_refused(spoiled: np.ndarray) -> None:
    with pytest.raises(DatasetError, match="not finite or do not vary"):
        experience.learn(spoiled)


def test_one_in_a_hundred_of_other_patients_is_outside() -> None:
    """Of 4000 others by the limit of 400 patients: 1 %, within four standard errors of both."""
    limit = experience.limit(answers(seed=1)[Setting(1, "all")])
    others = answers(seed=2, patients=2000)[Setting(1, "all")].distances
    assert limit is not None
    assert (others >= limit).mean() == pytest.approx(0.01, abs=4 * np.sqrt(0.0099 * (1 / 400 + 1 / 4000)))


def test_the_limit_by_hand() -> None:
    """Of 199 patients k = ⌊200 / 100⌋ = 2: the second greatest; of 98 there is none."""
    distances = np.random.default_rng(0).permutation(np.arange(1.0, 200))
    own = Answers(np.zeros((199, 1)), np.zeros((199, 1)), np.arange(199), np.zeros(199, int), distances)
    assert experience.limit(own) == 198
    few = Answers(np.zeros((98, 1)), np.zeros((98, 1)), np.arange(98), np.zeros(98, int), distances[:98])
    assert experience.limit(few) is None


def test_what_is_shifted_is_outside() -> None:
    setting = Setting(3, "all")
    limit = experience.limit(answers()[setting])
    assert (answers(seed=3, shift=30.0)[setting].distances >= limit).all()


def test_every_setting_has_its_own_limit() -> None:
    """The mean of three windows varies less than one: its limit is nearer."""
    limits = experience.limits(answers(), features=12)
    by_setting = {(one.windows, one.facts): one for one in limits}
    assert set(by_setting) == {(w, f) for w in (1, 3) for f in ("all", "age and sex")}
    assert by_setting[3, "all"].distance < by_setting[1, "all"].distance
    assert by_setting[3, "all"].most_missing == 4
    assert by_setting[3, "age and sex"].most_missing == 10
    assert {one.patients for one in limits} == {400}
    assert experience.limits(answers(patients=90), features=12) == ()


def test_out_of_fold() -> None:
    own = answers(patients=1000)[Setting(1, "all")]
    share = experience.outside_out_of_fold(own)
    assert share == pytest.approx(0.01, abs=4 * np.sqrt(0.0099 * (1 / 800 + 1 / 2000)))
    assert experience.outside_out_of_fold(answers(patients=110)[Setting(1, "all")]) is None  # 88 are left


def test_recordings_of_other_lengths_join() -> None:
    space = experience.learn(features(0))
    one, three = features(1, 4).reshape(4, 1, 6), features(2, 6).reshape(2, 3, 6)
    both = Distances.join([Distances.of(space, one), Distances.of(space, three)])
    assert both.windows.shape == (6, 3)
    assert np.isnan(both.windows[:4, 1:]).all()
    np.testing.assert_allclose(both.mean[:4], both.windows[:4, 0])
    np.testing.assert_allclose(both.mean[4:], space.distances(three.mean(axis=1)))


def test_ranges_are_those_of_what_was_known() -> None:
    contract = small_contract()
    values = np.full((5, len(contract.continuous)), np.nan)
    values[:, 2] = [np.nan, 40, 61, 20, np.nan]
    (own,) = experience.ranges(contract, values)
    assert (own.name, own.minimum, own.maximum) == ("age", 20, 61)


def test_ranges_are_rounded_outwards_so_that_none_is_one_persons() -> None:
    contract = small_contract()
    values = np.full((2, len(contract.continuous)), np.nan)
    values[:, 0] = [16.1 / 3, 40.04]
    values[:, 1] = [-16.1 / 3, 0]
    values[:, 2] = [99.95, 100.1]
    found = [(own.minimum, own.maximum) for own in experience.ranges(contract, values)]
    assert found == [(5.36, 40.1), (-5.37, 0), (99.9, 101)]


def test_recordings_are_chosen_evenly() -> None:
    rows = np.arange(100, 1100)
    chosen = experience.evenly(rows, 10)
    assert chosen[0] == 100
    assert chosen[-1] == 1099
    assert set(np.diff(chosen)) <= {111}
    assert experience.evenly(rows) is rows
