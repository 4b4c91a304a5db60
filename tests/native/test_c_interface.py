"""The C interface gives Python's answers and Python's refusals, from the same samples."""

import ctypes
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from native_tools import DEMO, PATIENT

import ecg2lab
from ecg2lab import contract as contracts


def text(pointer):
    return None if pointer is None else pointer.decode()


def pythons(engine, samples, leads, fs, unit="mV", patient=None, **more):
    """Python's prediction, or its refusal."""
    try:
        recording = ecg2lab.Recording(samples, fs=fs, leads=leads, unit=unit, **more)
        return engine.predict(recording, ecg2lab.Patient(**(patient or {}))), None
    except ecg2lab.Ecg2LabError as error:
        return None, error


def require_same(c, ours, engine, *arguments, **more):
    """To 1e-5 in probability: float32 of ONNX Runtime against float64, over four layers."""
    prediction, refusal = pythons(engine, *arguments, **more)
    if refusal is not None:
        kinds = {"RecordingError": c.RECORDING, "PatientError": c.PATIENT, "QualityError": c.QUALITY}
        assert ours.message == str(refusal)
        assert ours.status == kinds[type(refusal).__name__]
        assert ours.refusal != 0
        assert ours.findings == {}
        return
    assert (ours.status, ours.refusal, ours.message) == (c.OK, 0, "")
    assert list(ours.findings) == [f.target for f in prediction.findings]
    for finding in prediction.findings:
        said = ours.findings[finding.target]
        numbers = [finding.probability, finding.lowest, finding.highest]
        np.testing.assert_allclose([said.probability, said.lowest, said.highest], numbers, atol=1e-5)
        assert (said.threshold, said.detected) == (finding.decision_threshold, finding.detected)
        assert (said.verdict, said.reason, said.rule) == (finding.verdict, finding.reason, finding.rule)
        assert said.base_rate == finding.base_rate
    assert ours.imputed == prediction.patient.imputed
    assert ours.unused == prediction.patient.unused
    assert ours.windows == prediction.recording.windows
    assert ours.unused_s == pytest.approx(prediction.recording.unused_s)
    assert (ours.notice, ours.digest) == (prediction.notice, prediction.engine.bundle_digest)
    assert set(ours.leads.values()) == {c.GOOD}


@pytest.mark.parametrize("sample_major", [False, True])
@pytest.mark.parametrize(
    ("kind", "unit", "factor"),
    [("float64", "mV", 1), ("float32", "mV", 1), ("float64", "uV", 1e3), ("float32", "V", 1e-3), ("int16", "uV", 1e3),
     ("int16", "adc", 200), ("float32", "adc", 200)],
)  # fmt: skip
def test_every_form_of_the_same_samples_gives_pythons_answer(
    c_interface, model, engine, record, kind, unit, factor, sample_major
):
    samples = (record.samples * factor).astype(kind)
    more = {"gain": [200.0], "baseline": [3.0]} if unit == "adc" else {}
    ours = model.predict(samples, record.leads, record.fs, unit, PATIENT, sample_major=sample_major, **more)
    require_same(c_interface, ours, engine, samples, record.leads, record.fs, unit, PATIENT, **more)


def test_gain_and_baseline_of_each_lead(c_interface, model, engine, record):
    gain, baseline = list(np.linspace(100, 400, 12)), list(np.arange(12.0))
    samples = (record.samples * np.array(gain)[:, None] + np.array(baseline)[:, None]).astype(np.int16)
    more = {"gain": gain, "baseline": baseline}
    ours = model.predict(samples, record.leads, record.fs, "adc", PATIENT, **more)
    require_same(c_interface, ours, engine, samples, record.leads, record.fs, "adc", PATIENT, **more)


def test_derived_leads_odd_names_and_another_rate(c_interface, model, engine, record):
    rows = [record.leads.index(name) for name in ("V6", "II", "V1", "I", "V5", "V2", "V4", "V3")]
    samples, leads = record.samples[rows], ["v6", " ii", "V1", "i", "V5", "v2", "V4 ", "V3"]
    for patient in (PATIENT, {}, None):
        for fs in (500.0, 360.0, 257.5):
            ours = model.predict(samples, leads, fs, "mV", patient)
            require_same(c_interface, ours, engine, samples, leads, fs, "mV", patient)


def flattened(samples):
    samples[3] = 0.25


