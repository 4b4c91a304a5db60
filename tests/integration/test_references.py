"""The SDK's answers against references that it does without itself: the checkpoint in float64, other weights, scipy."""

import msgspec
import numpy as np
import pytest
from scipy import signal

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab_export import export
from ecg2lab_export.network import cardiolab

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="module")
def engine(bundle):
    with ecg2lab.load(bundle, threads=1) as loaded:
        yield loaded


def test_predict_is_the_mean_of_the_reference_networks_window_probabilities(engine, recording, data_folder):
    """Everything between samples and answer, recomputed plainly in float64 from the checkpoint."""
    prediction = engine.predict(recording, ecg2lab.Patient(age=63, sex="female"))
    prepared = ecg2lab.preprocess(recording.samples, fs=500, leads=recording.leads, unit="mV")
    windows = np.stack([prepared[:, i : i + 250] for i in range(0, 1000, 250)])
    medians = [63 if f.name == "age" else f.median for f in engine.contract.continuous]
    race = engine.contract.categorical[1].missing_code
    network = cardiolab.read(data_folder / "parity" / "bidirectional-small" / "checkpoint.ckpt")
    logits = network.logits(windows, np.tile(medians, (4, 1)), np.tile([0, race], (4, 1)))
    probabilities = [finding.probability for finding in prediction.findings]
    np.testing.assert_allclose(probabilities, (1 / (1 + np.exp(-logits))).mean(axis=0), atol=1e-5)


def test_a_lead_that_the_network_ignores_has_no_effect(random_network, contract, recording, tmp_path):
    """A real network whose encoder takes nothing from V2: exactly 0, since 0 · x adds nothing in any precision."""
    network = random_network(3, hidden=8, state=4, layers=1, targets=len(contract.targets))
    ignored = contract.signal.leads.index("V2")
    network.encoder_weight[:, ignored] = 0
    cardiolab.write(network, tmp_path / "x.safetensors")
    export(tmp_path / "x.safetensors", tmp_path / "x.ecg2lab", contract=contract, synthetic_weights=True)
    patient = ecg2lab.Patient(age=63, sex="female", heart_rate_bpm=90)
    with ecg2lab.load(tmp_path / "x.ecg2lab", threads=1) as engine:
        explanation = engine.explain(recording, patient, contract.targets[0].name)
    effects = {effect.part: effect.logit for effect in explanation.leads}
    assert effects.pop("V2") == 0
    assert min(abs(effect) for effect in effects.values()) > 0


def test_the_contracts_filters_are_scipys_and_come_before_the_clip():
    """1e-5 mV is the resampler's agreement with resampy; at 100 Hz after 500 Hz nothing else is comparable exactly."""
    t = np.arange(5000) / 500
    noise = np.random.default_rng(0).normal(0, 0.3, (len(LEADS), 5000))
    samples = noise + 0.5 * np.sin(2 * np.pi * 50 * t) + 20
    plain = contracts.published(contracts.unnamed_targets(1))
    steps = contracts.Preprocessing(
        band_pass=contracts.BandPass(low_hz=0.5, high_hz=40.0), notch=contracts.Notch(frequency_hz=50)
    )
    filtering = msgspec.structs.replace(plain, preprocessing=steps)
    band = signal.butter(4, [0.5, 40], "bandpass", fs=500, output="sos")
    filtered = signal.filtfilt(*signal.iirnotch(50, 30, fs=500), signal.sosfiltfilt(band, samples))

    def prepared(x, contract):
        return ecg2lab.preprocess(x, fs=500.0, leads=LEADS, unit="mV", contract=contract)

    expected = prepared(np.clip(filtered, -3, 3), plain)
    np.testing.assert_allclose(prepared(samples, filtering), expected, rtol=0, atol=1e-5)
