"""Simulated people differ as has been published of real ones, and what they differ in tells nothing of their blood."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg2lab_training.simulation import (
    beat,
    cart,
    conduction,
    electrocardiogram,
    electrodes,
    hospital,
    population,
    rhythm,
    spread,
    truth,
)
from ecg2lab_training.simulation.dipole import DOWER
from ecg2lab_training.simulation.population import Visit
from ecg2lab_training.simulation.questions import QUESTIONS
from ecg2lab_training.simulation.spread import Published

from . import measured
from .measured import People
from .test_electrocardiogram import HEALTHY

pytestmark = pytest.mark.slow

DRAWS = 4000


@pytest.fixture(scope="module")
def middle_aged() -> People:
    """Healthy people of the ages of the published ranges."""
    return measured.healthy(12, 35, 68)


@pytest.mark.parametrize("published", spread.PUBLISHED, ids=lambda p: f"{p.measure} {p.sex} {p.share}")
def test_ranges_are_the_published_ones(middle_aged: People, published: Published) -> None:
    """As wide to within a quarter, and in the same place to within a quarter of the width.

    The ranges of 2 to 98 % rest on some thirty people beyond each end; sources differ from each other by as much.
    """
    people = middle_aged.normal
    if published.sex != "all":
        people = people & (middle_aged.visits.male == (published.sex == "men"))
    tail = (1 - published.share) / 2
    low, high = np.quantile(middle_aged.measures[published.measure][people], [tail, 1 - tail])
    width = published.high - published.low
    assert high - low == pytest.approx(width, rel=0.25)
    assert (low + high) / 2 == pytest.approx((published.low + published.high) / 2, abs=width / 4)


def test_st_in_front_is_that_of_men_and_women(middle_aged: People) -> None:
    """0.1 mV at the J point of any of V1-V4: 93 % of men of 17-24, 30 % of those above 76, 20 % of women (SURAWICZ)."""
    young, old = measured.healthy(40, 18, 26), measured.healthy(40, 76, 97)

    def share(people: People, male: bool) -> float:
        chosen = people.normal & (people.visits.male == male)
        return float((people.measures["ST at J, V1-V4, mV"][chosen] >= 0.1).mean())

    assert share(young, True) == pytest.approx(0.93, abs=0.07)
    assert share(old, True) == pytest.approx(0.30, abs=0.12)
    assert share(middle_aged, False) == pytest.approx(0.20, abs=0.08)


def test_early_repolarisation_is_as_common_as_published() -> None:
    drawn = measured.healthy(8, 34, 54)
    assert drawn.early.mean() == pytest.approx(0.058, abs=0.02)
    assert drawn.early[drawn.visits.male].mean() > 1.5 * drawn.early[~drawn.visits.male].mean()


def shares(visit: Visit) -> dict[str, float]:
    """How often each conduction is drawn."""
    kinds = [conduction.draw(visit, np.random.default_rng(i)) for i in range(DRAWS)]
    return {kind: kinds.count(kind) / DRAWS for kind in ("regular", "incomplete", "right", "left")}


def test_bundle_branch_block_grows_with_age() -> None:
    """1 % of men of 50, 17 % of men of 80 (ERIKSSON); four standard errors."""
    at_50, at_80 = shares(HEALTHY._replace(age=50)), shares(HEALTHY._replace(age=80))
    woman = shares(HEALTHY._replace(age=80, male=False))
    assert at_50["right"] + at_50["left"] == pytest.approx(0.01, abs=0.007)
    assert at_80["right"] + at_80["left"] == pytest.approx(0.17, abs=0.024)
    assert woman["right"] + woman["left"] < 0.7 * (at_80["right"] + at_80["left"])
    assert at_80["left"] < at_80["right"]
    assert at_50["incomplete"] == pytest.approx(spread.INCOMPLETE, abs=0.013)


def test_a_blocked_branch_makes_qrs_wide() -> None:
    wide = {kind: [] for kind in ("regular", "right", "left")}  # type: dict[str, list[float]]
    for seed in range(3000):
        drawn = beat.draw(HEALTHY._replace(age=85), np.random.default_rng(seed))
        if drawn.conduction in wide and len(wide[drawn.conduction]) < 40:
            begin, end = measured.qrs(drawn)
            wide[drawn.conduction].append(end - begin)
    assert all(len(found) == 40 for found in wide.values())
    assert np.median(wide["regular"]) < 0.11 < 0.12 < np.median(wide["right"]) < 0.16
    assert 0.12 < np.median(wide["left"]) < 0.18


class TestRhythm:
    """Extrasystoles and breathing."""

    healthy = HEALTHY._replace(age=60)

    def test_one_ecg_in_seventy_has_extrasystoles_of_the_ventricles(self) -> None:
        """QURESHI: 1.5 %; beats outside the ten seconds and four standard errors allowed for."""
        drawn = [rhythm.draw(self.healthy, 10, np.random.default_rng(i)) for i in range(DRAWS)]
        inside = [(r.ventricular & (r.peaks > 0) & (r.peaks < 10)).any() for r in drawn]
        assert np.mean(inside) == pytest.approx(0.015, abs=0.008)

    def test_the_pause_makes_up_for_what_came_early(self) -> None:
        calm = self.healthy._replace(age=97, heart_failure=3)  # next to no respiratory arrhythmia
        found = [r for i in range(300) if (r := rhythm.draw(calm, 10, np.random.default_rng(i))).ventricular[:-1].any()]
        mean = 60 / calm.heart_rate
        for drawn in found:
            for early in np.flatnonzero(drawn.ventricular[:-1]):
                assert drawn.intervals[early] < 0.85 * mean
                assert drawn.intervals[early] + drawn.intervals[early + 1] == pytest.approx(2 * mean)
        assert len(found) > 10

    def test_rmssd_is_that_of_10_second_ecgs(self) -> None:
        def rmssd(age: float) -> NDArray[np.float64]:
            drawn = [
                rhythm.draw(self.healthy._replace(age=age), 10, np.random.default_rng([int(age), i]))
                for i in range(500)
            ]
            return np.array([1000 * math.sqrt(np.mean(np.diff(r.intervals[2:12]) ** 2)) for r in drawn])

        old, young = rmssd(80), rmssd(25)
        assert 0.7 * min(spread.ARRHYTHMIA_OLDEST) < np.median(old) < 1.3 * max(spread.ARRHYTHMIA_OLDEST)
        assert np.median(young) > 2 * np.median(old)
        assert np.log(young).std() > 0.4


def test_chest_electrodes_sit_as_technicians_place_them() -> None:
    """Half of V1 and V2 too high: seen from above, the vector's part to the feet is smaller."""
    vectors = np.stack([electrodes.place(np.random.default_rng(i)) for i in range(DRAWS)])
    down = np.median(vectors[:, :, 1], axis=0)
    assert (down[2:4] < DOWER[2:4, 1] - 0.05).all()
    assert (down[5:] > DOWER[5:, 1]).all()
    exchanged = (vectors[:, 0] != DOWER[0]).any(axis=1)
    assert exchanged.mean() == pytest.approx(spread.ARMS_EXCHANGED, abs=0.007)
    np.testing.assert_allclose(vectors[exchanged, 1], np.broadcast_to(DOWER[1] - DOWER[0], (exchanged.sum(), 3)))


