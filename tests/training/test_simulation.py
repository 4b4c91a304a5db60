"""What is planted in the simulated patients is there, and nothing else is needed to repeat them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, blood, dipole, laboratory, noise, physiology, rhythm, targets
from ecg2lab_training.simulation.electrocardiogram import LEADS, SAMPLES, SAMPLING_RATE, record
from ecg2lab_training.simulation.laboratory import Value
from ecg2lab_training.simulation.patient import FOLDS, Patient, fold, simulate_patient

HEALTHY = physiology.Physiology(
    age=50,
    male=True,
    race="white",
    height_cm=178,
    bmi=25,
    filtration=95,
    heart_failure=0,
    atrial_fibrillation=False,
    inflammation=0,
    shock=0,
    volume_depletion=0,
    bleeding=0,
    lung_disease=0,
)
NORMAL = {"potassium": 4.2, "calcium": 9.3, "hemoglobin": 14.5}


def draw_beat(body: physiology.Physiology = HEALTHY, **changed: float) -> beat.Beat:
    """The beat of one and the same person, but for what is changed."""
    return beat.draw(body, {**NORMAL, **changed}, np.random.default_rng(0))


def wave(drawn: beat.Beat, name: str) -> beat.Wave:
    """One wave of a beat."""
    waves = (*drawn.atrial, *drawn.ventricular, *drawn.repolarisation)
    return next(w for w in waves if w.name == name)


def height(drawn: beat.Beat, name: str) -> float:
    """Length of a wave's dipole, mV."""
    return float(np.linalg.norm(wave(drawn, name).dipole))


@pytest.fixture(scope="module")
def cohort() -> list[Patient]:
    """Three hundred simulated patients."""
    return [simulate_patient(7, index) for index in range(300)]


class TestPlantedEffects:
    """Physiology → waves, everything else being the same."""

    def test_potassium(self) -> None:
        low, normal, high = (draw_beat(potassium=k) for k in (2.8, 4.2, 6.8))
        assert height(low, "T") < height(normal, "T") < height(high, "T")
        assert wave(high, "T").rise < wave(normal, "T").rise  # narrow, peaked
        assert wave(high, "free wall").rise > wave(normal, "free wall").rise  # wide QRS
        assert height(high, "right atrium") < 0.6 * height(normal, "right atrium")
        assert height(low, "U") > 2 * height(normal, "U")

    def test_calcium_shortens_qt(self) -> None:
        low, normal, high = (draw_beat(calcium=c).qtc for c in (7.0, 9.3, 12.5))
        assert low > normal + 0.03 > high + 0.06

    def test_heart_failure(self) -> None:
        well, ill = draw_beat(), draw_beat(replace(HEALTHY, heart_failure=2.0))
        assert height(ill, "free wall") < height(well, "free wall")
        assert wave(ill, "free wall").rise > wave(well, "free wall").rise
        assert height(ill, "left atrium") > height(well, "left atrium")

    def test_anaemia_and_fibrillation_quicken_the_heart(self) -> None:
        def rate(body: physiology.Physiology, hemoglobin: float) -> float:
            concentrations = {**NORMAL, "hemoglobin": hemoglobin}
            return rhythm.heart_rate(body, concentrations, np.random.default_rng(0))

        assert rate(HEALTHY, 7) > rate(HEALTHY, 14) + 10
        assert rate(replace(HEALTHY, atrial_fibrillation=True), 14) > rate(HEALTHY, 14) + 10

    def test_heart_failure_raises_nt_probnp(self) -> None:
        well = blood.draw(HEALTHY, np.random.default_rng(0))["nt_probnp"]
        ill = blood.draw(replace(HEALTHY, heart_failure=2.0), np.random.default_rng(0))["nt_probnp"]
        assert ill > 5 * well

    def test_platelets_see_age_and_sex_only(self) -> None:
        ill = replace(HEALTHY, heart_failure=3.0, inflammation=2.0, filtration=15, shock=2.0)
        draws = [blood.draw(body, np.random.default_rng(0))["platelet_count"] for body in (HEALTHY, ill)]
        assert draws[0] == draws[1]


