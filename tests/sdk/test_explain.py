"""Explanations by occlusion, held against models whose answer is known by hand."""

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Calibration
from ecg2lab.engine import Engine
from ecg2lab.patient.features import encode

SOME = ecg2lab.Patient(age=63, sex="female", heart_rate_bpm=90)
WINDOWS, LEADS, SAMPLES = 4, 12, 250
SEGMENT_S = 0.2
"""Neither a divisor of a window nor of the recording: the last segment of each window is shorter."""


class LinearModel:
    """A backend: each logit is a weighted sum of all samples, numbers and the first category."""

    name, provider, device, precision, versions, caution = "linear", "test", "cpu", "fp32", {}, ""

    def __init__(self, targets, numbers, seed=0):
        random = np.random.default_rng(seed)
        self.samples = random.normal(0, 0.02, (targets, LEADS, SAMPLES))
        self.numbers = random.normal(0, 0.01, (targets, numbers))
        self.sex = random.normal(0, 0.5, targets)
        self.sizes = []

    def run(self, signal, continuous, categorical):
        self.sizes.append(len(signal))
        logits = np.einsum("blt,nlt->bn", signal.astype(np.float64), self.samples)
        logits += continuous @ self.numbers.T + np.outer(categorical[:, 0], self.sex)
        return Outputs(logits.astype(np.float32))


@pytest.fixture(scope="module")
def model(contract):
    return LinearModel(len(contract.targets), len(contract.continuous))


@pytest.fixture(scope="module")
def linear(bundle, model):
    return Engine(Bundle.open(bundle), model, 1)


@pytest.fixture(scope="module")
def windows(recording):
    signal = ecg2lab.preprocess(recording.samples, fs=recording.fs, leads=recording.leads, unit="mV")
    return np.stack([signal[:, i : i + SAMPLES] for i in range(0, WINDOWS * SAMPLES, SAMPLES)])


def answer(model, windows, features, target):
    """Logit of the mean probability, for a contract without calibration."""
    count = len(windows)
    rows = (np.tile(row, (count, 1)) for row in (features.continuous, features.categorical))
    mean = (1 / (1 + np.exp(-model.run(windows, *rows).logits[:, target].astype(np.float64)))).mean()
    return np.log(mean / (1 - mean)), mean


def numbers_of(explanation):
    effects = [*explanation.leads, *explanation.segments, *explanation.facts, explanation.ecg, explanation.patient]
    return np.array([(e.logit, e.probability) for e in effects])


def test_every_effect_is_the_answer_with_the_part_less_the_answer_without_it(
    linear, model, contract, recording, windows
):
    """By hand, from the definitions in the module's docstring. float32 logits of size 10: 1e-6 each."""
    target = 1
    explanation = linear.explain(recording, SOME, contract.targets[target].name, segment_s=SEGMENT_S)
    features = encode(SOME, contract)
    whole = np.array(answer(model, windows, features, target))
    np.testing.assert_allclose((explanation.logit, explanation.probability), whole, atol=1e-5)
    medians = np.median(windows, axis=(0, 2))

    def check(effect, changed, facts=features):
        expected = whole - np.array(answer(model, changed, facts, target))
        np.testing.assert_allclose((effect.logit, effect.probability), expected, atol=1e-5)

    for index, effect in enumerate(explanation.leads):
        changed = windows.copy()
        changed[:, index] = medians[index]
        assert effect.part == contract.signal.leads[index]
        check(effect, changed)
    check(explanation.ecg, np.broadcast_to(medians[None, :, None], windows.shape).astype(np.float32))
    for effect in explanation.segments:
        window, first = divmod(round(100 * effect.start_s), SAMPLES)
        end = round(100 * effect.end_s) - window * SAMPLES
        kept = [i for i in range(SAMPLES) if not first <= i < end]
        changed = windows.copy()
        for lead in changed[window]:
            lead[first:end] = np.interp(np.arange(first, end), kept, lead[kept])
        check(effect, changed)
    for effect in explanation.facts:
        others = {name: value for name, value in SOME.given().items() if name != effect.part}
        check(effect, windows, encode(ecg2lab.Patient(**others), contract))
    check(explanation.patient, windows, encode(ecg2lab.Patient(), contract))
    assert [effect.part for effect in explanation.facts] == list(SOME.given())


