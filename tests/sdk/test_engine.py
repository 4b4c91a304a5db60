"""The engine: agreement with the checkpoint, invariances of the answer, refusals."""

import pickle
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab._native import _core
from ecg2lab.bundle import Bundle
from ecg2lab.recording.leads import STANDARD

CHECKPOINT = Path(__file__).parent.parent / "data" / "parity" / "bidirectional-small" / "checkpoint.ckpt"

PATIENT = ecg2lab.Patient(age=63, sex="female", temperature_c=37.2)


def probabilities(prediction):
    return np.array([finding.probability for finding in prediction.findings])


def rebuilt(recording, rows, *, scale=1.0, unit="mV"):
    return ecg2lab.Recording(
        recording.samples[rows] * scale, fs=recording.fs, leads=[recording.leads[r] for r in rows], unit=unit
    )


def test_run_agrees_with_the_stored_float64_logits(engine):
    io = np.load(CHECKPOINT.parent / "io.npz")
    logits = engine.run(io["signal"], io["continuous"], io["categorical"])
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, io["logits"], atol=1e-5)  # the stated tolerance of every form


def test_the_order_of_leads_does_not_matter(engine, recording):
    rows = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(
        probabilities(engine.predict(recording, PATIENT)),
        probabilities(engine.predict(rebuilt(recording, rows), PATIENT)),
    )


def test_the_unit_does_not_matter(engine, recording):
    microvolts = rebuilt(recording, range(12), scale=1000, unit="uV")
    np.testing.assert_allclose(
        probabilities(engine.predict(recording, PATIENT)), probabilities(engine.predict(microvolts, PATIENT)), atol=1e-6
    )


def test_eight_leads_answer_like_twelve_and_say_what_was_derived(engine, recording):
    """Limb leads are exact combinations of I and II up to the recording's 1 µV quantisation."""
    eight = rebuilt(recording, [STANDARD.index(n) for n in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")])
    prediction = engine.predict(eight, PATIENT)
    assert set(prediction.recording.derived_leads) == {"III", "aVR", "aVL", "aVF"}
    np.testing.assert_allclose(probabilities(prediction), probabilities(engine.predict(recording, PATIENT)), atol=2e-3)


def test_a_remainder_shorter_than_a_window_is_left_out_and_said(engine, recording):
    longer = np.concatenate([recording.samples, recording.samples[:, :600]], axis=1)
    note = engine.predict(ecg2lab.Recording(longer, fs=500, leads=STANDARD, unit="mV"), PATIENT).recording
    assert (note.windows, note.unused_s) == (4, pytest.approx(1.2))


def test_what_was_imputed_derived_and_clipped_is_said(engine, recording):
    samples = recording.samples.copy()
    samples[0, 100:110] = np.nan
    samples[6, 200] = 5
    note = engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)
    assert note.recording.missing_samples == {"I": 10}
    assert note.recording.clipped_samples == {"V1": 1}
    assert set(note.patient.imputed) == set(engine.contract.feature_names) - {"age", "sex", "temperature_f"}


def test_the_caller_goes_before_what_the_file_says_of_the_patient(engine, recording):
    note = engine.predict(recording, ecg2lab.Patient(age=40)).patient
    assert (note.given["age"], note.given["sex"], note.from_recording) == (40, "female", ("sex",))


def test_the_source_is_carried_through_untouched(engine, recording):
    source = {"patient": "P-1", "study": {"uid": "1.2.3"}}
    given = ecg2lab.Recording(recording.samples, fs=500, leads=STANDARD, unit="mV", source=source)
    assert engine.predict(given, PATIENT).source == source


def test_decisions_follow_the_contracts_thresholds(engine, recording):
    for finding, target in zip(engine.predict(recording).findings, engine.contract.targets, strict=True):
        assert finding.detected == (finding.probability >= target.decision_threshold)


def test_wanted_targets_are_the_same_findings_in_the_wanted_order(engine, recording):
    names = [engine.contract.targets[i].name for i in (3, 0)]
    some = engine.predict(recording, PATIENT, targets=names)
    every = engine.predict(recording, PATIENT)
    assert some.findings == (every.findings[3], every.findings[0])
    assert some[names[0]] == every.findings[3]


def test_an_unknown_target_is_refused_with_the_nearest_name(engine, recording):
    near = engine.contract.targets[0].name
    with pytest.raises(ecg2lab.ContractError, match=f"unknown target '{near}x'; did you mean {near}"):
        engine.predict(recording, targets=[near + "x"])


@pytest.mark.parametrize(
    ("targets", "message"),
    [(5, "targets must be a list of names, not int"), ([0], "by its name, not by int"), ([None], "not by NoneType")],
)
def test_targets_that_are_no_names_are_refused_by_every_verb(engine, recording, targets, message):
    for ask in (
        lambda: engine.predict(recording, targets=targets),
        lambda: engine.explain(recording, None, targets),
        lambda: engine.stream(fs=500, leads=recording.leads, unit="mV", targets=targets),
    ):
        with pytest.raises(ecg2lab.ContractError, match=message):
            ask()


def test_many_threads_share_one_engine(engine, recording):
    expected, wrong = engine.predict(recording, PATIENT).to_json(), []

    def work():
        for _ in range(10):
            if engine.predict(recording, PATIENT).to_json() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_info_says_what_really_runs(engine, bundle):
    info = engine.info
    assert (info.backend, info.provider, info.threads) == ("native", _core.instruction_sets()[0], 1)
    with ecg2lab.load(bundle, backend="onnxruntime", threads=1) as other:
        assert (other.info.backend, other.info.provider) == ("onnxruntime", "CPUExecutionProvider")
    assert info.bundle_digest == Bundle.open(bundle).digest
    assert info.notice == "synthetic weights, not for clinical use"


@pytest.mark.parametrize("name", ["bundle", "causal_bundle"])
def test_both_backends_of_the_runtime_give_the_same_answer(name, request, recording):
    path, answers = request.getfixturevalue(name), []
    for backend in ("native", "onnxruntime"):
        with ecg2lab.load(path, backend=backend) as engine:
            assert engine.info.backend == backend
            answers.append([finding.probability for finding in engine.predict(recording, PATIENT).findings])
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=1e-6)


