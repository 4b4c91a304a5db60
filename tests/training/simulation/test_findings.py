"""Common findings: as many people have each as is said, it shows as its name says, and the hospital looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_training.simulation import beat, findings, population
from ecg2lab_training.simulation.waves import Wave

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


def test_no_share_is_above_what_was_counted() -> None:
    """That one counts an ECG whatever the reason, those of failure and potassium among them; to a percent of it."""
    together: dict[str, float] = {}
    for share, counted_as in findings.SHARES.values():
        together[counted_as] = together.get(counted_as, 0.0) + share
    for counted_as, share in together.items():
        assert share <= 1.01 * findings.COUNTED[counted_as] / findings.ECGS, counted_as


def test_a_heart_without_findings_is_not_changed() -> None:
    assert not any(np.any(part) for part in nothing()[1:])


def nothing() -> findings.Findings:
    """Of a heart without any."""
    drawn = (findings.draw(VISIT, np.random.default_rng(seed)) for seed in range(50))
    return next(found for found in drawn if not found.names)


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
        ("turned T", "T wave in V5, mV", -1.0, -0.1),
    ],
)
def test_a_finding_shows_as_its_name_says(
    hearts: dict[str, list[dict[str, float]]], name: str, measure: str, least: float, most: float
) -> None:
    """The difference of medians from people without any."""
    assert least < median(hearts, name, measure) - median(hearts, "", measure) < most


def test_a_turned_t_wave_is_often_below_zero_and_a_flat_one_is_not(hearts: dict[str, list[dict[str, float]]]) -> None:
    below = {name: np.mean([row["T wave in V5, mV"] < 0 for row in rows]) for name, rows in hearts.items()}
    assert below["turned T"] > 0.2
    assert max(below[""], below["flat T"]) < 0.1


class TestParts:
    """What each field of `Findings` changes in the beat of one and the same heart."""

    plain = nothing()

    def waves(self, monkeypatch: pytest.MonkeyPatch, **changed: object) -> dict[str, Wave]:
        """Waves by name."""
        found = self.plain._replace(**changed)
        monkeypatch.setattr(findings, "draw", lambda *_: found)
        drawn = beat.draw(VISIT, np.random.default_rng(3))
        assert drawn.conduction == "regular"
        return {wave.name: wave for wave in (*drawn.atrial, *drawn.ventricular, *drawn.repolarisation)}

    def test_sizes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = self.waves(monkeypatch)
        for field, names in (
            ("voltage", ("septum", "free wall", "base")),
            ("left_atrium", ("left atrium",)),
            ("t_size", ("T",)),
        ):
            larger = self.waves(monkeypatch, **{field: 0.5})
            for name in plain:
                factor = np.exp(0.5) if name in names else 1.0
                np.testing.assert_allclose(larger[name].dipole, factor * plain[name].dipole, err_msg=f"{field} {name}")

    def test_width_and_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain, wide, late = (self.waves(monkeypatch, **own) for own in ({}, {"width": 0.1}, {"later": 0.05}))
        assert wide["free wall"].rise == pytest.approx(np.exp(0.1) * plain["free wall"].rise)
        for name in ("right atrium", "left atrium"):
            assert late[name].time == pytest.approx(plain[name].time - 0.05)

    def test_a_scar_is_in_the_first_forces_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain, scarred = self.waves(monkeypatch), self.waves(monkeypatch, scar=np.array([0.0, -0.3, 0.0]))
        moved = {name: scarred[name].dipole - plain[name].dipole for name in plain}
        assert np.linalg.norm(moved.pop("septum")) > 0.2
        assert not np.any([*moved.values()])

    def test_strain_inverts_t_and_lowers_st(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain, strained = self.waves(monkeypatch), self.waves(monkeypatch, t_away=1.0, st=-0.1)
        to_the_left = {name: (plain[name].dipole[0], strained[name].dipole[0]) for name in ("T", "ST")}
        assert to_the_left["T"][1] < 0 < to_the_left["T"][0]
        assert to_the_left["ST"][1] < to_the_left["ST"][0] - 0.05


def test_the_hospital_looks_like_one() -> None:
    """What is measured in its ECGs is within a factor of two of GEORGIA, whatever it comes from: docs/simulation.md."""
    people = measured.of(population.join([population.block(12, 0, n * population.BLOCK) for n in range(8)]))
    for counted, share in shares(people).items():
        published = findings.COUNTED[counted] / findings.ECGS
        assert published / 2 < share < 2 * published, counted


def shares(people: People) -> dict[str, float]:
    """Share of ECGs with a measure beyond the usual limit."""
    measures, sinus = people.measures, ~people.visits.fibrillation
    rate, t_wave = measures["Heart rate, 1/min"], measures["T wave in V5, mV"]
    chosen = {
        "sinus tachycardia": sinus & (rate > 100),
        "sinus bradycardia": sinus & (rate < 60),
        "first-degree AV block": sinus & (measures["PR interval, ms"] > 200),
        "left axis deviation": measures["QRS axis, °"] < -30,
        "left ventricular hypertrophy": measures["Sokolow-Lyon voltage, mV"] > 3.5,
        "T wave inversion": t_wave < 0,
        "T wave abnormal": t_wave < 0.1,
    }
    return {counted: float(own.mean()) for counted, own in chosen.items()}
