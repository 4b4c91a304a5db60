"""One heartbeat as a sum of waves of the cardiac dipole, and how it expresses the latents of the visit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import conduction, findings, spread
from ecg2lab_training.simulation.conduction import Conduction
from ecg2lab_training.simulation.findings import Findings
from ecg2lab_training.simulation.population import Visit, chance
from ecg2lab_training.simulation.waves import Vector, Wave, rotation

Matrix = NDArray[np.float64]
QRS_ONSET = -0.04  # s


@dataclass(frozen=True)
class Beat:
    """All waves of one patient's beat.

    Waves of repolarisation follow the QT interval, and so their `time` is counted from the end of the T wave.
    """

    atrial: tuple[Wave, ...]
    ventricular: tuple[Wave, ...]
    repolarisation: tuple[Wave, ...]
    ectopic: tuple[Wave, ...]  # all of an extrasystole from the ventricles
    conduction: Conduction
    findings: frozenset[str]
    qtc: float  # s, at 60 beats a minute
    flutter: float  # mV, fibrillatory waves
    swing: float  # share by which breathing moves all amplitudes
    sway: float  # rad by which breathing turns the heart

    def t_end(self, interval: float) -> float:
        """End of the T wave in s after the R peak, by Fridericia's law QT = QTc · RR^(1/3)."""
        return QRS_ONSET + self.qtc * float(np.clip(interval, 0.4, 1.5)) ** (1 / 3)


def draw(visit: Visit, rng: np.random.Generator) -> Beat:
    """Draw one patient's beat.

    Each expressed latent has a sign of its own: potassium the T wave's height and width, the P wave and the U wave;
    calcium the QT interval; anaemia the ST segment; renal function the septal wave; heart failure the T axis, the left
    atrium and the QRS width; lung disease the right atrium and the axis. `spread.py` and `findings.py` have what people
    differ in besides.
    """
    kind, found = conduction.draw(visit, rng), findings.draw(visit, rng)
    turn, voltage = _turn(visit, found, rng), _voltage(visit, found, rng)
    axis, t_axis = rotation(turn), rotation(spread.T_FOLLOWS * turn)
    return Beat(
        atrial=_atrial(visit, found, rng),
        ventricular=(
            *conduction.ventricular(kind, _ventricular(visit, found, voltage, axis, rng), voltage, axis),
            *_j_point(visit, t_axis, rng),
        ),
        repolarisation=_repolarisation(visit, found, t_axis, conduction.secondary(kind, voltage, axis), rng),
        ectopic=conduction.ectopic(voltage, rng),
        conduction=kind,
        findings=found.names,
        qtc=_qtc(visit, rng) + conduction.LATER[kind],
        flutter=float(rng.uniform(0.03, 0.08)),
        swing=float(rng.uniform(*spread.SWING)),
        sway=float(rng.uniform(*spread.SWAY)),
    )


def _turn(visit: Visit, found: Findings, rng: np.random.Generator) -> Vector:
    """The frontal axis turns to the left with age, weight and failure; to the right with a sick lung."""
    to_the_left = (
        spread.LEFTWARD
        + spread.LEFTWARD_AGE * (visit.age - 60)
        + spread.LEFTWARD_BMI * (visit.bmi - 27)
        + 0.05 * visit.heart_failure
        - 0.35 * visit.lung_disease
        + found.to_the_left
    )
    return rng.normal(0, spread.TURN) + np.array([0, 0, -to_the_left])


def _voltage(visit: Visit, found: Findings, rng: np.random.Generator) -> float:
    """Of the QRS: low in failure, lung disease, obesity, age and women."""
    return math.exp(
        -0.06 * visit.heart_failure
        - 0.08 * visit.lung_disease
        + spread.VOLTAGE_BMI * (visit.bmi - 27)
        + spread.VOLTAGE_AGE * (visit.age - 60)
        + _by_sex(visit, spread.VOLTAGE_MALE)
        + rng.normal(0, spread.VOLTAGE)
        + found.voltage
    )


def _by_sex(visit: Visit, size: float) -> float:
    return size if visit.male else -size


def _atrial(visit: Visit, found: Findings, rng: np.random.Generator) -> tuple[Wave, ...]:
    """Right atrium, then left; high potassium flattens both, lung disease loads the right, heart failure the left."""
    flat = min(max(0.2, 1 - 0.15 * visit.potassium), 1.6)
    size = flat * math.exp(rng.normal(0, spread.P_SIZE))
    ratio = math.exp(rng.normal(0, spread.P_RATIO))
    start = -0.166 - spread.PR_AGE * (visit.age - 60) - 0.012 * visit.heart_failure
    start = float(np.clip(start + rng.normal(0, spread.PR), -0.30, -0.105)) - found.later
    right, left = ratio * (1 + 1.10 * visit.lung_disease), (1 + 0.70 * visit.heart_failure) / ratio
    left *= math.exp(found.left_atrium)
    return (
        Wave("right atrium", size * right * np.array([0.05, 0.09, -0.05]), start, 0.017, 0.017),
        Wave("left atrium", size * left * np.array([0.06, 0.04, 0.06]), start + 0.035, 0.018, 0.018),
    )


