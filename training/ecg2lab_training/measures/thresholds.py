"""Decision thresholds: after Youden, or the highest that reaches a stated sensitivity.

A target that the model cannot tell gets none. Any scores have a best threshold, meaningless ones too, and a program
that shows *detected* after it would be believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import curves

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen."""

    sensitivity: float | None = None
    """To reach; None: Youden, where sensitivity + specificity is greatest."""

    def __str__(self) -> str:
        return "Youden" if self.sensitivity is None else f"sensitivity ≥ {self.sensitivity:g}"


def parse(text: str) -> Rule:
    """Read `youden` or `sensitivity=0.9`.

    Raises
    ------
    DatasetError
        If it is neither.
    """
    name, _, number = text.partition("=")
    if text == "youden":
        return Rule()
    try:
        sensitivity = float(number)
    except ValueError:
        sensitivity = math.nan
    if name != "sensitivity" or not 0 < sensitivity <= 1:
        raise DatasetError(f"threshold {text!r} is not known; give youden, or sensitivity=0.9 for example")
    return Rule(sensitivity)


def choose(probabilities: Array, labels: Array, rule: Rule) -> float | None:
    """Choose the probability from which a case counts as detected.

    Parameters
    ----------
    probabilities
        (cases), calibrated.
    labels
        (cases): 0, 1, or NaN where unknown.
    rule
        From `parse`.

    Returns
    -------
    float or None
        In (0, 1); None where the AUROC of these cases is not above 0.5 by two standard errors, or they are of one
        class.
    """
    if not curves.above_chance(probabilities, labels):
        return None
    if rule.sensitivity is None:
        threshold = curves.youden_threshold(probabilities, labels)
    else:
        threshold = curves.reaching_threshold(probabilities, labels, rule.sensitivity)
    return None if threshold is None else min(max(threshold, 1e-9), 1 - 1e-9)  # a contract asks for (0, 1)