def test_a_cart_has_gains_and_bandwidth_of_its_own() -> None:
    """Middle of a tone of 10 Hz, which every cart passes, and of one of 120 Hz, which those set to 40 Hz do not."""
    time = np.arange(5000) / 500
    slow, fast = (np.tile(np.sin(2 * np.pi * f * time), (8, 1)) for f in (10, 120))
    drawn = [
        [np.ptp(cart.amplify(tone, 500, np.random.default_rng(i))[:, 2000:4000], axis=1) / 2 for tone in (slow, fast)]
        for i in range(60)
    ]
    passed = np.array(drawn)  # (carts 2 8)
    assert np.abs(passed[:, 0] - 1).max() < 0.08
    assert passed[:, 0].std() > 0.005
    narrow = passed[:, 1].max(axis=1) < 0.3
    assert 0.05 < narrow.mean() < 0.45


def test_a_constant_is_no_event_for_a_cart() -> None:
    """It has seen the patient for a while: no leap at the begin."""
    leads = np.full((8, 5000), 0.7)
    assert np.abs(cart.amplify(leads, 500, np.random.default_rng(0))).max() < 1e-9


def test_chance_decides_all_of_it() -> None:
    one, same, other = (electrocardiogram.record(HEALTHY, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other, equal_nan=True)


def test_a_patient_has_one_heart_at_all_visits() -> None:
    """Another day, other electrodes and other breath, but the same axis; and what changed in the blood shows."""
    first, second = (beat.draw(HEALTHY._replace(potassium=k), np.random.default_rng(5)) for k in (0.0, 1.0))
    for one, other in zip(first.ventricular, second.ventricular, strict=True):
        np.testing.assert_array_equal(one.dipole, other.dipole)
    assert np.linalg.norm(second.repolarisation[1].dipole) > np.linalg.norm(first.repolarisation[1].dipole)
    block = hospital.draw(4, 0)
    assert [hospital.patient_of(study) for study in block.study.tolist()] == block.visits.patient.tolist()


def test_nothing_in_a_beat_tells_more_of_the_blood_than_the_observer_knows() -> None:
    """What the observer cannot explain is not explained by any measure of the ECG either: 4.5 standard errors."""
    block = hospital.draw(3, 0)
    rows = []
    for row in range(len(block.visits)):
        rng = np.random.default_rng([8, row])
        visit = block.visits.one(row)
        drawn = rhythm.draw(visit, 10, rng)
        found = measured.measure(beat.draw(visit, rng), rng)
        rows.append([*found.values(), drawn.breathing, float(drawn.ventricular.sum()), drawn.intervals.std()])
    scores, labels = truth.probabilities(block), truth.labels(block)
    for question, p, y in zip(QUESTIONS, scores.T, labels.T, strict=True):
        for column in np.array(rows).T:
            known = ~np.isnan(y)
            away = column[known] - column[known].mean()
            deviation = math.sqrt(float((p * (1 - p))[known] @ away**2))
            assert abs(float((y - p)[known] @ away)) < 4.5 * deviation, question.name


def test_laboratory_and_chart_do_not_know_of_the_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same people with hearts that all lie alike: the same tables, the same truth."""
    before = hospital.draw(4, 0)
    monkeypatch.setattr(spread, "TURN", (0.0, 0.0, 0.0))
    monkeypatch.setattr(spread, "QTC", 0.0)
    after = hospital.draw(4, 0)
    np.testing.assert_array_equal(truth.probabilities(before), truth.probabilities(after))
    for field in dataclasses.fields(population.Visits):
        np.testing.assert_array_equal(getattr(before.visits, field.name), getattr(after.visits, field.name))
