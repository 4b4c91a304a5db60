"""Targets on which groups of patients can be compared: the same ones for all groups of an attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import curves


class Comparable(NamedTuple):
    """Targets of a comparison."""

    targets: NDArray[np.int64]  # those with enough cases in every group, rising
    left_out: dict[int, str]
    """For every other target: the group that has the fewest cases for it, and how many."""


def subgroup_targets(
    labels: NDArray[np.floating[Any]], groups: Mapping[str, NDArray[np.bool_]], least: int
) -> Comparable:
    """Choose the targets that have enough positives and negatives in every group.

    A mean over other targets in each group would compare targets, not groups.

    Parameters
    ----------
    labels
        (N, n): 0, 1, or NaN where unknown.
    groups
        (N) of each group of one attribute: whether the record belongs to it.
    least
        Positives, and negatives, that every group must have.
    """
    left_out = {}
    for target, column in enumerate(labels.T):
        fewest = min(
            (
                (count, kind, name)
                for name, members in groups.items()
                for kind, count in zip(("positives", "negatives"), curves.counts(column[members]), strict=True)
            ),
            default=(least, "", ""),
        )
        if fewest[0] < least:
            left_out[target] = "{2}: {0} {1}, fewer than {3}".format(*fewest, least)
    chosen = [target for target in range(labels.shape[1]) if target not in left_out]
    return Comparable(np.array(chosen, dtype=np.int64), left_out)
