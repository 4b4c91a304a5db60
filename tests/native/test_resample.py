"""Resampling: equality with resampy 0.4.3 `kaiser_best`, which prepared the published network's training data."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import resampy
from pairwise import pairwise

from ecg2lab._native import _core

STATED = 1e-5
"""Millivolt; the agreement that the project promises."""
SINGLE = 3e-6
"""Millivolt; what single precision leaves of signals up to 3 mV: 1e-6 of the largest sample, as resample.h says.
Measured: at most 1.6e-6, on white noise."""

RATES = [101, 125, 128, 200, 250, 256, 257.5, 300, 333, 333.3, 360, 400, 500, 512, 720, 977, 1000, 1001.5, 1024, 2000]


def resample(samples, input_rate, output_rate, instruction_set=""):
    """One lead, never clipped."""
    return _core.Resampler(input_rate, output_rate, instruction_set).run(samples[None], np.inf)[0]


def reference(samples, input_rate, output_rate):
    if input_rate == output_rate or int(len(samples) * output_rate / input_rate) == 0:
        return samples[: int(len(samples) * output_rate / input_rate)]
    return resampy.resample(samples, input_rate, output_rate, filter="kaiser_best")


@pairwise(rate=RATES, seconds=[10, 2.5, 0.3], instruction_set=_core.signal_instruction_sets())
def test_white_noise_equals_resampy(rate, seconds, instruction_set):
    """Noise at the clip limit has energy at every frequency, so a wrong weight anywhere shows."""
    samples = np.random.default_rng(int(rate)).uniform(-3, 3, int(rate * seconds))
    expected = reference(samples, rate, 100)
    resampled = resample(samples, float(rate), 100.0, instruction_set)
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=STATED)
    np.testing.assert_allclose(resampled, expected, rtol=0, atol=SINGLE)


def test_real_records_equal_resampy(ecg):
    for lead in ecg[1]:
        resampled = resample(lead, 500.0, 100.0)
        np.testing.assert_allclose(resampled, reference(lead, 500, 100), rtol=0, atol=SINGLE)


@pytest.mark.parametrize("rate", [500, 257.5, 360, 128])
def test_every_short_length_equals_resampy(rate):
    """Filter and signal overlap only in part; the lengths around a whole output sample matter too."""
    for length in (*range(30), 57, 103, 206):
        samples = np.random.default_rng(length).uniform(-3, 3, length)
        np.testing.assert_allclose(
            resample(samples, float(rate), 100.0), reference(samples, rate, 100), rtol=0, atol=SINGLE
        )


@pytest.mark.parametrize(("rate", "to"), [(100, 500), (250, 360), (500, 257.5), (128, 125), (99, 100)])
def test_other_output_rates_equal_resampy(rate, to):
    samples = np.random.default_rng(0).uniform(-3, 3, 1500)
    resampled = resample(samples, float(rate), float(to))
    np.testing.assert_allclose(resampled, reference(samples, rate, to), rtol=0, atol=SINGLE)


def test_an_equal_rate_changes_nothing():
    samples = np.random.default_rng(0).normal(size=777)
    np.testing.assert_array_equal(resample(samples, 100.0, 100.0), samples.astype(np.float32))


def test_no_samples_give_no_samples():
    assert resample(np.zeros(0), 500.0, 100.0).shape == (0,)


def test_a_slow_sine_keeps_amplitude_and_phase():
    """7 Hz is far below 50 Hz. The filter's table step of 1638.4, truncated to 1638, makes its gain 1 + 2.4e-4."""
    t = np.arange(5000) / 500
    resampled = resample(np.sin(2 * np.pi * 7 * t), 500.0, 100.0)
    away_from_ends = slice(100, 900)
    expected = np.sin(2 * np.pi * 7 * np.arange(1000) / 100)
    np.testing.assert_allclose(resampled[away_from_ends], expected[away_from_ends], rtol=0, atol=3e-4)


def test_frequencies_above_the_new_half_rate_vanish():
    """75 Hz would come back as 25 Hz; the Kaiser window of beta 13 keeps the stop band below 1e-5."""
    t = np.arange(5000) / 500
    resampled = resample(np.sin(2 * np.pi * 75 * t), 500.0, 100.0)
    assert np.abs(resampled[100:900]).max() < 1e-5


