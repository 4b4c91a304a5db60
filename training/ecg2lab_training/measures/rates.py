"""Predictive values of a decision where an abnormality is as frequent as somebody states."""

from __future__ import annotations


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """Share of the flagged who have the abnormality, and of the others who do not (Bayes).

    Returns
    -------
    tuple
        PPV and NPV; None where nobody is flagged, or everybody.
    """
    flagged_ill, flagged_well = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, cleared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    ppv = flagged_ill / (flagged_ill + flagged_well) if flagged_ill + flagged_well else None
    npv = cleared / (missed + cleared) if missed + cleared else None
    return ppv, npv
