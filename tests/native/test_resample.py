"""Resampling: equality with resampy 0.4.3 `kaiser_best`, which prepared the published network's training data."""

import subprocess
import sys

import numpy as np
import pytest
import resampy

from ecg2lab._native import _core

STATED = 1e-5
"""Millivolt; the agreement that the project promises."""
ROUNDING = 1e-9
"""Millivolt; what float64 leaves for signals of a few millivolt if the filter is really the same. Measured: 3e-12."""

RATES = [101, 125, 128, 200, 250, 256, 257.5, 300, 333, 333.3, 360, 400, 500, 512, 720, 977, 1000, 1001.5, 1024, 2000]


def reference(samples, input_rate, output_rate):
    if input_rate == output_rate or int(len(samples) * output_rate / input_rate) == 0:
        return samples[: int(len(samples) * output_rate / input_rate)]
    return resampy.resample(samples, input_rate, output_rate, filter="kaiser_best")


@pytest.mark.parametrize("seconds", [10, 2.5, 0.3])
@pytest.mark.parametrize("rate", RATES)
def test_white_noise_equals_resampy(rate, seconds):
    """Noise at the clip limit has energy at every frequency, so a wrong weight anywhere shows."""
    samples = np.random.default_rng(int(rate)).uniform(-3, 3, int(rate * seconds))
    expected = reference(samples, rate, 100)
    resampled = _core.resample(samples, float(rate), 100.0)
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=STATED)
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=ROUNDING)


def test_real_records_equal_resampy(ecg):
    for lead in ecg[1]:
        resampled = _core.resample(lead, 500.0, 100.0)
        np.testing.assert_allclose(resampled, reference(lead, 500, 100), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("rate", [500, 257.5, 360, 128])
def test_every_short_length_equals_resampy(rate):
    """Filter and signal overlap only in part; the lengths around a whole output sample matter too."""
    for length in (*range(30), 57, 103, 206):
        samples = np.random.default_rng(length).uniform(-3, 3, length)
        np.testing.assert_allclose(
            _core.resample(samples, float(rate), 100.0), reference(samples, rate, 100), rtol=0, atol=ROUNDING
        )


@pytest.mark.parametrize(("rate", "to"), [(100, 500), (250, 360), (500, 257.5), (128, 125), (99, 100)])
def test_other_output_rates_equal_resampy(rate, to):
    samples = np.random.default_rng(0).uniform(-3, 3, 1500)
    resampled = _core.resample(samples, float(rate), float(to))
    np.testing.assert_allclose(resampled, reference(samples, rate, to), rtol=0, atol=ROUNDING)


def test_an_equal_rate_changes_nothing():
    samples = np.random.default_rng(0).normal(size=777)
    np.testing.assert_array_equal(_core.resample(samples, 100.0, 100.0), samples)


def test_no_samples_give_no_samples():
    assert _core.resample(np.zeros(0), 500.0, 100.0).shape == (0,)


def test_a_slow_sine_keeps_amplitude_and_phase():
    """7 Hz is far below 50 Hz. The filter's table step of 1638.4, truncated to 1638, makes its gain 1 + 2.4e-4."""
    t = np.arange(5000) / 500
    resampled = _core.resample(np.sin(2 * np.pi * 7 * t), 500.0, 100.0)
    away_from_ends = slice(100, 900)
    expected = np.sin(2 * np.pi * 7 * np.arange(1000) / 100)
    np.testing.assert_allclose(resampled[away_from_ends], expected[away_from_ends], rtol=0, atol=3e-4)


def test_frequencies_above_the_new_half_rate_vanish():
    """75 Hz would come back as 25 Hz; the Kaiser window of beta 13 keeps the stop band below 1e-5."""
    t = np.arange(5000) / 500
    resampled = _core.resample(np.sin(2 * np.pi * 75 * t), 500.0, 100.0)
    assert np.abs(resampled[100:900]).max() < 1e-5


def test_look_ahead_is_as_far_as_an_output_reads():
    """No sample beyond it matters, and the last but one does: a delay one sample too long is harmless."""
    ahead = _core.look_ahead(500.0, 100.0)
    samples = np.random.default_rng(0).normal(size=3000)
    output = 300  # at input sample 1500
    whole = _core.resample(samples, 500.0, 100.0)[output]
    beyond, within = samples.copy(), samples.copy()
    beyond[1500 + ahead + 1 :] = 99
    within[1500 + ahead - 1] += 1e6
    assert _core.resample(beyond, 500.0, 100.0)[output] == whole
    assert _core.resample(within, 500.0, 100.0)[output] != whole
    assert ahead <= 0.6 * 500  # DESIGN.md: half a second, and a little


@pytest.mark.parametrize("rate", [0.0, -500.0, np.nan, np.inf, 1e-320, 500 * np.pi])
def test_an_unusable_rate_is_refused(rate):
    for rates in ((rate, 100.0), (100.0, rate)):
        with pytest.raises(ValueError, match="rate"):
            _core.resample(np.zeros(10), *rates)


@pytest.mark.parametrize("rates", ["1e6, 100.0", "900000.0, 100.0", "1000.0, 0.1", "1e308, 1e-308"])
def test_a_ratio_too_large_for_the_table_is_refused_and_does_not_kill_the_process(rates):
    """Below 1/8192 the step through the filter's table is zero. In a process of its own, which a signal may end."""
    code = f"import numpy, ecg2lab._native._core as core\ncore.resample(numpy.zeros(10), {rates})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, f"exit {ended.returncode}"
    assert "ValueError" in ended.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.int64, ">f8", np.complex128])
def test_another_type_is_an_error(dtype):
    with pytest.raises(TypeError):
        _core.resample(np.zeros(10, dtype=dtype), 500.0, 100.0)


def test_strided_samples_are_not_read_as_contiguous():
    samples = np.random.default_rng(0).normal(size=2000)
    try:
        resampled = _core.resample(samples[::2], 500.0, 100.0)
    except TypeError:
        return
    np.testing.assert_array_equal(resampled, _core.resample(samples[::2].copy(), 500.0, 100.0))