@pytest.mark.parametrize("rate", [500, 1000, 257.5, 977, 128])
def test_look_ahead_is_as_far_as_an_output_reads(rate):
    """No sample beyond it matters to any output, and the last one does to some; where whole frames are read together,
    as at 500 Hz, it is the filter's own.
    """
    ahead = _core.look_ahead(float(rate), 100.0)
    samples = np.random.default_rng(0).normal(size=3 * int(rate))
    whole = resample(samples, rate, 100.0)
    last_matters = False
    for output in range(150, 190):
        instant = int(output * rate / 100 + 1e-9)
        beyond, within = samples.copy(), samples.copy()
        beyond[instant + ahead + 1 :] = 99
        within[instant + ahead] += 1e6
        assert resample(beyond, rate, 100.0)[output] == whole[output]
        last_matters |= resample(within, rate, 100.0)[output] != whole[output]
    assert last_matters
    assert ahead <= 0.51 * rate  # 50 zero crossings at 100 Hz, and what truncating the table's step makes of them


@pytest.mark.parametrize("rate", [125, 250, 360, 400])
def test_reading_whole_frames_looks_ahead_a_little_further(rate):
    """Few phases share their frames: an output may wait for the end of one, at most 0.05 s."""
    assert _core.look_ahead(float(rate), 100.0) <= 0.55 * rate


@pytest.mark.parametrize("rate", [500, 257.5])
def test_leads_do_not_leak_into_each_other_and_any_number_of_them_will_do(rate):
    samples = np.random.default_rng(0).uniform(-3, 3, (17, 1203))
    resampler = _core.Resampler(rate, 100.0)
    together = resampler.run(samples, 3.0)
    for count in (1, 2, 3, 5, 8, 12, 16):
        np.testing.assert_array_equal(resampler.run(samples[:count], 3.0), together[:count])
    assert resampler.run(np.zeros((0, 1203)), 3.0).shape == (0, together.shape[1])


def test_two_threads_may_use_one_resampler():
    samples = np.random.default_rng(0).uniform(-3, 3, (12, 5000))
    resampler = _core.Resampler(500.0, 100.0)
    expected = resampler.run(samples, 3.0)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: resampler.run(samples, 3.0), range(200)):
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("tiny", [1e-310, 5e-324, 1e-42, 1e-38])
def test_denormal_numbers_cost_no_time(tiny):
    """Many CPUs add such a number a hundred times slower. 3 of the thread's own time: caches are shared."""
    resampler = _core.Resampler(500.0, 100.0)
    usual = np.random.default_rng(0).uniform(-3, 3, (12, 5000))
    fastest = {}
    for _ in range(30):
        for name, samples in (("usual", usual), ("tiny", usual * tiny)):
            start = time.thread_time()
            resampler.run(samples, 3.0)
            fastest[name] = min(fastest.get(name, np.inf), time.thread_time() - start)
    assert fastest["tiny"] < 3 * fastest["usual"]


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan])
def test_a_clip_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="clip"):
        _core.Resampler(500.0, 100.0).run(np.zeros((1, 10)), limit)


def test_an_unknown_instruction_set_is_refused():
    with pytest.raises(ValueError, match="no instruction set 'mmx'"):
        _core.Resampler(500.0, 100.0, "mmx")


@pytest.mark.parametrize("rate", [0.0, -500.0, np.nan, np.inf, 1e-320, 500 * np.pi])
def test_an_unusable_rate_is_refused(rate):
    for rates in ((rate, 100.0), (100.0, rate)):
        with pytest.raises(ValueError, match="rate"):
            resample(np.zeros(10), *rates)


@pytest.mark.parametrize("rates", ["1e6, 100.0", "900000.0, 100.0", "1000.0, 0.1", "1e308, 1e-308"])
def test_a_ratio_too_large_for_the_table_is_refused_and_does_not_kill_the_process(rates):
    """Below 1/8192 the step through the filter's table is zero. In a process of its own, which a signal may end."""
    code = f"import ecg2lab._native._core as core\ncore.Resampler({rates})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, f"exit {ended.returncode}"
    assert "RecordingError: this recording cannot be used: the sampling rates differ by more" in ended.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.int64, ">f8", np.complex128])
def test_another_type_is_an_error(dtype):
    with pytest.raises(TypeError):
        resample(np.zeros(10, dtype=dtype), 500.0, 100.0)


def test_strided_samples_are_not_read_as_contiguous():
    samples = np.random.default_rng(0).normal(size=2000)
    try:
        resampled = resample(samples[::2], 500.0, 100.0)
    except TypeError:
        return
    np.testing.assert_array_equal(resampled, resample(samples[::2].copy(), 500.0, 100.0))