def test_segments_lie_side_by_side_over_all_windows(linear, contract, recording):
    for segment_s in (0.01, 0.1, SEGMENT_S, 2.5):
        segments = linear.explain(recording, None, contract.targets[0].name, segment_s=segment_s).segments
        assert segments[0].start_s == 0
        assert segments[-1].end_s == WINDOWS * SAMPLES / 100
        assert all(a.end_s == b.start_s for a, b in pairwise(segments))
        assert len(segments) == WINDOWS * math.ceil(2.5 / segment_s - 1e-9)


def test_effects_on_the_logit_of_a_linear_model_add_up(linear, contract, recording):
    """One window, whose mean is itself: all leads together are the sum of the leads."""
    one = ecg2lab.Recording(recording.samples[:, :1250], fs=500, leads=recording.leads, unit="mV")
    for explanation in linear.explain(one, SOME, list(contract.target_names)):
        assert sum(e.logit for e in explanation.leads) == pytest.approx(explanation.ecg.logit, abs=1e-4)
        assert sum(e.logit for e in explanation.facts) == pytest.approx(explanation.patient.logit, abs=1e-4)


def test_a_lead_that_weighs_more_has_more_effect(bundle, contract, recording):
    """Each lead has five times the weights of the lead before; one signal is in all, none a fifth of another."""
    model = LinearModel(len(contract.targets), len(contract.continuous))
    model.samples[:] = model.samples[:, :1] * 1e-6 * 5.0 ** np.arange(LEADS)[:, None]
    gains = {"I": 1, "II": 3, "III": 2, "aVR": -2, "aVL": -0.5, "aVF": 2.5}  # Einthoven's rules hold, none is a copy
    gains |= {f"V{i}": 1 + i / 10 for i in range(1, 7)}
    signal = np.stack([gains[lead] * 0.4 * recording.samples[1] for lead in recording.leads])
    alike = ecg2lab.Recording(signal, fs=500, leads=recording.leads, unit="mV")
    explanation = Engine(Bundle.open(bundle), model, 1).explain(alike, None, contract.targets[0].name)
    effects = [abs(effect.logit) for effect in explanation.leads]
    assert effects == sorted(effects)
    assert effects[-1] > 100 * effects[0]


def test_the_explanation_is_of_the_answer_that_predict_gives(engine, contract, recording):
    """float64 from the same float32 logits: 1e-9."""
    prediction = engine.predict(recording, SOME)
    explanations = engine.explain(recording, SOME, list(contract.target_names))
    for finding, explanation in zip(prediction.findings, explanations, strict=True):
        assert explanation.target == finding.target
        assert explanation.probability == pytest.approx(finding.probability, abs=1e-9)


def test_the_answer_does_not_depend_on_the_batch_nor_on_the_other_targets(engine, linear, model, contract, recording):
    names = contract.target_names
    for either in (engine, linear):
        reference = either.explain(recording, SOME, names[2])
        for batch in (1, 7, 1000):
            assert numbers_of(either.explain(recording, SOME, names[2], batch=batch)) == pytest.approx(
                numbers_of(reference), abs=1e-6
            )
        assert either.explain(recording, SOME, [names[0], names[2]])[1] == reference
    model.sizes.clear()
    linear.explain(recording, SOME, names[0], batch=7)
    assert max(model.sizes) == 7


@pytest.mark.parametrize("scale", [0.0, 1e30])
def test_answers_at_the_edge_of_probability_still_give_numbers(bundle, contract, recording, scale):
    """Logits beyond 1e30, whose probability is 0 or 1 to the last bit, and a model that ignores everything."""
    model = LinearModel(len(contract.targets), len(contract.continuous))
    for weights in (model.samples, model.numbers, model.sex):
        weights *= scale
    explanation = Engine(Bundle.open(bundle), model, 1).explain(recording, SOME, contract.targets[0].name)
    numbers = numbers_of(explanation)
    assert np.isfinite(numbers).all()
    assert (scale == 0) == (not numbers.any())