def t_wave(patient: Patient) -> float:
    """Height of the averaged T wave in V3 over the QRS's, from the recorded samples."""
    v3 = patient.samples[LEADS.index("V3")] - np.median(patient.samples[LEADS.index("V3")])
    peaks = r_peaks(patient.samples)
    beats = np.stack([v3[p - 50 : p + 200] for p in peaks if 50 <= p < SAMPLES - 200])
    return float(beats.mean(axis=0)[80:].max())


def r_peaks(samples: NDArray[np.float64]) -> NDArray[np.int64]:
    """Samples of the R peaks: where all leads together are steepest."""
    smooth = np.stack([np.convolve(lead, np.ones(8) / 8, mode="valid") for lead in samples])
    energy = np.convolve((np.diff(smooth, axis=1) ** 2).sum(axis=0), np.ones(25), mode="same")
    limit = 0.4 * np.percentile(energy, 99)
    found = []
    while energy.max() > limit:
        found.append(int(energy.argmax()) + 4)
        energy[max(0, found[-1] - 130) : found[-1] + 130] = 0
    return np.sort(found)


def test_high_potassium_shows_in_the_recorded_ecg(cohort: list[Patient]) -> None:
    high = [t_wave(p) for p in cohort if p.blood["potassium"] > 5.3]
    low = [t_wave(p) for p in cohort if p.blood["potassium"] < 3.4]
    assert len(high) > 10
    assert len(low) > 10
    assert np.median(high) > 1.4 * np.median(low)


def test_recorded_rate_is_the_planted_rate(cohort: list[Patient]) -> None:
    for patient in [p for p in cohort if not p.body.atrial_fibrillation][:40]:
        peaks = r_peaks(patient.samples) / SAMPLING_RATE
        assert 60 / np.diff(peaks).mean() == pytest.approx(patient.heart_rate, rel=0.08)


def test_fibrillation_is_irregular_and_has_no_p_wave(cohort: list[Patient]) -> None:
    def irregularity(patients: list[Patient]) -> float:
        intervals = [np.diff(r_peaks(p.samples)) for p in patients]
        return float(np.median([i.std() / i.mean() for i in intervals]))

    fibrillating = [p for p in cohort if p.body.atrial_fibrillation][:20]
    sinus = [p for p in cohort if not p.body.atrial_fibrillation][:20]
    assert irregularity(fibrillating) > 0.12 > 0.08 > irregularity(sinus)


def test_amplitudes_are_those_of_an_ecg(cohort: list[Patient]) -> None:
    swings = np.array([np.ptp(p.samples, axis=1).max() for p in cohort])
    assert 0.8 < np.median(swings) < 3
    assert swings.max() < 8
    assert np.abs(np.concatenate([p.samples.mean(axis=1) for p in cohort])).max() < 0.7


def test_limb_leads_obey_einthoven_and_goldberger(cohort: list[Patient]) -> None:
    step = 1 / 200  # each lead is rounded to the converter's step by itself
    for patient in cohort[:10]:
        lead = dict(zip(LEADS, patient.samples, strict=True))
        np.testing.assert_allclose(lead["I"] + lead["III"], lead["II"], atol=1.5 * step)
        np.testing.assert_allclose(lead["aVR"] + lead["aVL"] + lead["aVF"], 0, atol=1.5 * step + 1e-12)


def test_r_wave_grows_from_v1_to_v5() -> None:
    drawn = draw_beat()
    peaks = rhythm.Rhythm(60, False, np.array([1.0]), np.array([1.0]), 0.25)
    leads = dipole.twelve_leads(dipole.independent_leads(dipole.trajectory(drawn, peaks, 1000, 500)))
    by_name = dict(zip(LEADS, leads, strict=True))
    assert by_name["V1"].min() < -0.4
    assert by_name["V1"].max() < by_name["V3"].max() < by_name["V5"].max() * 1.3
    assert by_name["II"].max() > 0.5
    assert by_name["aVR"].min() < -0.3


