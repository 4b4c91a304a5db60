"""How a reduced precision moves what is decided: flags that change, and what is outside experience.

Both are of single windows: by the operating points and the limit for one window with all facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Target
from ecg2lab_export.experience import Space, limit_of
from ecg2lab_export.precision.auroc_loss import calibrated

Array = NDArray[np.float64]
LARGEST_CHANGE = 0.005
"""Of the share of flags that change, and of the share outside experience, by which it may grow."""


class Computed(NamedTuple):
    """What a window graph gives for B windows."""

    logits: Array  # (B n)
    features: Array | None  # (B F)


@dataclass(frozen=True)
class DecisionsMoved:
    """What was found."""

    flags_changed: float | None
    """Share of windows and targets that have an operating point; None: no target has one."""
    outside_fp32: float | None
    outside_reduced: float | None
    """Shares of windows; None: the contract has no limit, or the graphs give no features."""

    def refusal(self) -> str | None:
        """Which of them is too much, with its figures; None: neither."""
        if self.flags_changed is not None and not self.flags_changed <= LARGEST_CHANGE:
            return f"{self.flags_changed:.2%} of the flags change, more than {LARGEST_CHANGE:.1%},"
        before, after = self.outside_fp32, self.outside_reduced
        if before is not None and after is not None and not after - before <= LARGEST_CHANGE:
            return (
                f"{after:.2%} are outside experience, {before:.2%} in fp32, more than {LARGEST_CHANGE:.1%} beyond it,"
            )
        return None


def measure(exact: Computed, short: Computed, contract: Contract, space: Space | None) -> DecisionsMoved:
    """Compare both precisions on the same windows.

    Parameters
    ----------
    exact, short
        In fp32 and in the reduced precision.
    contract
        With operating points, calibrations and limits.
    space
        Of features; None: the contract says nothing of experience.
    """
    both = _outside(exact, contract, space), _outside(short, contract, space)
    return DecisionsMoved(_flags_changed(exact.logits, short.logits, contract.targets), *both)


def _flags_changed(exact: Array, short: Array, targets: tuple[Target, ...]) -> float | None:
    cuts = np.array([np.nan if cut is None else cut for cut in map(_threshold, targets)])
    decided = ~np.isnan(cuts)
    if not decided.any():
        return None
    logits = np.log(cuts[decided] / (1 - cuts[decided]))
    flags = [calibrated(each, targets)[:, decided] >= logits for each in (exact, short)]
    return float((flags[0] != flags[1]).mean())


def _threshold(target: Target) -> float | None:
    points = target.decision.points if target.decision else ()
    return next((point.threshold for point in points if (point.windows, point.facts) == (1, "all")), None)


def _outside(computed: Computed, contract: Contract, space: Space | None) -> float | None:
    limit = limit_of(contract, 1)
    if limit is None or space is None or computed.features is None:
        return None
    return float((~(space.distances(computed.features) <= limit.distance)).mean())  # what is not a number is outside
