"""Zero-phase filters: equality with scipy over many designs and rates; invariances, refusals, denormals."""

import time

import numpy as np
import pytest
from bare_contract import contract_for
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from pairwise import pairwise
from scipy import signal

from ecg2lab._native import _core

STATED = 1e-6
"""Millivolt, for signals of some millivolt: what the project promises."""
REACHED = 1e-9
"""Millivolt; both are float64, and differ in the order of sections and in rounding."""
RATES = [100, 101, 128, 250, 257.5, 360, 500, 512, 977, 1000, 2000]


def wander(rate, seconds=10.0, leads=3, seed=0):
    """Noise on a wandering baseline with an offset of up to ±300 mV: electrodes have one."""
    random = np.random.default_rng(seed)
    length = int(rate * seconds)
    steps = random.normal(size=(leads, length)).cumsum(axis=1) / np.sqrt(rate)
    return random.uniform(-300, 300, (leads, 1)) + steps + random.normal(size=(leads, length))


def scipy_band_pass(samples, rate, low, high, order):
    return signal.sosfiltfilt(signal.butter(order, [low, high], "bandpass", fs=rate, output="sos"), samples)


def scipy_notch(samples, rate, frequency, quality):
    return signal.filtfilt(*signal.iirnotch(frequency, quality, fs=rate), samples)


@pairwise(rate=RATES, order=[1, 2, 3, 4, 5], instruction_set=_core.signal_instruction_sets())
def test_band_pass_equals_scipy(rate, order, instruction_set):
    samples = wander(rate)
    expected = scipy_band_pass(samples, rate, 0.5, 40, order)
    filtered = _core.BandPass(0.5, 40, order).filter(samples, float(rate), instruction_set)
    np.testing.assert_allclose(filtered, expected, rtol=0, atol=STATED)
    np.testing.assert_allclose(filtered, expected, rtol=0, atol=REACHED * 300)  # of the offset


@pytest.mark.parametrize("frequency", [50, 60])
@pytest.mark.parametrize("rate", [r for r in RATES if r > 125])
def test_notch_equals_scipy(rate, frequency):
    samples = wander(rate)
    expected = scipy_notch(samples, rate, frequency, 30)
    filtered = _core.Notch(frequency, 30).filter(samples, float(rate))
    np.testing.assert_allclose(filtered, expected, rtol=0, atol=STATED)
    np.testing.assert_allclose(filtered, expected, rtol=0, atol=REACHED)


@examples(150)
@given(
    rate=st.floats(100, 2000),
    low=st.floats(0.05, 20),
    width=st.floats(0.2, 0.95),
    order=st.integers(1, 8),
    length=st.integers(60, 3000),
)
def test_any_band_equals_scipy(rate, low, width, order, length):
    """`width`: how much of the way from the lower edge to half the rate the band takes."""
    high = low + width * (rate / 2 - low)
    samples = np.random.default_rng(length).normal(size=(2, length))
    expected = scipy_band_pass(samples, rate, low, high, order)
    filtered = _core.BandPass(low, high, order).filter(samples, rate)
    np.testing.assert_allclose(filtered, expected, rtol=0, atol=STATED)


@examples(150)
@given(rate=st.floats(100, 2000), place=st.floats(0.02, 0.95), quality=st.floats(1, 100), length=st.integers(10, 3000))
def test_any_notch_equals_scipy(rate, place, quality, length):
    frequency = place * rate / 2
    samples = np.random.default_rng(length).normal(size=(2, length))
    expected = scipy_notch(samples, rate, frequency, quality)
    np.testing.assert_allclose(_core.Notch(frequency, quality).filter(samples, rate), expected, rtol=0, atol=STATED)