FAULTS = {
    "flat": (flattened, {"aVR"}, 5),
    "empty": (lambda s: s[[6, 8]].fill(np.nan) or s.__setitem__(slice(6, 9, 2), np.nan), {"V1", "V3"}, 3),
    "gap": (lambda s: s.__setitem__((7, slice(1000, 2250)), np.nan), {"V2"}, 4),
    "clipped": (lambda s: s.__setitem__((0, slice(None, None, 3)), 99) or s.__setitem__((0, slice(1, None, 3)), -99),
                {"I"}, 6),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_lead_has_its_verdict_and_pythons_sentence(c_interface, model, engine, record, fault):
    spoil, bad, verdict = FAULTS[fault]
    samples = record.samples.copy()
    spoil(samples)
    ours = model.predict(samples, record.leads, record.fs, "mV", PATIENT)
    require_same(c_interface, ours, engine, samples, record.leads, record.fs, "mV", PATIENT)
    good = {c_interface.GOOD, c_interface.FAULTY}  # limb leads contradict one that is clipped
    assert {name for name, said in ours.leads.items() if said not in good} == bad
    assert {ours.leads[name] for name in bad} == {verdict}
    assert ours.refusal == {"empty": 4, "gap": 5, "flat": 6, "clipped": 7}[fault]
    assert ours.notice


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda s, leads: (s[:, :1200], leads, 500, "mV", PATIENT), 3),
        (lambda s, leads: (s * 1e-4, leads, 500, "mV", PATIENT), 8),
        (lambda s, leads: (s * 1e3, leads, 500, "mV", PATIENT), 7),
        (lambda s, leads: (s[:6], leads[:6], 500, "mV", PATIENT), 2),
        (lambda s, leads: (s, ["x", *leads[1:]], 500, "mV", PATIENT), 1),
        (lambda s, leads: (s, [leads[1], *leads[1:]], 500, "mV", PATIENT), 1),
        (lambda s, leads: (s, leads, 99, "mV", PATIENT), 1),
        (lambda s, leads: (s, leads, 2001, "mV", PATIENT), 1),
        (lambda s, leads: (s, leads, float("nan"), "mV", PATIENT), 1),
        (lambda s, leads: (np.where(s > 1, np.inf, s), leads, 500, "mV", PATIENT), 1),
        (lambda s, leads: (s, leads, 500, "adc", PATIENT), 1),
        (lambda s, leads: (s, leads, 500, "mV", {"age": 17}), 9),
        (lambda s, leads: (s, leads, 500, "mV", {"age": 300}), 9),
        (lambda s, leads: (s, leads, 500, "mV", {"temperature_f": 37.2}), 9),
        (lambda s, leads: (s, leads, 500, "mV", {"temperature_f": 98.6, "temperature_c": 37.0}), 9),
        (lambda s, leads: (s, leads, 500, "mV", {"diastolic_mmhg": 130, "systolic_mmhg": 80}), 9),
        (lambda s, leads: (s[:6], leads[:6], 500, "mV", {"age": 3}), 9),
        (lambda s, leads: (s * 0, leads, 500, "mV", {"age": 3}), 9),
    ],
)
def test_what_python_refuses_is_refused_with_the_same_sentence(c_interface, model, engine, record, change, refusal):
    arguments = change(record.samples, list(record.leads))
    ours = model.predict(*arguments)
    prediction, error = pythons(engine, *arguments)
    assert prediction is None
    assert ours.message == str(error) or (refusal == 1 and str(error).startswith(ours.message))  # Python adds how
    assert ours.refusal == refusal
    assert ours.findings == {}


def test_what_is_out_of_range_counts_as_not_given_where_the_caller_says_so(c_interface, library, engine, record):
    facts = {**PATIENT, "temperature_f": 0.0, "heart_rate_bpm": 0.0, "spo2_percent": 255.0, "weight_kg": 1e6}
    facts.pop("temperature_c", None)
    lenient = c_interface.Model(library, DEMO, out_of_range=1)
    ours = lenient.predict(record.samples, record.leads, record.fs, "mV", facts)
    with ecg2lab.load(DEMO, out_of_range="impute") as pythons_engine:
        prediction, error = pythons(pythons_engine, record.samples, record.leads, record.fs, "mV", facts)
    assert error is None
    assert ours.out_of_range == prediction.patient.out_of_range != ()
    assert ours.imputed == prediction.patient.imputed
    plausible = {name: value for name, value in facts.items() if name not in ours.out_of_range}
    same = lenient.predict(record.samples, record.leads, record.fs, "mV", plausible)
    assert same.out_of_range == ()
    assert same.findings == ours.findings
    assert c_interface.Model(library, DEMO, out_of_range=2).status == c_interface.ARGUMENT


