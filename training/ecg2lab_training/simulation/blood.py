"""True concentrations in the blood at the moment of the ECG."""

from __future__ import annotations

import math

import numpy as np

from ecg2lab_training.simulation.physiology import Physiology

Blood = dict[str, float]
"""Lab slug → concentration, in the unit of the MIMIC lab item."""


def draw(body: Physiology, rng: np.random.Generator) -> Blood:
    """Concentrations that follow the patient's physiology, plus what nothing else explains.

    Platelets depend on age and sex alone: a label of which the ECG says nothing more keeps the simulation honest.
    """
    albumin = _albumin(body, rng)
    clearance = 95 / body.filtration  # how much of what the kidney excretes piles up
    return {
        "potassium": _potassium(body, rng),
        "calcium": _calcium(body, albumin, rng),
        "creatinine": (0.95 if body.male else 0.75) * clearance * math.exp(rng.normal(0, 0.12)),
        "urea_nitrogen": 13 * clearance**0.85 * math.exp(0.22 * body.volume_depletion + rng.normal(0, 0.2)),
        "hemoglobin": _hemoglobin(body, rng),
        "nt_probnp": _nt_probnp(body, clearance, rng),
        "sodium": 139
        - 2.0 * body.heart_failure
        - 0.8 * body.inflammation
        + 2.2 * body.volume_depletion
        + rng.normal(0, 3.0),
        "albumin": albumin,
        "lactate": math.exp(0.15 + 0.6 * body.shock + rng.normal(0, 0.3)),
        "white_blood_cells": 7.4 * math.exp(0.34 * body.inflammation + rng.normal(0, 0.27)),
        "inr": _inr(body, rng),
        "platelet_count": max(10.0, 240 - 0.6 * (body.age - 60) - 20 * body.male + rng.normal(0, 75)),
    }


def _potassium(body: Physiology, rng: np.random.Generator) -> float:
    value = 4.2 + 0.016 * max(0.0, 70 - body.filtration) + 0.15 * body.shock + rng.normal(0, 0.4)
    if rng.random() < 0.2:  # diuretics and diarrhoea
        value -= rng.uniform(0.3, 1.4)
    if rng.random() < 0.18:  # acute disturbance of any cause
        value += rng.normal(0, 1.1)
    return float(np.clip(value, 2.0, 8.2))


def _calcium(body: Physiology, albumin: float, rng: np.random.Generator) -> float:
    bound = 0.6 * (albumin - 4)  # the part that albumin carries
    value = 9.3 + bound - 0.01 * max(0.0, 45 - body.filtration) + rng.normal(0, 0.45)
    if rng.random() < 0.22:  # parathyroid disease, malignancy, transfusion …
        value += rng.normal(0, 1.5)
    return float(np.clip(value, 5.5, 14.5))


def _hemoglobin(body: Physiology, rng: np.random.Generator) -> float:
    usual = 14.7 if body.male else 13.3
    loss = body.bleeding + 0.6 * body.inflammation + 0.025 * max(0.0, 60 - body.filtration)
    # a lung that starves the blood of oxygen makes the marrow answer
    value = usual - loss + 1.7 * body.lung_disease + rng.normal(0, 1.0)
    if rng.random() < 0.025:  # polycythaemia of the marrow itself
        value += rng.uniform(3, 6)
    return float(np.clip(value, 4.5, 22))


def _nt_probnp(body: Physiology, clearance: float, rng: np.random.Generator) -> float:
    exponent = (
        4.2
        + 1.25 * body.heart_failure
        + 0.9 * body.atrial_fibrillation
        + 0.02 * (body.age - 60)
        + 0.5 * math.log(clearance)
        - 0.02 * (body.bmi - 27)
        + rng.normal(0, 0.8)
    )
    return math.exp(min(exponent, math.log(70_000)))


def _albumin(body: Physiology, rng: np.random.Generator) -> float:
    ageing = 0.006 * (body.age - 60)
    value = 4.2 - 0.45 * body.inflammation - 0.15 * body.heart_failure - ageing + rng.normal(0, 0.33)
    return float(np.clip(value, 1.2, 5.6))


def _inr(body: Physiology, rng: np.random.Generator) -> float:
    """Anticoagulation is what atrial fibrillation brings with it: the ECG sees the reason, not the value."""
    anticoagulated = rng.random() < (0.7 if body.atrial_fibrillation else 0.06)
    value = 1.0 + rng.normal(0, 0.05) + 0.03 * body.inflammation
    return float(max(0.8, value + (rng.uniform(0.4, 2.2) if anticoagulated else 0)))
