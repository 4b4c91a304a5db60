"""Preprocessing: missing samples, clip, order of the steps, invariances, refusals; references in plain NumPy."""

import threading

import numpy as np
import pytest
import resampy
from bare_contract import contract_for
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab._native import _core

millivolts = st.floats(-50, 50, allow_subnormal=False)
gappy = st.lists(st.one_of(millivolts, st.just(np.nan)), min_size=1, max_size=60).map(np.array)


def interpolated(lead):
    """The mean of neither end: linear inside, held outside; zeros where nothing is known."""
    known = np.flatnonzero(~np.isnan(lead))
    return np.interp(np.arange(len(lead)), known, lead[known]) if known.size else np.zeros(len(lead))


def reference(lead, rate=500, clip=3.0):
    return resampy.resample(np.clip(interpolated(lead), -clip, clip), rate, 100, filter="kaiser_best")


def prepare(samples, names, *, rate=100.0, leads=None, to=100.0, clip=1e6):
    contract = contract_for(leads or names, rate=to, clip=clip).native
    prepared = _core.prepare(np.ascontiguousarray(samples, np.float64), names, rate, contract)
    return prepared.signal, prepared.leads


def facts(reports):
    """What reports say, to be compared."""
    names = [name for name in dir(_core.LeadReport) if not name.startswith("_")]
    return [[getattr(report, name) for name in names] for report in reports]


@examples(300)
@given(gappy)
def test_missing_samples_equal_numpy_interpolation_with_held_ends(lead):
    """At an equal rate and with a far clip nothing else happens. The result is float32: 2⁻²³ of the value."""
    signal, [report] = prepare(lead[None], ["V1"])
    missing, empty = report.missing_samples, report.empty
    np.testing.assert_allclose(signal[0], interpolated(lead), rtol=1.2e-7, atol=1e-12)
    assert missing == np.isnan(lead).sum()
    assert empty == np.isnan(lead).all()


def test_a_lead_without_any_value_is_zero_and_reported_as_empty():
    samples = np.stack([np.full(500, np.nan), np.ones(500)])
    signal, reports = prepare(samples, ["V1", "V2"], rate=500.0)
    np.testing.assert_array_equal(signal[0], 0)
    assert signal[1].any()
    assert [(r.missing_samples, r.longest_gap, r.empty) for r in reports] == [(500, 500, True), (0, 0, False)]


@examples(100)
@given(st.lists(millivolts, min_size=1, max_size=60).map(np.array), st.floats(0.125, 40, width=32))
def test_clipping_equals_numpy_and_counts_what_lay_beyond(lead, limit):
    signal, [report] = prepare(lead[None], ["V1"], clip=limit)
    clipped = report.clipped_samples
    np.testing.assert_allclose(signal[0], np.clip(lead, -limit, limit), rtol=1.2e-7, atol=1e-12)
    assert clipped == (np.abs(lead) > limit).sum()


