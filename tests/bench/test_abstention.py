"""Distortions are what they say, and a recording is as far outside as its features are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

import ecg2lab
from ecg2lab.contract import published, unnamed_targets
from ecg2lab.contract.claims import ConformalSet, Experience, ExperienceLimit, Measured
from ecg2lab_bench.experiments import abstention
from ecg2lab_bench.experiments.distortions import Recorded, all_distortions
from ecg2lab_bench.measuring.workload import LEADS
from ecg2lab_export.experience import Space
from ecg2lab_training.evaluation.subject import Subject

from ..support.operating_points import decision, point

NAMES = [one.name for one in all_distortions()]


@pytest.fixture(scope="module")
def person(data_folder: Path) -> abstention.Person:
    """A real record."""
    return next(abstention.recorded([data_folder]))


def subject(limit: float = 1.0) -> Subject:
    """Its single feature is the highest value of lead II, its distance from 0; limits for 1 and 4 windows."""
    limits = tuple(
        ExperienceLimit(windows=windows, facts="age and sex", most_missing=10, distance=limit, patients=100)
        for windows in (1, 4)
    )
    own = Experience(features=1, quantile=0.99, trained_on="a", chosen_on="b", limits=limits)
    contract = replace(published(unnamed_targets(1)), experience=own)
    contract = replace(
        contract,
        continuous=tuple(replace(f, median=(f.minimum + f.maximum) / 2) for f in contract.continuous),
        categorical=tuple(replace(f, missing_code=0) for f in contract.categorical),
    )
    place = contract.signal.leads.index("II")
    return Subject(
        kind="run",
        contract=contract,
        outputs=lambda signal, *_: (np.zeros((len(signal), 1)), signal[:, place].max(axis=1)[:, None]),
        weights_sha256="0" * 64,
        digest="0" * 64,
        synthetic_weights=None,
        training_data=None,
        features=1,
        space=Space(np.zeros(1, np.float32), np.ones((1, 1), np.float32)),
    )


def apply(name: str, own: Recorded, last: bool = True) -> Recorded:
    """The strongest, or the weakest, of a name."""
    several = [one for one in all_distortions() if one.name == name]
    return several[-1 if last else 0].apply(own, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["white noise", "baseline, 0.3 Hz", "mains, 50 Hz"])
def test_what_is_added_comes_from_electrodes(person: abstention.Person, name: str) -> None:
    one, two, three, avr, avl, avf = (apply(name, person.own).samples - person.own.samples)[:6]
    for lead, expected in ((three, two - one), (avr, -(one + two) / 2), (avl, one - two / 2), (avf, two - one / 2)):
        np.testing.assert_allclose(lead, expected, atol=1e-12)
    assert one.std() > 0.05


@pytest.mark.parametrize("name", [name for name in dict.fromkeys(NAMES) if "exchanged" in name or "reverse" in name])
def test_leads_exchanged_twice_are_as_before(person: abstention.Person, name: str) -> None:
    once = apply(name, person.own)
    assert not np.array_equal(once.samples, person.own.samples)
    np.testing.assert_array_equal(apply(name, once).samples, person.own.samples)


def test_rate_clip_and_amplitude(person: abstention.Person) -> None:
    assert apply("rate", person.own) == Recorded(person.own.samples, 2 * person.own.rate_hz)
    assert np.abs(apply("clipped", person.own).samples).max() == 0.3
    np.testing.assert_array_equal(apply("amplitude", person.own, last=False).samples, person.own.samples / 2)


def test_a_recording_is_as_far_as_its_features(person: abstention.Person) -> None:
    near = abstention.judge(subject(), person.own, person.patient)
    far = abstention.judge(subject(), apply("amplitude", person.own), person.patient)
    assert near.whole == pytest.approx(np.mean(near.windows))
    assert far.whole == pytest.approx(2 * near.whole, rel=0.01)
    assert abstention.judge(subject(2.0), person.own, person.patient).whole == pytest.approx(near.whole / 2)
    flat = Recorded(0 * person.own.samples, person.own.rate_hz)
    assert abstention.judge(subject(), flat, person.patient) is None


def test_a_rate_wrongly_stated_has_no_limit_but_windows(person: abstention.Person) -> None:
    found = abstention.judge(subject(), apply("rate", person.own), person.patient)
    assert found.whole is None
    assert len(found.windows) == 2
    slow = Recorded(person.own.samples, 50.0)
    assert abstention.judge(subject(), slow, person.patient) is None


def test_tables(person: abstention.Person) -> None:
    shown = abstention.undistorted_table(subject(0.01), [person])
    assert f"| {person.name} |" in shown
    assert "outside" in shown
    row = abstention.distorted_row(subject(0.01), "real", None, [person], np.random.default_rng(0))
    assert row == ("real", "none", "", "1", "0", "100.0%", "100.0%")
    own = Measured(value=0.9, low=0.85, high=0.95)
    sets = ConformalSet(error=0.1, positive_from=0.2, negative_to=0.4, coverage_positive=own, coverage_negative=own)
    decided = decision(point(windows=4, threshold=0.4, conformal=sets))
    contract = replace(subject().contract, targets=(replace(subject().contract.targets[0], decision=decided),))
    assert "| 90.0% [85.0%, 95.0%] | 90.0% [85.0%, 95.0%] | – |" in abstention.claims_table(contract)


def test_only_age_and_sex_are_told(person: abstention.Person) -> None:
    assert person.patient == ecg2lab.Patient(age=person.patient.age, sex=person.patient.sex)
    assert len(LEADS) == len(person.own.samples)
