"""One heartbeat as a sum of waves of the cardiac dipole, and how it expresses the latents of the visit.

Frank's axes: x to the left, y to the feet, z to the back. Amplitudes are millivolt before the lead vectors, times
are seconds after the R peak. A wave is a Gaussian that may rise and fall at different speeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation.population import Visit

Vector = NDArray[np.float64]
QRS_ONSET = -0.04  # s


@dataclass(frozen=True)
class Wave:
    """One deflection of the dipole."""

    name: str
    dipole: Vector  # (3) mV
    time: float  # s after the R peak; of waves of repolarisation, see `Beat`
    rise: float  # s, standard deviation before the peak
    fall: float  # s, standard deviation after the peak


@dataclass(frozen=True)
class Beat:
    """All waves of one patient's beat.

    Waves of repolarisation follow the QT interval, and so their `time` is counted from the end of the T wave.
    """

    atrial: tuple[Wave, ...]
    ventricular: tuple[Wave, ...]
    repolarisation: tuple[Wave, ...]
    qtc: float  # s, at 60 beats a minute
    flutter: float  # mV, fibrillatory waves

    def t_end(self, interval: float) -> float:
        """End of the T wave in s after the R peak, by Fridericia's law QT = QTc · RR^(1/3)."""
        return QRS_ONSET + self.qtc * float(np.clip(interval, 0.4, 1.5)) ** (1 / 3)


def draw(visit: Visit, rng: np.random.Generator) -> Beat:
    """Draw one patient's beat.

    Each expressed latent has a sign of its own: potassium the T wave's height and width, the P wave and the U wave;
    calcium the QT interval; anaemia the ST segment; renal function the septal wave; heart failure the T axis, the left
    atrium and the QRS width; lung disease the right atrium and the axis. What differs between people besides is small
    beside the signs, so that they can be read.
    """
    axis = _heart_axis(visit, rng)
    width = 1 + 0.06 * max(0.0, visit.potassium - 1) + 0.07 * visit.heart_failure + rng.normal(0, 0.04)
    return Beat(
        atrial=_atrial(visit, rng),
        ventricular=_ventricular(visit, max(width, 0.8), axis, rng),
        repolarisation=_repolarisation(visit, axis, rng),
        qtc=_qtc(visit, rng),
        flutter=float(rng.uniform(0.03, 0.08)),
    )


def _rotation(axis: Vector) -> NDArray[np.float64]:
    """Rotate by a small vector of angles, by Rodrigues' formula."""
    angle = float(np.linalg.norm(axis))
    if angle == 0:
        return np.eye(3)
    x, y, z = axis / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: NDArray[np.float64] = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turn


def _heart_axis(visit: Visit, rng: np.random.Generator) -> NDArray[np.float64]:
    """The frontal axis turns to the left with age, weight and failure; to the right with a sick lung."""
    to_the_left = 0.004 * (visit.age - 60) + 0.008 * (visit.bmi - 27) + 0.05 * visit.heart_failure
    to_the_left -= 0.20 * visit.lung_disease
    turn = rng.normal(0, [0.08, 0.12, 0.12]) + np.array([0, 0, -to_the_left])
    return _rotation(turn)


def _voltage(visit: Visit, rng: np.random.Generator) -> float:
    """Of the QRS: low in failure, lung disease, obesity, age and women."""
    log = (
        -0.06 * visit.heart_failure
        - 0.08 * visit.lung_disease
        - 0.012 * (visit.bmi - 27)
        - 0.004 * (visit.age - 60)
        + (0.06 if visit.male else -0.06)
        + rng.normal(0, 0.10)
    )
    return math.exp(log)


def _atrial(visit: Visit, rng: np.random.Generator) -> tuple[Wave, ...]:
    """Right atrium, then left; high potassium flattens both, lung disease loads the right, heart failure the left."""
    flat = min(max(0.2, 1 - 0.15 * visit.potassium), 1.6)
    size = flat * math.exp(rng.normal(0, 0.10))
    start = -0.165 - 0.0005 * (visit.age - 60) - 0.012 * visit.heart_failure + rng.normal(0, 0.010)
    right, left = 1 + 0.60 * visit.lung_disease, 1 + 0.35 * visit.heart_failure
    return (
        Wave("right atrium", size * right * np.array([0.05, 0.09, -0.05]), start, 0.017, 0.017),
        Wave("left atrium", size * left * np.array([0.06, 0.04, 0.06]), start + 0.035, 0.018, 0.018),
    )


def _ventricular(visit: Visit, width: float, axis: NDArray[np.float64], rng: np.random.Generator) -> tuple[Wave, ...]:
    """Septum, free wall, base of the heart; the septum grows as the kidneys fail."""
    voltage = _voltage(visit, rng)
    septum = math.exp(0.70 * math.log(95 / visit.filtration) + rng.normal(0, 0.04))
    waves = (
        ("septum", septum * np.array([-0.20, -0.12, -0.30]), -0.024, 0.0075, 0.0075),
        ("free wall", np.array([1.05, 0.85, 0.25]), 0.0, 0.0105, 0.0105),
        ("base", np.array([-0.05, -0.28, 0.75]), 0.021, 0.0100, 0.0110),
    )
    return tuple(
        Wave(name, axis @ (voltage * dipole), width * time, width * rise, width * fall)
        for name, dipole, time, rise, fall in waves
    )


def _repolarisation(visit: Visit, axis: NDArray[np.float64], rng: np.random.Generator) -> tuple[Wave, ...]:
    """ST segment, T wave and U wave.

    Potassium makes the T wave tall and narrow, its lack flat with a U wave; a failing ventricle makes the T wave
    small and turns it (strain); anaemia lowers the ST segment.
    """
    potassium = visit.potassium
    size = 0.30 * math.exp(0.36 * potassium - 0.003 * (visit.age - 60) + rng.normal(0, 0.08))
    size = min(size * (1.08 if visit.male else 0.92), 1.6)
    narrow = float(np.clip(1 - 0.08 * potassium + rng.normal(0, 0.02), 0.6, 1.4))
    towards = np.array([0.85, 0.65, -0.5]) - 0.35 * visit.heart_failure * np.array([0.9, 0.5, -0.3])
    t_axis = axis @ _rotation(rng.normal(0, 0.06, size=3)) @ towards
    fall = 0.038 * narrow
    lowered = 0.030 * visit.anaemia + 0.010 * visit.heart_failure + rng.normal(0, 0.006)
    u_wave = min(max(0.0, 0.03 - 0.03 * potassium), 0.15) * math.exp(rng.normal(0, 0.2))
    return (
        Wave("ST", -lowered * (axis @ np.array([0.9, 0.6, 0.2])), -0.23, 0.055, 0.055),
        Wave("T", size * t_axis, -2 * fall, 0.062 * narrow, fall),
        Wave("U", u_wave * (axis @ np.array([0.5, 0.4, -0.6])), 0.09, 0.030, 0.040),
    )


def _qtc(visit: Visit, rng: np.random.Generator) -> float:
    """Calcium shortens the ST segment and with it QT; women and failure lengthen it."""
    qtc = (
        0.410
        + (0 if visit.male else 0.012)
        - 0.026 * visit.calcium
        + 0.006 * visit.heart_failure
        + rng.normal(0, 0.003)
    )
    return float(np.clip(qtc, 0.30, 0.56))