def test_leads_are_judged_even_where_the_patient_is_refused(c_interface, model, record):
    samples = record.samples.copy()
    flattened(samples)
    ours = model.predict(samples, record.leads, record.fs, "mV", {"age": 3})
    assert ours.status == c_interface.PATIENT
    assert ours.leads["aVR"] == c_interface.FLAT
    ours = model.predict(record.samples[:6], record.leads[:6], record.fs, "mV")
    assert [ours.leads[name] for name in ("V1", "V6")] == [c_interface.MISSING] * 2
    assert ours.leads["I"] == c_interface.NOT_JUDGED


@examples(60)
@given(st.data())
def test_any_recording_is_answered_or_refused_as_python_does(c_interface, model, engine, record, data):
    """Random faults in random leads, random facts: one answer, one sentence, whoever asks."""
    samples = record.samples[:, : data.draw(st.sampled_from([1249, 1250, 2600, 5000]))].copy()
    for _ in range(data.draw(st.integers(0, 3))):
        lead, start = data.draw(st.integers(0, 11)), data.draw(st.integers(0, samples.shape[1] - 1))
        length = data.draw(st.sampled_from([1, 100, 1250, 5000]))
        samples[lead, start : start + length] = data.draw(st.sampled_from([np.nan, 0.0, 50.0, -2.5, np.inf]))
    names = data.draw(st.lists(st.sampled_from(["age", "bmi", "height_cm", "weight_kg", "temperature_c"]), unique=True))
    patient = {name: data.draw(st.sampled_from([0.5, 17.0, 37.0, 64.0, 95.0, 170.0])) for name in names}
    arguments = samples, record.leads, record.fs, "mV", patient
    require_same(c_interface, model.predict(*arguments), engine, *arguments)


def test_source_fields_come_back_untouched_and_the_result_outlives_its_model(c_interface, library, engine, record):
    c, source = c_interface, {"patient": "Meyer ä", "order": "", "device": "cart 7"}
    short = c.Model(library, DEMO)
    recording, _kept = short.recording(record.samples, record.leads, record.fs, "mV", source=source)
    _, result = short.ask(recording)
    library.ecg2lab_free(short.handle)
    answer = short.copy(result[0])
    assert answer.source == source
    assert len(answer.findings) == len(engine.contract.targets)
    library.ecg2lab_result_free(result)


def threshold_of(target):
    """Of a recording, which has the most windows, with all facts."""
    if target.decision is None:
        return target.decision_threshold
    whole = [point for point in target.decision.points if point.facts == "all"]
    return max(whole, key=lambda point: point.windows).threshold if whole else None


def test_a_description_holds_the_contract(c_interface, library, model, engine):
    described, contract = library.ecg2lab_describe(model.handle)[0], engine.contract
    assert described.struct_size == ctypes.sizeof(c_interface.STRUCTS["description"])
    assert text(described.name) == contract.name
    assert (described.sampling_rate_hz, described.window_samples) == (100.0, 250)
    assert tuple(text(described.leads[i]) for i in range(described.lead_count)) == contract.signal.leads
    assert (described.minimum_age, described.clip_mv) == (
        contract.population.minimum_age,
        contract.preprocessing.clip_mv,
    )
    assert (described.synthetic_weights, described.causal, text(described.precision), described.threads) == (
        1,
        0,
        "fp32",
        1,
    )
    assert text(described.bundle_digest) == engine.info.bundle_digest
    numbers = [described.numbers[i][0] for i in range(described.number_count)]
    assert [(text(n.name), text(n.unit), n.minimum, n.maximum, n.median) for n in numbers] == [
        (f.name, f.unit, f.minimum, f.maximum, f.median) for f in contract.continuous
    ]
    for i, feature in enumerate(contract.categorical):
        category = described.categories[i][0]
        assert tuple(text(category.words[k]) for k in range(category.word_count)) == feature.categories
        assert category.missing_code == feature.missing_code
    assert described.target_count == len(contract.targets)
    for i, target in enumerate(contract.targets):
        t, criterion = described.targets[i][0], target.criterion
        threshold = c_interface.number_or_none(t.decision_threshold)
        assert (text(t.name), threshold) == (target.name, threshold_of(target))
        assert (text(t.lab), text(t.loinc), text(t.unit), text(t.comparison), t.limit, t.horizon_min) == (
            criterion.lab, criterion.loinc, criterion.unit, criterion.comparison, criterion.threshold,
            criterion.horizon_min,
        )  # fmt: skip
        assert ("prediction", "forecasting")[t.setting] == criterion.setting
    assert not library.ecg2lab_describe(None)


