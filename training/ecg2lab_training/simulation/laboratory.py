"""What the laboratory measured, and the labels that follow from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecg2lab_training.simulation.blood import Blood
from ecg2lab_training.simulation.physiology import Physiology, sigmoid
from ecg2lab_training.simulation.targets import QUESTIONS, REFERENCE, Question

HORIZON = 120  # min

ANALYTICAL_ERROR = 0.02  # relative; of the assay

DRIFT = {"potassium": 0.5, "hemoglobin": 0.8, "lactate": 0.6}
"""Standard deviation of the change over `HORIZON` minutes, in the lab's unit."""

ORDERED = {"nt_probnp": -0.3, "albumin": 0.6, "lactate": -0.2, "inr": 0.9, "calcium": 1.3}
"""Log-odds that a well patient has the lab measured; the others are in every routine panel."""
ROUTINE = 2.5


class Value(NamedTuple):
    """One measured value."""

    minutes: float  # after the ECG
    amount: float


def measure(body: Physiology, blood: Blood, rng: np.random.Generator) -> dict[str, list[Value]]:
    """Measured values of each lab; the first is the one around the ECG (minutes 0), if any.

    The ill are measured more often: missing labels are not missing at random.
    """
    measured = {}
    for lab, amount in blood.items():
        known = rng.random() < sigmoid(ORDERED.get(lab, ROUTINE) + 0.6 * body.severity)
        now = [Value(0, _assay(amount, rng))] if known else []
        measured[lab] = now + (_later(lab, amount, body, rng) if lab in DRIFT else [])
    return measured


def _assay(amount: float, rng: np.random.Generator) -> float:
    return float(amount * (1 + rng.normal(0, ANALYTICAL_ERROR)))


def _later(lab: str, amount: float, body: Physiology, rng: np.random.Generator) -> list[Value]:
    drift = rng.normal(0, DRIFT[lab])  # not to be seen in the ECG: later horizons are harder
    times = rng.uniform(0, HORIZON, size=rng.poisson(1.6 + 0.4 * body.severity))
    floor = 0.2 * REFERENCE[lab][0]
    return [Value(t, _assay(max(floor, amount + drift * t / HORIZON), rng)) for t in np.sort(times)]


def label(question: Question, values: list[Value]) -> bool | None:
    """Answer one question from the measured values; None: not known.

    Forecasting asks for any value beyond the limit in (0, horizon]; values beyond both leave it unknown.
    """
    if question.minutes is None:
        return question.crossed(values[0].amount) if values and values[0].minutes == 0 else None
    inside = [v.amount for v in values if 0 < v.minutes <= question.minutes]
    if not inside:
        return None
    low, high = REFERENCE[question.lab]
    if min(inside) < low and max(inside) > high:
        return None
    return any(question.crossed(v) for v in inside)


def labels(measured: dict[str, list[Value]]) -> dict[str, bool | None]:
    """Answer every question: target name → label."""
    return {q.name: label(q, measured[q.lab]) for q in QUESTIONS}
