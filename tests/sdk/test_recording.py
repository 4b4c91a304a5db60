"""Recordings from arrays: units, leads, rates, and what is refused."""

import numpy as np
import pytest

import ecg2lab
from ecg2lab.recording.leads import STANDARD

SAMPLES = np.random.default_rng(0).standard_normal((12, 5000))


def recording(samples=SAMPLES, *, fs=500, leads=STANDARD, unit="mV", **more):
    return ecg2lab.Recording(samples, fs=fs, leads=leads, unit=unit, **more)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1000), ("mV", 1), ("V", 0.001)])
def test_every_unit_gives_the_same_millivolts(unit, factor):
    np.testing.assert_allclose(recording(SAMPLES * factor, unit=unit).samples, SAMPLES, rtol=1e-12)


def test_adc_counts_with_gain_and_baseline_give_the_same_millivolts():
    gain, baseline = np.linspace(100, 300, 12), np.arange(12) - 6
    counts = SAMPLES * gain[:, None] + baseline[:, None]
    given = recording(counts, unit="adc", gain=gain, baseline=baseline)
    np.testing.assert_allclose(given.samples, SAMPLES, atol=1e-12)


def test_lead_names_are_known_in_any_letter_case():
    assert recording(leads=[name.upper() for name in STANDARD]).leads == STANDARD


def test_samples_are_copied_so_that_the_callers_array_stays_his():
    mine = SAMPLES.copy()
    given = recording(mine)
    mine[:] = 0
    assert given.samples.any()


def test_masked_samples_are_missing_samples():
    masked = np.ma.masked_greater(SAMPLES, 1)
    given = recording(masked)
    np.testing.assert_array_equal(np.isnan(given.samples), SAMPLES > 1)


def test_repr_holds_no_patient_data():
    assert "Meyer" not in repr(recording(source={"patient": "Meyer"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leads": ("I", "Foo", *STANDARD[2:])}, "unknown lead 'Foo'"),
        ({"leads": ("I", "I", *STANDARD[2:])}, "lead I appears twice"),
        ({"leads": "I"}, "list of names"),
        ({"leads": set(STANDARD)}, "list of names"),
        ({"leads": None}, "list of names"),
        ({"source": [1, 2]}, "source must be a mapping"),
        ({"leads": STANDARD[:11]}, "row for each of 11 leads"),
        ({"samples": SAMPLES.T}, "transpose"),
        ({"samples": SAMPLES[0]}, "not one of shape"),
        ({"samples": SAMPLES[:, :0]}, "no samples"),
        ({"samples": SAMPLES.astype(complex)}, "real numbers"),
        ({"samples": [[1.0, 2.0], [1.0]]}, "different lengths"),
        ({"samples": np.full((12, 9), "x")}, "real numbers"),
        ({"fs": 50}, "outside 100 to 2000"),
        ({"fs": float("nan")}, "outside 100 to 2000"),
        ({"fs": "fast"}, "sampling rate"),
        ({"fs": 10**400}, "outside 100 to 2000"),
        ({"unit": "bananas"}, "unknown unit 'bananas'"),
        ({"unit": "adc"}, "needs the gain"),
        ({"unit": "adc", "gain": 0}, "positive"),
        ({"unit": "adc", "gain": [1, 2]}, "one for each of 12"),
        ({"unit": "mV", "baseline": 1024}, "belong to unit 'adc'"),
        ({"unit": ["mV"]}, "unknown unit"),
        ({"unit": "adc", "gain": "x"}, "gain must be a number"),
        ({"unit": "adc", "gain": 200, "baseline": float("nan")}, "baseline has values that are not finite"),
        ({"unit": "adc", "gain": float("nan")}, "gain has values that are not finite"),
        ({"unit": "adc", "gain": 10**400}, "gain must be a number"),
        ({"unit": "mV", "gain": 200}, "belong to unit 'adc'"),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    arguments = {"samples": SAMPLES, "fs": 500, "leads": STANDARD, "unit": "mV", **change}
    with pytest.raises(ecg2lab.RecordingError, match=message):
        ecg2lab.Recording(**arguments)


@pytest.mark.parametrize("missing", ["fs", "leads", "unit"])
def test_nothing_that_decides_the_meaning_of_a_sample_has_a_default(missing):
    arguments = {"samples": SAMPLES, "fs": 500, "leads": STANDARD, "unit": "mV"}
    del arguments[missing]
    with pytest.raises(TypeError, match=missing):
        ecg2lab.Recording(**arguments)