def test_real_ecgs_equal_scipy_after_both_filters_the_clip_and_the_resampler(ecg, network_leads):
    """The whole chain: filters at the recording's rate, then clip, then resampling."""
    resampy = pytest.importorskip("resampy")
    names, samples = ecg
    samples = samples + np.linspace(-250, 250, 12)[:, None]  # an electrode offset far beyond the clip limit
    filtered = scipy_notch(scipy_band_pass(samples, 500, 0.5, 40, 4), 500, 50, 30)
    expected = resampy.resample(np.clip(filtered, -3, 3), 500, 100, filter="kaiser_best", axis=1)
    contract = contract_for(network_leads, band=(0.5, 40, 4), notch=(50, 30))
    prepared = _core.prepare(samples, names, 500.0, contract.native)
    ours, reports = prepared.signal, prepared.leads
    order = [names.index(lead) for lead in network_leads]
    np.testing.assert_allclose(ours, expected[order], rtol=0, atol=1e-5)
    beyond = (np.abs(filtered) > 3).sum(axis=1)
    assert [report.clipped_samples for report in reports] == list(beyond[order])
    peaks = samples.max(axis=1) - samples.min(axis=1)
    assert [report.peak_to_peak_mv for report in reports] == list(peaks[order])


def test_gaps_are_closed_before_the_filter(ecg):
    names, samples = ecg
    gappy = samples[:1].copy()
    gappy[0, 1000:1200] = gappy[0, :30] = np.nan
    known = np.flatnonzero(~np.isnan(gappy[0]))
    closed = np.interp(np.arange(5000), known, gappy[0, known])[None]
    expected = scipy_band_pass(closed, 500, 0.5, 40, 4)
    contract = contract_for(names[:1], rate=500, clip=100, band=(0.5, 40, 4))
    ours = _core.prepare(gappy, names[:1], 500.0, contract.native).signal
    np.testing.assert_allclose(ours, expected, rtol=0, atol=STATED)


def test_a_lead_without_any_value_stays_zero():
    samples = np.stack([np.full(1000, np.nan), np.sin(np.arange(1000) / 20)])
    contract = contract_for(["V1", "V2"], band=(0.5, 40, 4), notch=(50, 30))
    prepared = _core.prepare(samples, ["V1", "V2"], 500.0, contract.native)
    ours, reports = prepared.signal, prepared.leads
    np.testing.assert_array_equal(ours[0], 0)
    assert reports[0].empty
    assert ours[1].any()


def test_nothing_is_shifted_in_time():
    """Reversed input gives reversed output, if the signal rests at both ends for so long that the filter forgets it."""
    samples = np.zeros((1, 16000))
    samples[0, 7600:8300] = np.random.default_rng(0).normal(size=700)
    band = _core.BandPass(1.0, 40.0, 4)
    backwards = np.ascontiguousarray(samples[:, ::-1])
    np.testing.assert_allclose(band.filter(samples, 500.0)[:, ::-1], band.filter(backwards, 500.0), rtol=0, atol=1e-9)


def test_offset_and_mains_vanish_and_the_ecg_stays():
    """Amplitudes: none at 0 Hz and 50 Hz, all at 10 Hz, a half at the edges of the band, where each run takes 1/√2."""
    t = np.arange(60 * 500) / 500
    middle = slice(10_000, 20_000)

    def amplitude(frequency, *filters):
        samples = np.sin(2 * np.pi * frequency * t)[None] + 7
        for each in filters:
            samples = each.filter(samples, 500.0)
        return np.sqrt(2) * samples[0, middle].std()  # whole periods

    band, notch = _core.BandPass(0.5, 40.0, 4), _core.Notch(50.0, 30.0)
    assert abs(band.filter(np.full((1, 5000), 7.0), 500.0)).max() < 1e-9
    assert amplitude(50, notch) < 1e-3
    assert abs(amplitude(10, band, notch) - 1) < 2e-3
    assert abs(amplitude(40, band) - 0.5) < 1e-3
    assert abs(amplitude(0.5, band) - 0.5) < 1e-3


