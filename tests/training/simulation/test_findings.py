"""Common findings: as many people have each as is said, it shows as its name says, and the hospital looks like one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, findings, population

from . import measured
from .measured import People
from .test_electrocardiogram import HEALTHY

pytestmark = pytest.mark.slow

DRAWS = 6000
VISIT = HEALTHY._replace(age=findings.YEARS)


def names(age: float) -> list[frozenset[str]]:
    """Findings of many hearts of one age."""
    return [findings.draw(VISIT._replace(age=age), np.random.default_rng(i)).names for i in range(DRAWS)]


def test_shares_are_those_said_and_grow_with_age() -> None:
    """Four standard errors."""
    young, middle, old = (names(age) for age in (30, findings.YEARS, 90))
    for name, one in findings.SHARES.items():
        share = float(np.mean([name in own for own in middle]))
        assert share == pytest.approx(one.share, abs=4 * np.sqrt(one.share / DRAWS)), name
        assert sum(name in own for own in young) < DRAWS * share < sum(name in own for own in old), name


def test_no_share_is_above_the_published_one() -> None:
    """That one counts an ECG whatever the reason, those of failure and potassium among them."""
    assert all(one.share <= 1.01 * one.published for one in findings.SHARES.values())


def test_a_heart_without_findings_is_not_changed() -> None:
    found = next(f for i in range(50) if not (f := findings.draw(VISIT, np.random.default_rng(i))).names)
    assert not any(np.any(part) for part in found[1:])


@pytest.fixture(scope="module")
def hearts() -> dict[str, list[dict[str, float]]]:
    """Measures of the same people by what alone was found in them; "": nothing."""
    kept: dict[str, list[dict[str, float]]] = {"": [], **{name: [] for name in findings.SHARES}}
    for seed in range(8000):
        rng = np.random.default_rng([6, seed])
        drawn = beat.draw(VISIT, rng)
        if len(drawn.findings) < 2 and drawn.conduction == "regular" and len(kept["".join(drawn.findings)]) < 60:
            kept["".join(drawn.findings)].append(measured.measure(drawn, rng))
    return kept


def median(hearts: dict[str, list[dict[str, float]]], name: str, measure: str) -> float:
    """Of one measure over people with one finding."""
    values = [row[measure] for row in hearts[name]]
    assert len(values) > 20
    return float(np.median(values))


@pytest.mark.parametrize(
    ("name", "measure", "least", "most"),
    [
        ("hypertrophy", "Sokolow-Lyon voltage, mV", 0.5, 2.0),
        ("long PR", "PR interval, ms", 40, 90),
        ("fascicle", "QRS axis, °", -100, -50),
        ("flat T", "T wave in V5, mV", -0.2, -0.05),
        ("inverted T", "T wave in V5, mV", -1.0, -0.1),
    ],
)
def test_a_finding_shows_as_its_name_says(
    hearts: dict[str, list[dict[str, float]]], name: str, measure: str, least: float, most: float
) -> None:
    """The difference of medians from people without any."""
    assert least < median(hearts, name, measure) - median(hearts, "", measure) < most


def test_the_hospital_looks_like_one() -> None:
    """What is counted in its ECGs is within a factor of two of GEORGIA, whatever it comes from."""
    visits = population.join([population.block(12, 0, n * population.BLOCK) for n in range(3)])
    people = measured.of(visits)
    for counted, (share, published) in shares(people).items():
        assert published / 2 < share < 2 * published, counted


def shares(people: People) -> dict[str, tuple[float, float]]:
    """Share of ECGs with a measure beyond the usual limit, and GEORGIA's."""
    measures, sinus = people.measures, ~people.visits.fibrillation
    rate, t_wave = measures["Heart rate, 1/min"], measures["T wave in V5, mV"]

    def share(chosen: NDArray[np.bool_]) -> float:
        return float(chosen.mean())

    return {
        "sinus tachycardia": (share(sinus & (rate > 100)), 1261 / 10344),
        "sinus bradycardia": (share(sinus & (rate < 60)), 1677 / 10344),
        "first-degree AV block": (share(sinus & (measures["PR interval, ms"] > 200)), 769 / 10344),
        "left axis deviation": (share(measures["QRS axis, °"] < -30), 940 / 10344),
        "left ventricular hypertrophy": (share(measures["Sokolow-Lyon voltage, mV"] > 3.5), 1232 / 10344),
        "T wave inversion": (share(t_wave < 0), 812 / 10344),
        "T wave abnormal": (share(t_wave < 0.1), 2306 / 10344),
    }
