"""Rates of a decision at a threshold: their intervals, and the predictive values that follow."""

from __future__ import annotations

import math

_NORMAL_95 = 1.959963984540054  # quantile of the normal distribution for 95 % confidence


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """95 % interval of a proportion after Wilson (JASA 1927); None without a trial."""
    if not trials:
        return None
    share, z2 = successes / trials, _NORMAL_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) * _NORMAL_95 / (1 + z2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """Share of the detected who have the abnormality, and of the others who do not (Bayes).

    Returns
    -------
    tuple
        PPV and NPV; None where nobody is detected, or everybody.
    """
    detected_ill, detected_well = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, cleared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    ppv = detected_ill / (detected_ill + detected_well) if detected_ill + detected_well else None
    npv = cleared / (missed + cleared) if missed + cleared else None
    return ppv, npv