def test_a_beat_beyond_the_end_reaches_in() -> None:
    """Every beat is drawn whole: cutting a longer trajectory gives the shorter one."""
    drawn = draw_beat()
    peaks = np.array([-0.9, 0.1, 1.1, 2.1, 3.1])
    beats = rhythm.Rhythm(60, False, peaks, np.ones(5), 0.25)
    long = dipole.trajectory(drawn, beats, 1500, 500)
    np.testing.assert_array_equal(dipole.trajectory(drawn, beats, 1000, 500), long[:, :1000])


def test_noise_is_small_beside_the_qrs() -> None:
    drawn = np.stack([noise.draw(8, SAMPLES, SAMPLING_RATE, np.random.default_rng(i)) for i in range(50)])
    assert 0.01 < np.median(drawn.std(axis=2)) < 0.15


def test_same_seed_same_patient_other_seed_another() -> None:
    first, again, other = simulate_patient(3, 11), simulate_patient(3, 11), simulate_patient(4, 11)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.features == again.features
    assert first.labels == again.labels
    assert not np.array_equal(first.samples, other.samples)


def test_every_block_of_twenty_has_every_fold() -> None:
    folds = [fold(2, index) for index in range(3 * FOLDS)]
    for block in range(3):
        assert sorted(folds[block * FOLDS : (block + 1) * FOLDS]) == list(range(FOLDS))
    assert folds[:FOLDS] != folds[FOLDS : 2 * FOLDS]


def test_recording_has_twelve_leads_of_ten_seconds() -> None:
    rng = np.random.default_rng(0)
    beats = rhythm.draw(HEALTHY, NORMAL, 10, rng)
    assert record(HEALTHY, NORMAL, beats, rng).shape == (12, 5000)


class TestLabels:
    """Questions answered from measured values made by hand; potassium's limits are 3.3 and 5.1."""

    now = targets.Question("potassium", "high")
    soon = targets.Question("potassium", "high", 60)

    def test_limits_are_strict(self) -> None:
        assert laboratory.label(self.now, [Value(0, 5.1)]) is False
        assert laboratory.label(self.now, [Value(0, 5.2)]) is True

    def test_what_is_not_measured_is_not_known(self) -> None:
        assert laboratory.label(self.now, []) is None
        assert laboratory.label(self.now, [Value(20, 6.0)]) is None
        assert laboratory.label(self.soon, [Value(0, 6.0)]) is None

    def test_any_value_within_the_horizon_counts_and_none_beyond(self) -> None:
        values = [Value(0, 4), Value(20, 4.2), Value(60, 5.6)]
        assert laboratory.label(self.soon, values) is True
        assert laboratory.label(targets.Question("potassium", "high", 30), values) is False

    def test_low_and_high_in_one_horizon_is_not_known(self) -> None:
        assert laboratory.label(self.soon, [Value(10, 3.0), Value(50, 5.6)]) is None

    def test_each_label_has_both_answers_and_gaps(self, cohort: list[Patient]) -> None:
        for name in cohort[0].labels:
            answers = [p.labels[name] for p in cohort]
            assert 3 <= answers.count(True) < answers.count(False)
            assert answers.count(None) > 0


def test_vital_signs_are_missing_more_often_in_the_well(cohort: list[Patient]) -> None:
    def missing(patients: list[Patient]) -> float:
        return float(np.mean([p.features["heart_rate_bpm"] is None for p in patients]))

    well = [p for p in cohort if p.body.severity < 0.3]
    ill = [p for p in cohort if p.body.severity > 1.5]
    assert missing(well) > missing(ill)