def test_the_operating_point_that_holds_comes_with_its_figures(c_interface, library, record, decided):
    """With age and sex alone, with all facts, of a recording and of a window."""
    model = c_interface.Model(library, decided)
    described = library.ecg2lab_describe(model.handle)[0].targets[0][0]
    assert np.isnan(described.decision_threshold)  # of four windows with all facts there is none

    def first(samples, facts):
        answer = model.predict(samples, record.leads, record.fs, "mV", facts)
        return answer.findings[text(described.name)]

    said = first(record.samples, {"age": 63, "sex": "female"})
    assert said.verdict == ("flagged" if said.probability >= 0.0625 else "not flagged")
    assert said.detected == (said.verdict == "flagged")
    assert (said.threshold, said.reason, said.rule) == (0.0625, None, "specificity=0.9")
    assert (said.base_rate, said.ratio) == (0.125, said.probability / 0.125)
    assert said.operating_point == {
        "windows": 4, "facts": "age and sex", "threshold": 0.0625, "patients": 2, "positives": 3, "negatives": 4,
        "prevalence": 0.125, "sensitivity": {"value": 0.5, "low": 0.25, "high": 0.75},
        "specificity": {"value": 0.75, "low": 0.5, "high": 1}, "ppv": {"value": 0.25, "low": 0, "high": 0.5},
        "npv": None, "conformal": None,
    }  # fmt: skip
    said = first(record.samples, PATIENT)
    assert (said.verdict, said.reason, said.threshold, said.detected) == ("no decision", "too few", None, None)
    assert (said.base_rate, said.ratio, said.operating_point["patients"]) == (None, None, 1)
    said = first(record.samples[:, :1250], PATIENT)
    assert (said.threshold, said.operating_point["windows"]) == (0.5, 1)
    said = first(record.samples[:, :2600], PATIENT)
    assert said.reason == "no operating point holds for 2 windows, only for 1, 4"
    assert (said.verdict, said.operating_point, said.base_rate) == ("no decision", None, 0.25)
    library.ecg2lab_free(model.handle)


def test_codes_of_sex_and_race_are_the_published_words(c_interface):
    assert tuple(contracts.CATEGORIES.values()) == (c_interface.SEXES, c_interface.RACES)


def test_threads_that_share_a_model_get_their_own_answers_and_messages(c_interface, model, engine, record):
    expected = model.predict(record.samples, record.leads, record.fs, "mV", PATIENT)
    problems = []

    def work(index):
        for _ in range(3):
            ours = model.predict(record.samples, record.leads, record.fs, "mV", PATIENT)
            refused = model.predict(record.samples, record.leads, 10.0 + index, "mV", PATIENT)
            if ours != expected or f"sampling rate {10 + index} Hz" not in refused.message:
                problems.append(index)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_reduced_precision_answers_within_its_gate_or_is_refused_by_name(
    c_interface, library, engine, record, precision
):
    """The demo's gates saw logits move by 0.003 (bf16) and 0.01 (int8), and probabilities move by a quarter at most."""
    reduced = c_interface.Model(library, DEMO, precision=precision.encode())
    if reduced.status == c_interface.BACKEND:
        assert f"this CPU lacks the instructions for {precision}" in text(library.ecg2lab_last_error())
        return
    assert text(library.ecg2lab_describe(reduced.handle)[0].precision) == precision
    ours = reduced.predict(record.samples, record.leads, record.fs, "mV", PATIENT)
    prediction, _ = pythons(engine, record.samples, record.leads, record.fs, "mV", PATIENT)
    for finding in prediction.findings:
        assert abs(ours.findings[finding.target].probability - finding.probability) < 0.01
    library.ecg2lab_free(reduced.handle)
