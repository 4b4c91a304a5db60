"""What the log callback and error messages say, and that neither ever says anything of a patient."""

import ctypes
import re

import numpy as np
import pytest
from native_tools import DEMO

INFO, WARNING = 0, 1
USER = 7

# Numbers and words that stand in no sentence of ours.
SECRET_NUMBER, SECRET_SAMPLE = 7391.625, 2.718253
SOURCE = {"patient 5531": "Meyer ä 7731", "order": "8842-A", "device": ""}
SECRETS = re.compile(r"7391|739\d|2\.71|271[78]|5531|7731|8842|Meyer|order|device")
FACTS = {
    "age": {"age": SECRET_NUMBER}, "young": {"age": 2.718253}, "negative": {"age": -SECRET_NUMBER},
    "infinite": {"bmi": float("inf"), "weight_kg": SECRET_NUMBER}, "bmi": {"bmi": SECRET_NUMBER},
    "derived": {"height_cm": 2.718253, "weight_kg": SECRET_NUMBER}, "fahrenheit": {"temperature_f": SECRET_NUMBER},
    "celsius": {"temperature_c": SECRET_NUMBER}, "twice": {"temperature_c": SECRET_NUMBER, "temperature_f": 7390.5},
    "exchanged": {"diastolic_mmhg": SECRET_NUMBER, "systolic_mmhg": 7390.5}, "spo2": {"spo2_percent": SECRET_NUMBER},
    "heart rate": {"heart_rate_bpm": SECRET_NUMBER}, "respiration": {"respiratory_per_min": SECRET_NUMBER},
}  # fmt: skip
# What is done to samples, leads and rate of a good recording.
RECORDINGS = {
    "flat": lambda s, leads, fs: (np.where(np.arange(12)[:, None] == 3, SECRET_SAMPLE, s), leads, fs),
    "clipped": lambda s, leads, fs: (s * 7391.625, leads, fs),
    "infinite": lambda s, leads, fs: (np.where(s > 1, np.inf, s), leads, fs),
    "gap": lambda s, leads, fs: (np.where(np.arange(s.shape[1]) > 3000, np.nan, s), leads, fs),
    "short": lambda s, leads, fs: (s[:, :200], leads, fs),
    "six leads": lambda s, leads, fs: (s[:6], leads[:6], fs),
    "twice the same": lambda s, leads, fs: (s, [leads[1], *leads[1:]], fs),
    "rate": lambda s, leads, fs: (s, leads, 99.0),
}  # fmt: skip


@pytest.fixture
def logged(c_interface, library):
    """A model and the lines that it logged: user, level, message."""
    lines = []
    log = c_interface.LOG(lambda user, level, message: lines.append((user, level, message.decode())))
    loaded = c_interface.Model(library, DEMO, log=log, log_user=USER)
    yield loaded, lines
    library.ecg2lab_free(loaded.handle)


def test_it_says_what_was_loaded_and_what_was_refused(c_interface, logged, record):
    loaded, lines = logged
    [(user, level, loading)] = lines
    assert (user, level) == (USER, INFO)
    assert re.fullmatch(r"loaded ecg2lab demo.*, bundle [0-9a-f]{64}, fp32 on \w+, threads 1", loading)
    assert loaded.predict(record.samples, record.leads, record.fs).status == c_interface.OK
    assert len(lines) == 1  # an answer is nothing to log
    refused = loaded.predict(record.samples[:6], record.leads[:6], record.fs)
    assert lines[1:] == [(USER, WARNING, f"refused: {refused.message}")]


def test_a_mistake_of_the_program_is_returned_and_not_logged(c_interface, logged, record):
    loaded, lines = logged
    recording, _kept = loaded.recording(record.samples, record.leads, record.fs, "mV")
    recording.unit = 0
    assert loaded.ask(recording)[0] == c_interface.ARGUMENT
    assert len(lines) == 1


def test_without_a_log_refusals_are_only_returned(c_interface, library, record):
    loaded = c_interface.Model(library, DEMO, log=c_interface.LOG(), log_user=USER)
    assert loaded.status == c_interface.OK
    assert loaded.predict(record.samples, record.leads, 99.0).status == c_interface.RECORDING
    library.ecg2lab_free(loaded.handle)


def test_a_load_that_fails_logs_nothing(c_interface, library, tmp_path):
    lines = []
    log = c_interface.LOG(lambda *line: lines.append(line))
    assert c_interface.Model(library, tmp_path / "absent", log=log).status == c_interface.BUNDLE
    assert not lines


def require_private(lines, message):
    for text in (*(line for _, _, line in lines), message):
        assert not SECRETS.search(text), text


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_no_fact_about_a_patient_is_said(c_interface, logged, record, facts):
    loaded, lines = logged
    ours = loaded.predict(record.samples, record.leads, record.fs, "mV", {"sex": "male", **facts}, source=SOURCE)
    assert ours.status == c_interface.PATIENT
    assert len(lines) == 2
    require_private(lines, ours.message)
    assert not re.search(r"\bmale\b", lines[1][2])


@pytest.mark.parametrize("change", RECORDINGS.values(), ids=RECORDINGS)
def test_no_sample_and_no_source_field_is_said(c_interface, logged, record, change):
    loaded, lines = logged
    samples, leads, fs = change(record.samples, list(record.leads), record.fs)
    ours = loaded.predict(samples, leads, fs, "mV", {"age": 63}, source=SOURCE)
    assert ours.status in (c_interface.RECORDING, c_interface.QUALITY)
    assert len(lines) == 2
    require_private(lines, ours.message)


def test_codes_and_source_fields_that_cannot_be_meant_are_not_repeated(c_interface, library, logged, record):
    loaded, lines = logged
    recording, _kept = loaded.recording(record.samples, record.leads, record.fs, "mV")
    for field in ("sex", "race"):
        patient = loaded.patient()
        setattr(patient, field, 7391)
        assert loaded.ask(recording, patient)[0] == c_interface.ARGUMENT
        require_private(lines, library.ecg2lab_last_error().decode())
    fields = (c_interface.SourceField * 2)((b"order", b"8842-A"), (b"Meyer", None))
    recording.source, recording.source_count = ctypes.cast(fields, ctypes.POINTER(c_interface.SourceField)), 2
    assert loaded.ask(recording)[0] == c_interface.ARGUMENT
    require_private(lines, library.ecg2lab_last_error().decode())