def test_leads_do_not_leak_into_each_other_and_any_number_of_them_will_do():
    samples = wander(500, leads=17)
    band = _core.BandPass(0.5, 40.0, 4)
    together = band.filter(samples, 500.0)
    for count in (0, 1, 2, 3, 5, 8, 12, 16):
        np.testing.assert_array_equal(band.filter(samples[:count], 500.0), together[:count])


@pytest.mark.parametrize("samples", [28, 29, 100])
def test_the_shortest_recordings(samples):
    """27 samples are mirrored at each end by a band-pass of order 4."""
    signal_ = np.random.default_rng(0).normal(size=(2, samples))
    expected = scipy_band_pass(signal_, 500, 0.5, 40, 4)
    np.testing.assert_allclose(_core.BandPass(0.5, 40, 4).filter(signal_, 500.0), expected, rtol=0, atol=STATED)


@pytest.mark.parametrize("samples", [0, 1, 27])
def test_a_recording_too_short_to_be_mirrored_is_refused(samples):
    with pytest.raises(ValueError, match="too short to be filtered"):
        _core.BandPass(0.5, 40, 4).filter(np.zeros((1, samples)), 500.0)
    with pytest.raises(ValueError, match="too short to be filtered"):
        _core.prepare(np.zeros((1, samples)), ["V1"], 500.0, contract_for(["V1"], band=(0.5, 40, 4)).native)


@pytest.mark.parametrize(
    ("low", "high", "order", "message"),
    [
        (0, 40, 4, "edges"),
        (-1, 40, 4, "edges"),
        (40, 0.5, 4, "edges"),
        (5, 5, 4, "edges"),
        (0.5, 250, 4, "edges"),
        (0.5, 300, 4, "edges"),
        (np.nan, 40, 4, "edges"),
        (0.5, np.nan, 4, "edges"),
        (0.5, np.inf, 4, "edges"),
        (0.5, 40, 0, "order"),
        (0.5, 40, 11, "order"),
        (1e-320, 40, 4, "too narrow"),
        (1e-15, 2e-15, 4, "too narrow"),
    ],
)
def test_a_band_that_is_none_is_refused(low, high, order, message):
    with pytest.raises(ValueError, match=message):
        _core.BandPass(low, high, order).filter(np.zeros((1, 1000)), 500.0)


@pytest.mark.parametrize(
    ("frequency", "quality", "message"),
    [
        (0, 30, "between 0 and half"),
        (250, 30, "between 0 and half"),
        (np.nan, 30, "between 0 and half"),
        (50, 0, "bandwidth"),
        (50, -1, "bandwidth"),
        (50, np.nan, "bandwidth"),
        (50, np.inf, "bandwidth"),
        (50, 0.1, "bandwidth"),
        (50, 1e18, "too narrow"),
    ],
)
def test_a_notch_that_is_none_is_refused(frequency, quality, message):
    with pytest.raises(ValueError, match=message):
        _core.Notch(frequency, quality).filter(np.zeros((1, 1000)), 500.0)


@pytest.mark.parametrize("rate", [0.0, -500.0, np.nan, np.inf])
def test_an_unusable_rate_is_refused(rate):
    for each in (_core.BandPass(0.5, 40, 4), _core.Notch(50, 30)):
        with pytest.raises(ValueError, match="rates must be positive"):
            each.filter(np.zeros((1, 1000)), rate)


def test_denormal_numbers_cost_no_time():
    """A filter's memory fades through them. 3 of the thread's own time: caches are shared."""
    usual = wander(500, leads=12)
    fastest = {}
    band = _core.BandPass(0.5, 40, 4)
    for _ in range(20):
        for name, samples in (("usual", usual), ("tiny", usual * 1e-310)):
            start = time.thread_time()
            band.filter(samples, 500.0)
            fastest[name] = min(fastest.get(name, np.inf), time.thread_time() - start)
    assert fastest["tiny"] < 3 * fastest["usual"]
