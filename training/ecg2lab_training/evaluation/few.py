"""How few cases are too few to say anything. Table, card, figures and command line all ask here."""

from __future__ import annotations

from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.progress import counted

CASES = 30
"""Positives, and negatives. A target with fewer of either is marked *few cases*, and grey in figures."""
PATIENTS = 50
"""From fewer, nothing is concluded: a report says so at its top, and a subgroup is counted and not judged."""
GROUP_CASES = 20
"""Positives, and negatives, that a target has in every subgroup that is judged: ten for each of intercept and slope."""


def has_few(target: TargetResult) -> bool:
    """Whether a target's own figures say little."""
    return min(target.positives, target.negatives) < CASES


def too_few(evaluation: Evaluation) -> bool:
    """Whether the whole report says nothing."""
    return evaluation.data.patients < PATIENTS or all(map(has_few, evaluation.targets))


def sentence(evaluation: Evaluation) -> str:
    """What a reader must know of it before any figure; empty: there are enough cases of all targets."""
    few, every = sum(map(has_few, evaluation.targets)), len(evaluation.targets)
    patients = counted(evaluation.data.patients, "patient")
    if too_few(evaluation):
        return (
            f"Too few cases to conclude anything: {patients}, and {every - few} of {counted(every, 'target')} with "
            f"{CASES} positives and {CASES} negatives. The figures show that the evaluation runs, and nothing else."
        )
    if few:
        return (
            f"{few} of {counted(every, 'target')} {'has' if few == 1 else 'have'} fewer than {CASES} positives or "
            "negatives: marked *few cases*, and grey in the figures."
        )
    return ""