def test_json_is_one_line_that_decodes_to_the_same_prediction(engine, recording):
    prediction = engine.predict(recording, PATIENT)
    line = prediction.to_json()
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=ecg2lab.Prediction) == prediction


class TestWithoutContract:
    """A checkpoint that came without a contract."""

    def test_missing_inputs_are_named(self, bare_bundle, recording):
        with ecg2lab.load(bare_bundle) as bare, pytest.raises(ecg2lab.PatientError, match="missing inputs: resp"):
            bare.predict(recording, PATIENT)

    def test_it_reports_probabilities_and_never_says_detected(self, bare_bundle, recording):
        patient = ecg2lab.Patient(
            age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70,
            systolic_mmhg=128, heart_rate_bpm=80, temperature_c=37, height_cm=170, weight_kg=70,
        )  # fmt: skip
        with ecg2lab.load(bare_bundle) as bare:
            prediction = bare.predict(recording, patient)
        assert prediction.notice == "weights of unstated origin, not for clinical use"
        assert {finding.detected for finding in prediction.findings} == {None}
        assert prediction.findings[3].target == "target_003"


class TestRefusals:
    """Bad recordings, bad arrays, bad choices."""

    def test_a_short_record(self, engine, recording):
        short = ecg2lab.Recording(recording.samples[:, :1249], fs=500, leads=STANDARD, unit="mV")
        with pytest.raises(ecg2lab.RecordingError, match=r"too short: 2\.49 s, and the model needs 2\.5 s"):
            engine.predict(short, PATIENT)

    def test_a_lead_without_any_value(self, engine, recording):
        samples = recording.samples.copy()
        samples[[6, 8]] = np.nan
        with pytest.raises(ecg2lab.QualityError, match="leads V1, V3 without any value"):
            engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)

    def test_a_gap_as_long_as_a_window(self, engine, recording):
        samples = recording.samples.copy()
        samples[6, 1000:2249] = np.nan
        engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)
        samples[6, 1000:2250] = np.nan
        with pytest.raises(ecg2lab.QualityError, match=r"lead V1 without values for 2\.5 s or longer"):
            engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)

    def test_a_flat_lead(self, engine, recording):
        samples = recording.samples.copy()
        samples[8] = 0.3
        with pytest.raises(ecg2lab.QualityError, match="lead V3 flat"):
            engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)

    @pytest.mark.parametrize(
        ("scale", "message"), [(1000, r"mostly beyond ±3 mV \(is the unit right"), (1e-3, "no ECG")]
    )
    def test_a_slip_of_the_unit(self, engine, recording, scale, message):
        slipped = rebuilt(recording, range(12), scale=scale)
        with pytest.raises(ecg2lab.QualityError, match=message):
            engine.predict(slipped, PATIENT)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((np.zeros((12, 5000)),), ecg2lab.RecordingError, "wants an ecg2lab.Recording, not ndarray"),
            ((None, {"age": 63}), ecg2lab.PatientError, "wants an ecg2lab.Patient, not dict"),
        ],
    )
    def test_other_things_than_a_recording_and_a_patient(self, engine, recording, arguments, error, message):
        given = (recording if arguments[0] is None else arguments[0], *arguments[1:])
        with pytest.raises(error, match=message):
            engine.predict(*given)

    def test_an_engine_is_not_pickled(self, engine):
        with pytest.raises(ecg2lab.BackendError, match="load the bundle there"):
            pickle.dumps(engine)

    def test_missing_leads(self, engine, recording):
        with pytest.raises(ecg2lab.RecordingError, match="missing lead: V6"):
            engine.predict(rebuilt(recording, range(11)), PATIENT)

    def test_infinite_samples(self, engine, recording):
        samples = recording.samples.copy()
        samples[6, 7] = np.inf
        with pytest.raises(ecg2lab.RecordingError, match="lead V1 has infinite samples"):
            engine.predict(ecg2lab.Recording(samples, fs=500, leads=STANDARD, unit="mV"), PATIENT)

    @pytest.mark.parametrize(
        ("which", "value", "message"),
        [
            (0, np.zeros((1, 12, 249)), r"signal must have shape \(B, 12, 250\)"),
            (0, np.zeros((12, 250)), r"signal must have shape \(B, 12, 250\)"),
            (0, np.full((1, 12, 250), np.nan), "signal has values that are not finite"),
            (0, np.full((1, 12, 250), 1e300), "signal has values that are not finite"),
            (0, np.zeros((2, 12, 250)), "batches differ: 2 signal, 1 continuous, 1 categorical"),
            (0, np.zeros((1, 12, 250), dtype=complex), "signal must hold real numbers"),
            (1, np.zeros((1, 9)), "continuous must have shape"),
            (2, np.zeros((1, 2)), "categorical must hold integers"),
            (1, [[1.0, 2.0], [1.0]], "continuous must be one array"),
            (2, np.array([[0, 5]]), "race has a code outside 0 to 4"),
            (2, np.array([[-1, 0]]), "sex has a code outside 0 to 1"),
        ],
    )
    def test_arrays_that_do_not_fit(self, engine, which, value, message):
        arrays = [np.zeros((1, 12, 250)), np.zeros((1, 10)), np.zeros((1, 2), dtype=int)]
        arrays[which] = value
        with pytest.raises(ecg2lab.BackendError, match=message), np.errstate(over="ignore"):
            engine.run(*arrays)

    def test_an_empty_batch_is_answered_with_an_empty_batch(self, engine):
        logits = engine.run(np.zeros((0, 12, 250)), np.zeros((0, 10)), np.zeros((0, 2), dtype=int))
        assert logits.shape == (0, 10)

    @pytest.mark.parametrize(
        ("choice", "message"),
        [
            ({"backend": "quantum"}, "unknown backend 'quantum'; one of auto, native, onnxruntime"),
            ({"precision": "int4"}, "precision 'int4' is not in this bundle, which carries fp32"),
            (
                {"precision": "int8", "backend": "onnxruntime"},
                "precision 'int8' is not in this bundle, which carries fp32",
            ),
            ({"threads": 0}, "threads must be between 1 and 256"),
            ({"threads": 1.5}, "threads must be a whole number"),
            ({"threads": "2"}, "threads must be a whole number"),
        ],
    )
    def test_a_choice_that_cannot_be_honoured(self, bundle, choice, message):
        with pytest.raises(ecg2lab.BackendError, match=message):
            ecg2lab.load(bundle, **choice)

    def test_a_closed_engine(self, bundle):
        with ecg2lab.load(bundle) as engine:
            pass
        with pytest.raises(ecg2lab.BackendError, match="closed"):
            engine.run(np.zeros((1, 12, 250)), np.zeros((1, 10)), np.zeros((1, 2), dtype=int))

    def test_a_missing_bundle_and_one_that_is_not(self, tmp_path):
        with pytest.raises(ecg2lab.BundleError, match="there is no bundle at"):
            ecg2lab.load(tmp_path / "nowhere.ecg2lab")
        (tmp_path / "text.ecg2lab").write_text("hello")
        with pytest.raises(ecg2lab.BundleError, match="is not an ecg2lab bundle"):
            ecg2lab.load(tmp_path / "text.ecg2lab")
        with pytest.raises(ecg2lab.BundleError, match="cannot read bundle"):
            ecg2lab.load(tmp_path)

    def test_a_missing_extra_is_named(self, bundle, monkeypatch):
        monkeypatch.setattr("ecg2lab.system.extras.util.find_spec", lambda name: None)
        with pytest.raises(ecg2lab.MissingExtraError, match=r"pip install 'ecg2lab\[onnx\]'"):
            ecg2lab.load(bundle, backend="onnxruntime")

    def test_cpu_and_gpu_packages_of_onnx_runtime_together(self, bundle, monkeypatch):
        monkeypatch.setattr("ecg2lab.backends.onnxruntime.installed_version", lambda name: "1.0")
        with pytest.raises(ecg2lab.BackendError, match="both installed"):
            ecg2lab.load(bundle, backend="onnxruntime")