@pytest.mark.slow
def test_the_whole_chain_equals_numpy_and_resampy(ecg, network_leads):
    """Gaps, spikes and a real ECG. 1e-5 mV is promised; 3e-6 is 1e-6 of the clip limit."""
    names, samples = ecg
    samples, random = samples.copy(), np.random.default_rng(0)
    for lead in samples:
        lead[random.integers(0, 5000, 20)] = random.uniform(-20, 20, 20)
        start = random.integers(0, 4900)
        lead[start : start + 80] = np.nan
    samples[3, :70] = samples[5, -70:] = np.nan
    signal, reports = prepare(samples, names, rate=500.0, leads=network_leads, clip=3.0)
    expected = np.stack([reference(samples[names.index(lead)]) for lead in network_leads])
    assert signal.dtype == np.float32
    np.testing.assert_allclose(signal, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(signal, expected, rtol=0, atol=3e-6)
    for lead, report in zip(network_leads, reports, strict=True):
        assert (report.missing_samples, report.derived, report.empty) == (
            np.isnan(samples[names.index(lead)]).sum(),
            False,
            False,
        )


def test_clipping_comes_before_resampling(ecg):
    """A spike of 50 mV is a spike of 3 mV to the filter; clipped afterwards it would smear over its neighbours."""
    lead = ecg[1][1].copy()
    lead[2500] = 50
    ours = prepare(lead[None], ["II"], rate=500.0, clip=3.0)[0][0]
    other_order = np.clip(resampy.resample(lead, 500, 100, filter="kaiser_best"), -3, 3)
    np.testing.assert_allclose(ours, reference(lead), rtol=0, atol=1e-5)
    assert np.abs(ours - other_order).max() > 0.1


def test_interpolation_comes_before_clipping(ecg):
    """Between 30 mV and −30 mV the line is steeper than between the clipped ends."""
    lead = ecg[1][1].copy()
    lead[2400:2600] = np.nan
    lead[2399], lead[2600] = 30, -30
    ours = prepare(lead[None], ["II"], rate=500.0, clip=3.0)[0][0]
    np.testing.assert_allclose(ours, reference(lead), rtol=0, atol=1e-5)
    clipped_first = reference(np.clip(lead, -3, 3))
    assert np.abs(ours - clipped_first).max() > 0.1


def test_permuting_rows_with_their_names_changes_no_bit(ecg, network_leads):
    names, samples = ecg
    samples = samples.copy()
    samples[2, 100:300] = np.nan
    first = prepare(samples, names, rate=500.0, leads=network_leads, clip=3.0)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(12)
        again = prepare(samples[order], [names[i] for i in order], rate=500.0, leads=network_leads, clip=3.0)
        np.testing.assert_array_equal(first[0], again[0])
        assert facts(first[1]) == facts(again[1])


def test_leads_do_not_leak_into_each_other(ecg, network_leads):
    names, samples = ecg
    changed = samples.copy()
    changed[names.index("V3")] = np.nan
    before = prepare(samples, names, rate=500.0, leads=network_leads, clip=3.0)[0]
    after = prepare(changed, names, rate=500.0, leads=network_leads, clip=3.0)[0]
    others = [i for i, lead in enumerate(network_leads) if lead != "V3"]
    np.testing.assert_array_equal(before[others], after[others])


def test_repetition_and_four_threads_at_once_give_the_same_bits(ecg, network_leads):
    names, samples = ecg
    expected = prepare(samples, names, rate=500.0, leads=network_leads, clip=3.0)[0]
    results = [None] * 4

    def work(slot):
        for _ in range(3):
            results[slot] = prepare(samples, names, rate=500.0, leads=network_leads, clip=3.0)[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_the_input_is_left_as_it_was(ecg):
    names, samples = ecg
    samples = samples.copy()
    samples[0, 10:20] = np.nan
    kept = samples.copy()
    prepare(samples, names, rate=500.0, clip=0.1)
    np.testing.assert_array_equal(samples, kept)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("where", [50, slice(None), slice(10, None)])
def test_an_infinite_sample_is_refused_by_lead(value, where):
    samples = np.zeros((2, 100))
    samples[1] = np.nan if isinstance(where, slice) else 0.0  # all that have a value are infinite
    samples[1, where] = value
    with pytest.raises(ValueError, match="lead V2 has infinite samples"):
        prepare(samples, ["V1", "V2"])


def test_a_recording_without_samples_gives_a_signal_without_samples():
    signal, [report] = prepare(np.zeros((1, 0)), ["V1"], rate=500.0)
    assert signal.shape == (1, 0)
    assert (report.missing_samples, report.clipped_samples, report.empty) == (0, 0, True)


@pytest.mark.parametrize(
    ("samples", "names"),
    [
        (np.zeros((2, 10)), ["V1"]),
        (np.zeros((1, 10)), ["V1", "V2"]),
        (np.zeros(10), ["V1"]),
        (np.zeros((1, 1, 10)), ["V1"]),
    ],
)
def test_names_that_do_not_fit_the_rows_are_refused(samples, names):
    with pytest.raises(ValueError, match=r"one name per row|two-dimensional"):
        _core.prepare(samples, names, 500.0, contract_for(["V1"]).native)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, ">f8"])
def test_samples_of_another_type_are_an_error(dtype):
    with pytest.raises(TypeError):
        _core.prepare(np.zeros((1, 10), dtype=dtype), ["V1"], 500.0, contract_for(["V1"]).native)


def test_the_longest_gap_and_a_flat_lead_are_reported():
    lead = np.arange(20.0)
    lead[[2, 3, 7, 8, 9, 19]] = np.nan
    _, [gaps] = prepare(lead[None], ["V1"])
    assert (gaps.missing_samples, gaps.longest_gap, gaps.flat) == (6, 3, False)
    _, [flat] = prepare(np.full((1, 20), 0.5), ["V1"])
    assert (flat.flat, flat.empty) == (True, False)
