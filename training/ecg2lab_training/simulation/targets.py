"""The targets of the simulated data set."""

from __future__ import annotations

from typing import NamedTuple

from ecg2lab.contract import Contract, Criterion, Target, published
from ecg2lab_training.labs import LABS

REFERENCE: dict[str, tuple[float, float]] = {
    "nt_probnp": (0, 353),
    "creatinine": (0.5, 1.2),
    "urea_nitrogen": (6, 20),
    "hemoglobin": (12.0, 17.5),
    "platelet_count": (150, 440),
    "potassium": (3.3, 5.1),
    "calcium": (8.4, 10.3),
    "sodium": (133, 145),
    "albumin": (3.5, 5.2),
    "lactate": (0.5, 2.0),
    "white_blood_cells": (4.0, 11.0),
    "inr": (0.9, 1.1),
}
"""Lower and upper reference limit: round figures like those of a hospital. A cohort takes its own."""

NOW = 60
"""Prediction: the value closest to the ECG within plus or minus this many minutes."""


class Question(NamedTuple):
    """One label: is this lab below or above its limit, now or within some minutes?"""

    lab: str
    side: str  # low | high
    minutes: int | None = None  # None: now

    @property
    def name(self) -> str:
        """Name of the target."""
        when = "now" if self.minutes is None else f"{self.minutes}min"
        return f"{self.lab}_{self.side}_{when}"

    @property
    def limit(self) -> float:
        """Reference limit that is crossed."""
        return REFERENCE[self.lab][self.side == "high"]

    def crossed(self, value: float) -> bool:
        """Whether a value is strictly beyond the limit."""
        return value > self.limit if self.side == "high" else value < self.limit


QUESTIONS = (
    Question("nt_probnp", "high"),
    Question("creatinine", "high"),
    Question("urea_nitrogen", "high"),
    Question("hemoglobin", "low"),
    Question("hemoglobin", "high"),
    Question("platelet_count", "low"),
    Question("potassium", "low"),
    Question("potassium", "high"),
    Question("calcium", "low"),
    Question("calcium", "high"),
    Question("sodium", "low"),
    Question("sodium", "high"),
    Question("albumin", "low"),
    Question("lactate", "high"),
    Question("white_blood_cells", "high"),
    Question("inr", "high"),
    Question("potassium", "high", 30),
    Question("potassium", "high", 60),
    Question("potassium", "high", 120),
    Question("potassium", "low", 120),
    Question("hemoglobin", "low", 60),
    Question("hemoglobin", "low", 120),
    Question("lactate", "high", 60),
    Question("lactate", "high", 120),
)


def _target(question: Question) -> Target:
    lab = LABS[question.lab]
    return Target(
        name=question.name,
        criterion=Criterion(
            lab=lab.name,
            loinc=lab.item.loinc,
            unit=lab.item.unit,
            comparison=">" if question.side == "high" else "<",
            threshold=question.limit,
            setting="prediction" if question.minutes is None else "forecasting",
            horizon_min=question.minutes or NOW,
            category=lab.category,
        ),
    )


def contract() -> Contract:
    """Contract of the simulated data set: no medians, no decision thresholds."""
    return published((_target(q) for q in QUESTIONS), name="simulated patients")
