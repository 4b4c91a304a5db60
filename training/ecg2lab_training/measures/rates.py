"""Predictive values of a decision where an abnormality is as frequent as somebody states."""

from __future__ import annotations


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
