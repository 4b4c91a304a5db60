"""What hospital ECGs show of hearts whose owner's blood is as anybody's: common findings.

Without them whatever is not healthy would be explained by a laboratory value. They are drawn from the person's heart,
tell nothing of the blood, and are what `Findings` says they change in the beat.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ecg2lab_training.simulation.population import Visit, chance
from ecg2lab_training.simulation.waves import Vector

GEORGIA = (
    "Georgia 12-lead ECG Challenge Database, 10,344 ECGs of a hospital in Atlanta: diagnoses as the PhysioNet/CinC "
    "Challenge 2021 counted them (dx_mapping of its evaluation code)"
)
COUNTED = {
    "sinus tachycardia": 1261,
    "sinus bradycardia": 1677,
    "first-degree AV block": 769,
    "left axis deviation": 940,
    "left anterior fascicular block": 180,
    "left ventricular hypertrophy": 1232,
    "left atrial enlargement or abnormality": 942,
    "Q wave abnormal": 464,
    "nonspecific ST-T abnormality": 1883,
    "T wave inversion": 812,
    "T wave abnormal": 2306,
}
"""GEORGIA: ECGs with a diagnosis, whatever the reason."""
ECGS = 10344


class Share(NamedTuple):
    """How many people have a finding for other reasons than the simulated laboratory's."""

    share: float
    counted_as: str
    """In COUNTED."""


SHARES = {
    "hypertrophy": Share(0.120, "left ventricular hypertrophy"),
    "left atrium": Share(0.050, "left atrial enlargement or abnormality"),
    "long PR": Share(0.030, "first-degree AV block"),
    "fascicle": Share(0.010, "left anterior fascicular block"),
    "anterior scar": Share(0.020, "Q wave abnormal"),
    "inferior scar": Share(0.025, "Q wave abnormal"),
    "flat T": Share(0.070, "nonspecific ST-T abnormality"),
    "turned T": Share(0.030, "T wave inversion"),
}
"""At most what was counted, by eye: age, heart failure and potassium make such ECGs, too."""
AGE, YEARS = 0.03, 63
"""Growth of the log-odds with a year, and the age with these shares (slope from memory)."""
STRAIN = 0.4
"""Share of hypertrophies with it (from memory)."""


class Findings(NamedTuple):
    """What the findings of one heart change in its beat, all together; 0: nothing."""

    names: frozenset[str]
    voltage: float  # natural logarithm, of QRS
    width: float  # natural logarithm, of QRS
    to_the_left: float  # rad in the frontal plane
    left_atrium: float  # natural logarithm
    later: float  # s by which QRS follows P later
    scar: Vector  # (3) mV, of the first forces
    t_size: float  # natural logarithm
    t_away: float  # how far T turns away from the left ventricle, as in strain; 1: it is inverted to the left
    t_turn: Vector  # (3) rad
    st: float  # mV


def draw(visit: Visit, rng: np.random.Generator) -> Findings:
    """Draw the findings of one heart; the sizes are by eye, within what the names mean."""
    older = AGE * (visit.age - YEARS)
    luck = rng.random(len(SHARES))
    names = {
        name
        for (name, (share, _)), own in zip(SHARES.items(), luck, strict=True)
        if own < chance(math.log(share / (1 - share)) + older)
    }
    sizes, strained, plane = rng.random(10), rng.random() < STRAIN, rng.normal(size=3)

    def between(number: int, low: float, high: float, *, of: str) -> float:
        return low + (high - low) * float(sizes[number]) if of in names else 0.0

    scar = np.array([0.05, 0.0, 1.0]) * between(0, 0.15, 0.35, of="anterior scar")
    scar += np.array([0.0, -1.0, 0.1]) * between(1, 0.15, 0.35, of="inferior scar")
    large = "hypertrophy" in names
    strain = strained * between(2, 0.4, 1.0, of="hypertrophy")
    return Findings(
        names=frozenset(names),
        voltage=between(3, 0.30, 0.60, of="hypertrophy"),
        width=0.06 * large,
        to_the_left=between(4, 0.0, 0.35, of="hypertrophy") + between(5, 0.6, 1.0, of="fascicle"),
        left_atrium=between(6, 0.2, 0.7, of="left atrium") + 0.5 * between(6, 0.0, 0.7, of="hypertrophy"),
        later=between(7, 0.03, 0.10, of="long PR"),
        scar=scar,
        t_size=-between(8, 0.2, 0.8, of="flat T"),
        t_away=strain,
        t_turn=plane / np.linalg.norm(plane) * between(9, 1.0, 2.4, of="turned T"),
        st=-0.08 * strain - 0.05 * between(8, 0.0, 1.0, of="flat T") - 0.06 * between(9, 0.0, 1.0, of="turned T"),
    )
