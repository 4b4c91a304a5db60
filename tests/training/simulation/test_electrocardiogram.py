"""What is planted in a simulated ECG is there, and can be read from the samples."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg2lab_training.simulation import beat, dipole, electrocardiogram, noise, rhythm, spread
from ecg2lab_training.simulation.electrocardiogram import LEADS, SAMPLES, SAMPLING_RATE, STEPS_PER_MV
from ecg2lab_training.simulation.population import Visit, Visits
from ecg2lab_training.simulation.waves import Wave

from .visits import draw

pytestmark = pytest.mark.slow

HEALTHY = Visit(
    age=50,
    male=True,
    bmi=25,
    filtration=95,
    heart_failure=0,
    lung_disease=0,
    fibrillation=False,
    potassium=0,
    calcium=0,
    anaemia=0,
    heart_rate=65,
)


def draw_beat(**changed: float) -> beat.Beat:
    """The beat of one and the same person, but for what is changed."""
    return beat.draw(HEALTHY._replace(**changed), np.random.default_rng(0))


def wave(drawn: beat.Beat, name: str) -> Wave:
    """One wave of a beat."""
    waves = (*drawn.atrial, *drawn.ventricular, *drawn.repolarisation)
    return next(w for w in waves if w.name == name)


def height(drawn: beat.Beat, name: str) -> float:
    """Length of a wave's dipole, mV."""
    return float(np.linalg.norm(wave(drawn, name).dipole))


class TestSigns:
    """Latent → waves, everything else being the same."""

    def test_potassium(self) -> None:
        low, normal, high = (draw_beat(potassium=x) for x in (-2.0, 0.0, 2.5))
        assert height(low, "T") < height(normal, "T") < height(high, "T")
        assert wave(high, "T").rise < wave(normal, "T").rise  # narrow, peaked
        assert wave(high, "free wall").rise > wave(normal, "free wall").rise  # wide QRS
        assert height(high, "right atrium") < 0.8 * height(normal, "right atrium")
        assert height(low, "U") > 2 * height(normal, "U")

    def test_calcium_shortens_qt(self) -> None:
        low, normal, high = (draw_beat(calcium=x).qtc for x in (-2.0, 0.0, 2.0))
        assert low > normal + 0.03 > high + 0.06

    def test_heart_failure(self) -> None:
        well, ill = draw_beat(), draw_beat(heart_failure=2.0)
        assert wave(ill, "free wall").rise > wave(well, "free wall").rise
        assert height(ill, "left atrium") > 1.5 * height(well, "left atrium")
        assert wave(ill, "T").dipole[0] < 0.4 * wave(well, "T").dipole[0]  # strain: away from the left ventricle

    def test_lung_kidney_and_anaemia(self) -> None:
        well = draw_beat()
        assert height(draw_beat(lung_disease=2.0), "right atrium") > 1.8 * height(well, "right atrium")
        assert height(draw_beat(filtration=20), "septum") > 1.5 * height(well, "septum")
        assert height(draw_beat(anaemia=4.0), "ST") > height(well, "ST") + 0.05


@pytest.fixture(scope="module")
def visits() -> Visits:
    """Three hundred simulated patients."""
    return draw(300, seed=7)


def whole(visit: Visit, seed: int) -> NDArray[np.float64]:
    """The first recording of a visit that has no missing value."""
    for attempt in range(100):
        samples = electrocardiogram.record(visit, np.random.default_rng([seed, attempt]))
        if not np.isnan(samples).any():
            return samples
    raise AssertionError("a hundred recordings in turn lack values")


def t_wave(samples: NDArray[np.float64]) -> float:
    """Height of the averaged T wave in V3."""
    v3 = samples[LEADS.index("V3")] - np.median(samples[LEADS.index("V3")])
    beats = np.stack([v3[p - 50 : p + 200] for p in r_peaks(samples) if 50 <= p < SAMPLES - 200])
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


def test_high_potassium_shows_in_the_recorded_ecg(visits: Visits) -> None:
    high = [t_wave(whole(visits.one(i), i)) for i in np.flatnonzero(visits.potassium > 1.5)[:20]]
    low = [t_wave(whole(visits.one(i), i)) for i in np.flatnonzero(visits.potassium < -1.0)[:20]]
    assert np.median(high) > 1.4 * np.median(low)


