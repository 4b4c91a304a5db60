"""Filters of the contract: off unless asked for, refused by name where they cannot be."""

import json

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab.errors import ContractError, RecordingError

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def samples():
    """Noise of an ECG's size, the mains, and an electrode offset of 20 mV."""
    random = np.random.default_rng(0)
    t = np.arange(5000) / 500
    return random.normal(0, 0.3, (len(LEADS), 5000)) + 0.5 * np.sin(2 * np.pi * 50 * t) + 20


def with_filters(band_pass=None, notch=None):
    contract = contracts.published(contracts.unnamed_targets(1))
    steps = contracts.Preprocessing(band_pass=band_pass, notch=notch)
    return msgspec.structs.replace(contract, preprocessing=steps)


def preprocess(samples, contract, fs=500.0):
    return ecg2lab.preprocess(samples, fs=fs, leads=LEADS, unit="mV", contract=contract)


def test_the_published_method_has_no_filter(samples):
    """An offset beyond the clip limit is cut to the limit there."""
    signal_ = ecg2lab.preprocess(samples, fs=500, leads=LEADS, unit="mV")
    np.testing.assert_array_equal(signal_, preprocess(samples, with_filters()))
    np.testing.assert_allclose(signal_[0, 60:-60], 3.0, atol=2e-3)


def test_a_contract_with_filters_survives_the_round_trip_and_an_older_one_has_none():
    contract = with_filters(contracts.BandPass(low_hz=0.5, high_hz=40.0, order=2), contracts.Notch(frequency_hz=60))
    assert contracts.decode(contracts.encode(contract)) == contract
    older = json.loads(contracts.encode(contract))
    del older["preprocessing"]["band_pass"], older["preprocessing"]["notch"]
    assert contracts.decode(json.dumps(older)) == with_filters()


@pytest.mark.parametrize("edges", [(40.0, 0.5), (5.0, 5.0)])
def test_a_band_without_width_is_no_contract(edges):
    with pytest.raises(ContractError, match="low_hz is not below high_hz"):
        with_filters(contracts.BandPass(low_hz=edges[0], high_hz=edges[1]))


def test_a_recording_whose_rate_is_too_low_for_the_filters_is_refused_by_name(samples):
    with pytest.raises(RecordingError, match="the notch must lie between 0 and half the sampling rate"):
        preprocess(samples, with_filters(notch=contracts.Notch(frequency_hz=50)), fs=100.0)
    with pytest.raises(RecordingError, match="edges must rise and lie between 0 and half the sampling rate"):
        preprocess(samples, with_filters(contracts.BandPass(low_hz=0.5, high_hz=150.0)), fs=250.0)


def test_a_recording_too_short_for_the_filters_is_refused_by_name(samples):
    contract = with_filters(contracts.BandPass(low_hz=0.5, high_hz=40.0))
    with pytest.raises(RecordingError, match="too short to be filtered"):
        preprocess(samples[:, :27], contract)
