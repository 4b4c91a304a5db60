"""What the quality gate measures: equality with scipy, invariances, and figures of signals that are known."""

import numpy as np
import pytest
from bare_contract import contract_for
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from scipy import signal as scipy_signal
from scipy import stats

from ecg2lab._native import _core

LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
OF_A_LEAD = {"flat", "saturated", "noise", "wander", "mains", "bsqi", "ksqi", "ssqi", "psqi", "bassqi"}
RELATIVE = {"bsqi", "ksqi", "ssqi", "psqi", "bassqi", "duplicate", "limb_algebra", "arm_reversal", "saturated"}
IN_MILLIVOLT = {"noise", "wander", "mains"}


def measure(samples, leads=LEADS, fs=500.0, wanted=None):
    """Figures of each lead by name, and of the recording."""
    samples = np.ascontiguousarray(samples, dtype=np.float64)
    wanted = wanted or leads
    contract = contract_for(wanted, window=2).native
    quality = _core.judge(_core.prepare(samples, leads, fs, contract), contract)
    return quality.leads, quality.recording


def sine(frequency, amplitude, fs=500.0, seconds=10):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * fs)) / fs + 0.3)


def test_every_figure_of_a_real_ecg_is_there_and_finite(ecg):
    leads, recording = measure(ecg[1], ecg[0])
    for name, figures in leads.items():
        wanted = OF_A_LEAD | ({"duplicate"} if name != "I" else {"arm_reversal"})
        wanted |= {"limb_algebra"} if name in {"III", "aVR", "aVL", "aVF"} else set()
        assert set(figures) == wanted
        assert np.isfinite(list(figures.values())).all()
    assert set(recording) == {"too_small", "too_large", "paced"}


def butterworth(kind, edge, order=4, fs=125.0):
    return scipy_signal.butter(order, edge, kind, fs=fs, output="sos")


def test_indices_are_those_that_scipy_computes(ecg):
    """To 1e-9: both filter in float64, from rest, what every four samples mean, less the first sample."""
    leads, _ = measure(ecg[1], ecg[0])
    for name, samples in zip(*ecg, strict=True):
        slow = samples.reshape(-1, 4).mean(axis=1) - samples[0]
        below_40 = scipy_signal.sosfilt(butterworth("lowpass", 40), slow)
        from_5 = scipy_signal.sosfilt(butterworth("highpass", 5), below_40)
        to_15 = scipy_signal.sosfilt(butterworth("lowpass", 15), from_5)
        below_1 = scipy_signal.sosfilt(butterworth("lowpass", 1, order=2), slow)
        expected = {
            "ksqi": stats.kurtosis(from_5, fisher=False),
            "ssqi": stats.skew(from_5),
            "psqi": to_15.var() / from_5.var(),
            "bassqi": 1 - below_1.var() / below_40.var(),
            "wander": 2 * np.sqrt(2) * below_1.std(),
        }
        for index, value in expected.items():
            np.testing.assert_allclose(leads[name][index], value, rtol=1e-9, err_msg=f"{name} {index}")


def test_an_offset_of_the_electrode_changes_nothing(ecg):
    """An offset of 300 mV, the most that an amplifier must bear, costs six of sixteen digits."""
    before, recording = measure(ecg[1], ecg[0])
    after, recording_after = measure(ecg[1] + 300, ecg[0])
    for name in before:
        for index, value in before[name].items():
            np.testing.assert_allclose(after[name][index], value, rtol=1e-6, atol=1e-9, err_msg=f"{name} {index}")
    np.testing.assert_allclose(list(recording_after.values()), list(recording.values()), rtol=1e-9)


@pytest.mark.parametrize("factor", [0.5, -2.0, 4.0])
def test_millivolts_scale_and_shares_do_not(ecg, factor):
    """Exact but for rounding: a power of two."""
    before, _ = measure(ecg[1], ecg[0])
    after, _ = measure(factor * ecg[1], ecg[0])
    for name, figures in before.items():
        for index, value in figures.items():
            sign = -1 if index == "ssqi" and factor < 0 else 1
            expected = abs(factor) * value if index in IN_MILLIVOLT else sign * value
            if index in IN_MILLIVOLT | RELATIVE:
                np.testing.assert_allclose(after[name][index], expected, rtol=1e-9, atol=1e-12)


def test_the_order_of_the_leads_changes_nothing_of_a_lead(ecg):
    names, samples = ecg
    order = np.random.default_rng(2).permutation(12)
    before, recording = measure(samples, names)
    after, shuffled = measure(samples[order], [names[i] for i in order])
    assert shuffled == recording
    for name in names:
        same = set(before[name]) - {"duplicate"}  # which of two is the copy depends on their order
        assert {index: after[name][index] for index in same} == {index: before[name][index] for index in same}


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 257.5, 360.0, 1000.0, 2000.0])
def test_figures_hardly_depend_on_the_rate(ecg, fs):
    """A band's edge lies elsewhere between two samples, so that figures of real ECGs agree to a fifth in the median."""
    names, samples = ecg
    times = np.arange(int(10 * fs) - 1) / fs
    there = np.stack([np.interp(times, np.arange(5000) / 500, lead) for lead in samples])
    known, found = measure(samples, names)[0], measure(there, names, fs)[0]
    for index in ("wander", "bsqi", "ksqi", "psqi", "bassqi"):
        change = [found[name][index] / known[name][index] - 1 for name in names]
        assert abs(np.median(change)) < 0.2, index


