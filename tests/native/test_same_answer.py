"""Python and the C library give one answer: on drawn contracts, recordings and patients, byte for byte."""

from contextlib import ExitStack

import numpy as np
import pytest
from drawn_models import contract_values, write_model
from drawn_questions import patients, recordings
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import ecg2lab

QUESTIONS = 3
"""To each model: making one takes as long as asking it some."""


@pytest.fixture(scope="module")
def ecgs(data_folder):
    """Names and (12, 5000) millivolt at 500 Hz of two real recordings."""
    records = [ecg2lab.read(data_folder / f"{name}.hea") for name in ("HR06000", "E07500")]
    return [(list(record.leads), record.samples) for record in records]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn") / "model.ecg2lab"


def answer_of_python(engine, asked, facts):
    """A prediction, or a refusal: its kind and sentence."""
    try:
        recording = ecg2lab.Recording(
            asked.samples, fs=asked.fs, leads=asked.leads, unit=asked.unit, **asked.calibration
        )
        return engine.predict(recording, ecg2lab.Patient(**facts))
    except ecg2lab.Ecg2LabError as error:
        return type(error).__name__, str(error)


def require_same(c, ours, theirs):
    if isinstance(theirs, tuple):
        kinds = {"RecordingError": c.RECORDING, "PatientError": c.PATIENT, "QualityError": c.QUALITY}
        assert (ours.status, ours.message) == (kinds[theirs[0]], theirs[1])
        return
    assert (ours.status, ours.message) == (c.OK, "")
    assert ours.findings == {
        f.target: (f.probability, f.lowest, f.highest, f.decision_threshold, f.detected) for f in theirs.findings
    }
    assert ours.imputed == theirs.patient.imputed
    assert (ours.unused, ours.out_of_range) == (theirs.patient.unused, theirs.patient.out_of_range)
    assert (ours.windows, ours.unused_s) == (theirs.recording.windows, theirs.recording.unused_s)
    quality = theirs.recording.quality
    assert ours.quality == quality.verdict
    assert [(name, refuses, *rest) for _, name, refuses, *rest in ours.faults] == [
        (f.fault, f.severity == "refusal", f.lead, f.other_lead, f.measured, f.limit, f.message)
        for f in quality.faults
    ]


@seed(20)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_python_and_c_give_the_same_answer(c_interface, library, ecgs, path, data):
    write_model(path, data.draw(contract_values()), data.draw(st.integers(0, 2**16)))
    policy = data.draw(st.sampled_from(["refuse", "impute"]))
    with ExitStack() as stack:
        engine = stack.enter_context(ecg2lab.load(path, backend="native", threads=1, out_of_range=policy))
        model = c_interface.Model(library, path, out_of_range=["refuse", "impute"].index(policy))
        stack.callback(library.ecg2lab_free, model.handle)
        assert model.status == c_interface.OK
        for _ in range(QUESTIONS):
            asked, facts = data.draw(recordings(ecgs)), data.draw(patients())
            theirs = answer_of_python(engine, asked, facts)
            ours = model.predict(asked.samples, asked.leads, asked.fs, asked.unit, facts, **asked.calibration)
            require_same(c_interface, ours, theirs)