def test_calibration_scales_the_effect_on_the_logit(bundle, doctored, contract, model, recording):
    """Platt: slope · logit + intercept; the difference keeps the slope alone."""
    calibrated = msgspec.structs.replace(
        contract,
        targets=tuple(
            msgspec.structs.replace(t, calibration=Calibration(slope=0.5, intercept=-1.0)) for t in contract.targets
        ),
    )
    manifest = Bundle.open(bundle).manifest
    assert manifest.contract == contract
    name = contract.targets[0].name
    plain = Engine(Bundle.open(bundle), model, 1).explain(recording, SOME, name)
    path = doctored(bundle, {}, contract=contracts.decode(contracts.encode(calibrated)))
    half = Engine(Bundle.open(path), model, 1).explain(recording, SOME, name)
    assert half.logit == pytest.approx(0.5 * plain.logit - 1)
    np.testing.assert_allclose(numbers_of(half)[:, 0], 0.5 * numbers_of(plain)[:, 0], atol=1e-12)


def test_what_was_imputed_has_no_effect_and_what_cannot_be_imputed_is_named(engine, bare_bundle, recording, contract):
    nobody = ecg2lab.Recording(recording.samples, fs=500, leads=recording.leads, unit="mV")
    assert recording.subject.given().keys() == {"age", "sex"}
    assert [e.part for e in engine.explain(recording, None, contract.targets[0].name).facts] == ["age", "sex"]
    alone = engine.explain(nobody, None, contract.targets[0].name)
    assert alone.facts == ()
    assert (alone.patient.logit, alone.patient.probability) == (0, 0)
    complete = ecg2lab.Patient(
        age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70,
        systolic_mmhg=128, heart_rate_bpm=80, temperature_c=37, height_cm=170, weight_kg=70, bmi=24.2,
    )  # fmt: skip
    with ecg2lab.load(bare_bundle, threads=1) as bare:
        explanation = bare.explain(recording, complete, "target_003")
    assert explanation.patient is None
    # BMI alone can be left out: it follows from height and weight.
    assert {*explanation.not_removable, "bmi"} == set(complete.given())
    assert [effect.part for effect in explanation.facts] == ["bmi"]


def test_a_gap_a_flat_stretch_and_several_windows_give_finite_numbers(engine, recording, contract):
    samples = np.tile(recording.samples, (1, 3))
    samples[3, 100:220] = np.nan
    samples[5, 2000:6000] = samples[5, 2000]
    long = ecg2lab.Recording(samples, fs=500, leads=recording.leads, unit="mV")
    explanation = engine.explain(long, SOME, contract.targets[0].name, segment_s=2.5)
    assert np.isfinite(numbers_of(explanation)).all()
    assert len(explanation.segments) == 12


def test_what_predict_refuses_explain_refuses(engine, recording, contract):
    name = contract.targets[0].name
    with pytest.raises(ecg2lab.ContractError, match="did you mean"):
        engine.explain(recording, None, name[:-1])
    with pytest.raises(ecg2lab.PatientError):
        engine.explain(recording, ecg2lab.Patient(age=7), name)
    with pytest.raises(ecg2lab.RecordingError, match="explain wants"):
        engine.explain(recording.samples, None, name)
    with pytest.raises(ecg2lab.RecordingError):
        engine.explain(
            ecg2lab.Recording(recording.samples[:, :900], fs=500, leads=recording.leads, unit="mV"), None, name
        )
    for wrong in (0, -1, 0.001, 2.6, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(ecg2lab.ContractError, match="a segment is"):
            engine.explain(recording, None, name, segment_s=wrong)
    for wrong in (0, -1, 1.5, True, None):
        with pytest.raises(ecg2lab.ContractError, match="batch must be"):
            engine.explain(recording, None, name, batch=wrong)