def test_a_long_recording_is_judged_as_its_pieces(ecg):
    """Ten times the same ten seconds: the filters' start counts for a tenth, and the seams make a jump of their own."""
    names, samples = ecg
    once, long = measure(samples, names)[0], measure(np.tile(samples, 10), names)[0]
    for index in ("noise", "mains", "bsqi", "ksqi", "psqi"):
        change = [long[name][index] - once[name][index] for name in names]
        scale = np.median([abs(once[name][index]) for name in names])
        assert abs(np.median(change)) < 0.2 * scale, index


@pytest.mark.parametrize("frequency", [50.0, 60.0, 49.8, 60.2])
@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
def test_the_amplitude_of_hum_is_found(frequency, fs):
    """To a tenth: 0.2 Hz beside, a part of a second still holds 93 % of it."""
    leads, _ = measure(sine(frequency, 0.2, fs)[None], ["V1"], fs)
    assert leads["V1"]["mains"] == pytest.approx(0.2, rel=0.1)


def test_hum_is_no_noise_and_noise_is_no_hum():
    hum, _ = measure(sine(50, 0.5)[None], ["V1"])
    noise, _ = measure(0.2 * np.random.default_rng(0).standard_normal((1, 5000)), ["V1"])
    assert hum["V1"]["noise"] < 0.02 < 0.03 < noise["V1"]["noise"]
    assert noise["V1"]["mains"] < 0.04  # of white noise of 0.2 mV, 0.027 falls into a part of a second


@pytest.mark.parametrize("swing", [0.5, 2.0])
def test_a_wandering_baseline_is_measured_peak_to_peak(swing):
    leads, _ = measure(sine(0.3, swing / 2)[None], ["V1"])
    assert leads["V1"]["wander"] == pytest.approx(swing, rel=0.05)


def test_white_noise_has_the_moments_of_a_normal_distribution():
    """Of 1250 dependent values: standard errors of 0.2 and 0.1; four of them are allowed."""
    leads, _ = measure(np.random.default_rng(3).standard_normal((12, 5000)))
    for figures in leads.values():
        assert figures["ksqi"] == pytest.approx(3, abs=0.8)
        assert figures["ssqi"] == pytest.approx(0, abs=0.4)


def test_beats_of_a_clean_lead_are_agreed_on_and_those_of_noise_are_not():
    """Triangles of 80 ms, 75 a minute."""
    lead = np.zeros(5000)
    for begin in range(200, 4900, 400):
        lead[begin : begin + 40] += np.bartlett(40)
    noise = np.random.default_rng(5).standard_normal(5000)
    leads, _ = measure(np.stack([lead, noise]), ["V1", "V2"])
    assert leads["V1"]["bsqi"] == 1
    assert leads["V2"]["bsqi"] < 0.6


def test_a_derived_lead_is_no_witness(ecg):
    """Limb leads that follow from I and II cannot contradict them, and repeat nothing of their own."""
    names, samples = ecg
    keep = [i for i, name in enumerate(names) if name in {"I", "II"} or name.startswith("V")]
    leads, _ = measure(samples[keep], [names[i] for i in keep], wanted=names)
    for name in ("III", "aVR", "aVL", "aVF"):
        assert not {"limb_algebra", "duplicate"} & set(leads[name])


def test_limb_leads_of_random_signals_agree_with_einthoven_to_rounding():
    one, two = np.random.default_rng(6).standard_normal((2, 5000))
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    leads, _ = measure(limb, LEADS[:6])
    for name in LEADS[2:6]:
        assert leads[name]["limb_algebra"] < 1e-6


@examples(150)
@given(
    leads=st.integers(1, 12),
    length=st.integers(1, 3000),
    fs=st.sampled_from([100.0, 125.0, 333.3, 500.0, 2000.0]),
    scale=st.sampled_from([0.0, 5e-324, 1e-310, 1e-6, 1.0, 1e6, 1e154, 1.7e308]),
    seed=st.integers(0, 5),
)
def test_no_signal_gives_a_figure_that_is_not_finite(leads, length, fs, scale, seed):
    rng = np.random.default_rng(seed)
    samples = scale * rng.uniform(-0.4, 0.4, (leads, length))
    samples[rng.uniform(size=samples.shape) < 0.1] = np.nan
    found, recording = measure(samples, LEADS[:leads], fs)
    for figures in (*found.values(), recording):
        assert np.isfinite(list(figures.values())).all()


def test_below_100_hz_nothing_is_measured():
    leads, recording = measure(np.ones((1, 500)), ["V1"], 99.0)
    assert leads == {"V1": {}}
    assert recording == {}
