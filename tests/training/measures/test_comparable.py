"""Groups are compared on targets that all of them have."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_training.measures import comparable


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("least", [0, 5, 20])
def test_equals_a_plain_loop(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random((300, 8)) < np.linspace(0.02, 0.98, 8)).astype(float)
    labels[rng.random((300, 8)) < 0.2] = np.nan
    number = rng.integers(0, 3, size=300)
    groups = {name: number == code for code, name in enumerate(("young", "middle", "old"))}
    expected = []
    for target in range(8):
        counts = [(labels[m, target] == value).sum() for m in groups.values() for value in (0, 1)]
        if min(counts) >= least:
            expected.append(target)
    chosen = comparable.subgroup_targets(labels, groups, least)
    assert chosen.targets.tolist() == expected
    assert sorted([*chosen.targets, *chosen.left_out]) == list(range(8))


def test_says_which_group_has_too_few_of_what() -> None:
    labels = np.array([[1.0, 1], [0, 0], [1, np.nan], [0, 0]])
    groups = {"women": np.array([True, True, False, False]), "men": np.array([False, False, True, True])}
    chosen = comparable.subgroup_targets(labels, groups, 1)
    assert chosen.targets.tolist() == [0]
    assert chosen.left_out == {1: "men: 0 positives, fewer than 1"}


def test_an_empty_group_leaves_nothing_to_compare_and_no_group_leaves_out_nothing() -> None:
    labels = np.array([[1.0], [0.0]])
    chosen = comparable.subgroup_targets(labels, {"nobody": np.zeros(2, bool)}, 1)
    assert chosen.targets.size == 0
    assert chosen.left_out == {0: "nobody: 0 negatives, fewer than 1"}
    assert comparable.subgroup_targets(labels, {}, 1).targets.tolist() == [0]
