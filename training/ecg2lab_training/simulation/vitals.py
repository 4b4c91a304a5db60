"""Vital signs and body measures as a chart has them: noisy, rounded, partly missing, sometimes mistyped."""

from __future__ import annotations

import numpy as np

from ecg2lab_training.simulation.physiology import Physiology, sigmoid

Features = dict[str, float | str | None]
"""Feature name of the contract → value in its unit."""

UNKNOWN = {"height_cm": -1.2, "weight_kg": -1.6, "bmi": -1.0, "age": -20.0}
"""Log-odds that a well patient lacks the value; of vital signs `UNKNOWN_VITAL`."""
UNKNOWN_VITAL = -1.4
MISTYPED = 0.002


def chart(body: Physiology, heart_rate: float, rng: np.random.Generator) -> Features:
    """Draw the ten numbers and two categories of the contract.

    Parameters
    ----------
    body
        The patient.
    heart_rate
        Of the ECG, 1/min; the charted one was taken at some other minute.
    """
    true = _true_values(body, heart_rate, rng)
    numbers: Features = {name: _charted(name, value, body, rng) for name, value in true.items()}
    return {
        **numbers,
        "sex": None if rng.random() < 0.005 else ("male" if body.male else "female"),
        "race": None if rng.random() < 0.04 else body.race,
    }


def _true_values(body: Physiology, heart_rate: float, rng: np.random.Generator) -> dict[str, float]:
    systolic = 133 - 10 * body.shock - 3 * body.volume_depletion + 0.2 * (body.age - 60) + rng.normal(0, 16)
    illness = body.inflammation + body.shock
    return {
        "respiratory_per_min": max(
            8.0, 16.5 + 1.8 * illness + body.heart_failure + body.lung_disease + rng.normal(0, 3)
        ),
        "spo2_percent": min(
            100.0, 98.2 - 0.6 * body.heart_failure - 0.6 * body.inflammation - body.lung_disease - rng.gamma(1.2, 0.9)
        ),
        "age": body.age,
        "diastolic_mmhg": 0.55 * systolic + rng.normal(0, 8),
        "heart_rate_bpm": max(35.0, heart_rate + rng.normal(0, 9)),
        "systolic_mmhg": systolic,
        "temperature_f": 98.1 + 0.6 * body.inflammation + rng.normal(0, 0.6),
        "height_cm": body.height_cm,
        "bmi": body.bmi,
        "weight_kg": body.weight_kg,
    }


def _charted(name: str, value: float, body: Physiology, rng: np.random.Generator) -> float | None:
    # the iller, the more closely watched: vital signs are not missing at random
    if rng.random() < sigmoid(UNKNOWN.get(name, UNKNOWN_VITAL) - 0.4 * body.severity):
        return None
    if name != "age" and rng.random() < MISTYPED:
        value *= 10  # a lost decimal point; mostly beyond the contract's range, then dropped as missing
    return float(round(value, 1 if name in ("temperature_f", "height_cm", "bmi", "weight_kg") else 0))