def _width(visit: Visit, found: Findings, rng: np.random.Generator) -> float:
    signs = 1.03 + 0.06 * max(0.0, visit.potassium - 1) + 0.09 * visit.heart_failure
    return signs * math.exp(_by_sex(visit, spread.WIDTH_MALE) + found.width + rng.normal(0, spread.WIDTH))


def _ventricular(
    visit: Visit, found: Findings, voltage: float, axis: Matrix, rng: np.random.Generator
) -> tuple[Wave, ...]:
    """Septum, free wall, base of the heart; the septum grows as the kidneys fail."""
    width = _width(visit, found, rng)
    # it grows with the first loss most: at the worst it is some five times as strong
    growth = 1.7 * math.tanh(math.log(95 / visit.filtration) / 1.3)
    septum = math.exp(growth + rng.normal(0, spread.SEPTUM))
    base = math.exp(rng.normal(0, spread.BASE))
    waves = (
        ("septum", septum * np.array([-0.11, -0.07, -0.20]) + found.scar, -0.024, 0.0075, 0.0075),
        ("free wall", np.array([0.98, 0.77, 0.12]), 0.0, 0.0105, 0.0105),
        ("base", base * np.array([-0.05, -0.26, 0.78]), 0.021, 0.0100, 0.0110),
    )
    return tuple(
        Wave(name, axis @ (voltage * dipole), width * time, width * rise, width * fall)
        for name, dipole, time, rise, fall in waves
    )


def _j_point(visit: Visit, axis: Matrix, rng: np.random.Generator) -> list[Wave]:
    """ST to the front, as in most men, and early repolarisation."""
    own = spread.FRONT_MEN + spread.FRONT_AGE * (visit.age - 20) if visit.male else spread.FRONT_WOMEN
    front = (own + rng.normal(0, spread.FRONT)) / 1.4  # what V2 sees of the front
    odds = spread.EARLY_REPOLARISATION_MEN if visit.male else spread.EARLY_REPOLARISATION_WOMEN
    early = rng.random() < chance(odds + spread.EARLY_REPOLARISATION_AGE * (visit.age - 44))
    notch = rng.uniform(0.10, 0.25)
    waves = [Wave("ST in front", front * (axis @ np.array([0.1, 0.05, -1.0])), 0.075, 0.030, 0.090)]
    if early:
        towards = axis @ np.array([0.7, 0.7, -0.1])
        waves.append(Wave("notch", notch * towards, 0.048, 0.010, 0.012))
        waves.append(Wave("early ST", 0.6 * notch * towards, 0.090, 0.030, 0.070))
    return waves


def _repolarisation(
    visit: Visit, found: Findings, axis: Matrix, secondary: Vector, rng: np.random.Generator
) -> tuple[Wave, ...]:
    """ST segment, T wave and U wave.

    Potassium makes the T wave tall and narrow, its lack flat with a U wave; a failing ventricle makes the T wave
    small and turns it (strain); anaemia lowers the ST segment.
    """
    potassium = visit.potassium
    size = math.exp(0.48 * potassium + _by_sex(visit, spread.T_MALE) + rng.normal(0, spread.T_SIZE) + found.t_size)
    size = min(0.27 * size * math.exp(spread.T_AGE * (visit.age - 60)), 1.6)
    narrow = float(np.clip((1 - 0.08 * potassium) * math.exp(rng.normal(0, spread.T_WIDTH)), 0.6, 1.4))
    towards = np.array([0.70, 0.40, -0.80]) - (0.28 * visit.heart_failure + found.t_away) * np.array([1.05, 0.5, -0.2])
    t_turn = rotation(rng.normal(0, spread.T_TURN, size=3)) @ rotation(found.t_turn)
    t_wave = size * (axis @ t_turn @ towards) + secondary
    fall = 0.038 * narrow
    level = rng.normal(spread.ST_MEAN, spread.ST) + found.st - 0.050 * visit.anaemia - 0.010 * visit.heart_failure
    u_wave = min(max(0.0, 0.03 - 0.03 * potassium), 0.15) * math.exp(rng.normal(0, 0.3))
    return (
        Wave("ST", level * (axis @ np.array([0.9, 0.6, 0.2])) + 0.2 * secondary, -0.23, 0.055, 0.055),
        Wave("T", t_wave, -2 * fall, 0.062 * narrow, fall),
        Wave("U", u_wave * (axis @ np.array([0.5, 0.4, -0.6])), 0.09, 0.030, 0.040),
    )


def _qtc(visit: Visit, rng: np.random.Generator) -> float:
    """Calcium shortens the ST segment and with it QT; women and failure lengthen it."""
    qtc = spread.QTC_MEN if visit.male else spread.QTC_WOMEN
    qtc += -0.024 * visit.calcium + 0.006 * visit.heart_failure + rng.normal(0, spread.QTC)
    return float(np.clip(qtc, 0.30, 0.56))