def test_recorded_rate_is_the_planted_rate(visits: Visits) -> None:
    """Of nearly all: beside a large extrasystole this simple detector loses the other beats."""
    sinus = np.flatnonzero(~visits.fibrillation & (visits.potassium < 2))[:40]  # it takes a tall, narrow T for a QRS
    rates = [60 / np.diff(r_peaks(whole(visits.one(row), row)) / SAMPLING_RATE).mean() for row in sinus]
    assert (np.abs(rates / visits.heart_rate[sinus] - 1) < 0.08).mean() >= 0.95


def test_fibrillation_is_irregular(visits: Visits) -> None:
    def irregularity(rows: NDArray[np.int64]) -> float:
        intervals = [np.diff(r_peaks(whole(visits.one(row), row))) for row in rows]
        return float(np.median([i.std() / i.mean() for i in intervals]))

    fibrillating, sinus = np.flatnonzero(visits.fibrillation)[:20], np.flatnonzero(~visits.fibrillation)[:20]
    assert irregularity(fibrillating) > 0.12 > 0.08 > irregularity(sinus)


def test_amplitudes_are_those_of_an_ecg(visits: Visits) -> None:
    recordings = [whole(visits.one(row), row) for row in range(60)]
    swings = np.array([np.ptp(samples, axis=1).max() for samples in recordings])
    assert 0.8 < np.median(swings) < 3
    assert swings.max() < 8


def test_limb_leads_obey_einthoven_and_goldberger(visits: Visits) -> None:
    step = spread.COARSE_STEP / STEPS_PER_MV  # each lead is rounded by itself, to the step of the coarser carts at most
    sinus = [whole(visits.one(row), row) for row in range(10)]
    for samples in sinus:
        lead = dict(zip(LEADS, samples, strict=True))
        np.testing.assert_allclose(lead["I"] + lead["III"], lead["II"], atol=1.5 * step)
        np.testing.assert_allclose(lead["aVR"] + lead["aVL"] + lead["aVF"], 0, atol=1.5 * step + 1e-12)


def test_r_wave_grows_from_v1_to_v5() -> None:
    peaks = rhythm.Rhythm(False, np.array([1.0]), np.array([1.0]), 0.25, np.array([False]))
    leads = dipole.twelve_leads(dipole.independent_leads(dipole.trajectory(draw_beat(), peaks, 1000, 500)))
    by_name = dict(zip(LEADS, leads, strict=True))
    assert by_name["V1"].min() < -0.4
    assert by_name["V1"].max() < by_name["V3"].max() < by_name["V5"].max() * 1.3
    assert by_name["II"].max() > 0.5
    assert by_name["aVR"].min() < -0.3


def test_a_beat_beyond_the_end_reaches_in() -> None:
    """Every beat is drawn whole: cutting a longer trajectory gives the shorter one."""
    beats = rhythm.Rhythm(False, np.array([-0.9, 0.1, 1.1, 2.1, 3.1]), np.ones(5), 0.25, np.zeros(5, dtype=np.bool_))
    long = dipole.trajectory(draw_beat(), beats, 1500, 500)
    np.testing.assert_array_equal(dipole.trajectory(draw_beat(), beats, 1000, 500), long[:, :1000])


def test_noise_is_small_beside_the_qrs() -> None:
    drawn = np.stack([noise.draw(8, SAMPLES, SAMPLING_RATE, np.random.default_rng(i)) for i in range(50)])
    assert 0.01 < np.median(drawn.std(axis=2)) < 0.15


def test_some_recordings_have_the_flaws_of_an_archive() -> None:
    drawn = [electrocardiogram.record(HEALTHY, np.random.default_rng(i)) for i in range(400)]
    assert all(samples.shape == (12, 5000) for samples in drawn)
    off = sum(bool(np.isnan(samples).all(axis=1).any()) for samples in drawn)
    gaps = sum(bool(np.isnan(samples).all(axis=0).any()) for samples in drawn)
    assert 0 < off < 20  # expected 4
    assert 2 < gaps < 30  # expected 12
