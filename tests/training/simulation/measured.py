"""Measures of simulated beats, as a cart's program takes them, on healthy people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, dipole, electrodes, population, rhythm
from ecg2lab_training.simulation.population import Visits

Floats = NDArray[np.float64]
RATE, PEAK = 1000, 0.6  # Hz; s from the begin to the R peak
AT_J = 0.004  # s after the end of QRS


class People(NamedTuple):
    """People and what was measured on each."""

    visits: Visits
    conduction: NDArray[np.str_]
    early: NDArray[np.bool_]  # early repolarisation
    normal: NDArray[np.bool_]  # an ECG without findings
    measures: dict[str, Floats]  # by the names of `spread.PUBLISHED`, and "ST at J, V1-V4, mV"


def healthy(blocks: int, youngest: float = 18, oldest: float = 97) -> People:
    """Draw visits of people whom nothing of the simulated laboratory ails that the ECG would show."""
    drawn = population.join([population.block(11, 0, n * population.BLOCK) for n in range(blocks)])
    well = (drawn.heart_failure == 0) & (drawn.lung_disease == 0) & (drawn.anaemia == 0) & ~drawn.fibrillation
    well &= (np.abs(drawn.potassium) < 2) & (np.abs(drawn.calcium) < 2)
    well &= (drawn.filtration > 60) & (drawn.age >= youngest) & (drawn.age <= oldest)
    return of(drawn.take(well))


def of(visits: Visits) -> People:
    """Draw the beats of visits, and measure them."""
    beats, rows = [], []
    for row in range(len(visits)):
        rng = np.random.default_rng([5, row])
        beats.append(beat.draw(visits.one(row), rng))
        rows.append(measure(beats[-1], rng) | {"Heart rate, 1/min": float(visits.heart_rate[row])})
    return People(
        visits,
        np.array([b.conduction for b in beats]),
        np.array([any(w.name == "notch" for w in b.ventricular) for b in beats]),
        np.array([not b.findings and b.conduction not in ("left", "right") for b in beats]),
        {name: np.array([row[name] for row in rows]) for name in rows[0]},
    )


def measure(drawn: beat.Beat, rng: np.random.Generator) -> dict[str, float]:
    """One beat at 60 a minute, without noise, seen by electrodes as they are placed."""
    one = rhythm.Rhythm(False, np.array([PEAK]), np.array([1.0]), 0.25, np.array([False]))
    eight = dipole.independent_leads(dipole.trajectory(drawn, one, 1200, RATE), electrodes.place(rng))
    leads = dict(zip(dipole.LEADS, dipole.twelve_leads(eight), strict=True))
    begin, end = qrs(drawn)
    part = slice(int(RATE * (PEAK + begin)), int(RATE * (PEAK + end)))
    area = {name: leads[name][part].sum() for name in ("I", "aVF")}
    later = slice(int(RATE * (PEAK + 0.16)), int(RATE * (PEAK + 0.45)))
    lateral = leads["V5"][part].max(), leads["V6"][part].max()
    t_wave = leads["V5"][later]
    at_j = round(RATE * (PEAK + end + AT_J))
    return {
        "QRS axis, °": float(np.degrees(np.arctan2(area["aVF"] * 2 / np.sqrt(3), area["I"]))),
        "PR interval, ms": 1000 * (begin - (drawn.atrial[0].time - 2.2 * drawn.atrial[0].rise)),
        "QRS duration, ms": 1000 * (end - begin),
        "QTc (Fridericia), ms": 1000 * drawn.qtc,
        "Sokolow-Lyon voltage, mV": float(max(lateral) - leads["V1"][part].min()),
        "T wave in V5, mV": float(t_wave[np.abs(t_wave).argmax()]),
        "ST at J, V1-V4, mV": float(max(leads[name][at_j] for name in ("V1", "V2", "V3", "V4"))),
    }


def qrs(drawn: beat.Beat) -> tuple[float, float]:
    """Begin and end of QRS in s after the R peak: where the dipole of its waves leaves and reaches 0.04 mV."""
    times = np.arange(-0.1, 0.16, 0.001)
    total = np.zeros((len(times), 3))
    for wave in drawn.ventricular:
        if "ST" not in wave.name and wave.name != "notch":
            width = np.where(times < wave.time, wave.rise, wave.fall)
            total += np.exp(-0.5 * ((times - wave.time) / width) ** 2)[:, None] * wave.dipole
    above = times[np.linalg.norm(total, axis=1) > 0.04]
    return float(above[0]), float(above[-1])
