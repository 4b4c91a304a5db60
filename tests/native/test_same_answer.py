"""Python and the C library give one answer: on drawn contracts, recordings and patients, byte for byte."""

from contextlib import ExitStack

import msgspec
import pytest
from drawn_models import contract_values, write_model
from drawn_questions import patients, recordings
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import ecg2lab
from ecg2lab.prediction import ErrorNote
from ecg2lab.report.document import Refusal

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


def json_of_python(engine, asked, facts):
    """What `predict` writes: an answer, or a refusal."""
    try:
        recording = ecg2lab.Recording(
            asked.samples, fs=asked.fs, leads=asked.leads, unit=asked.unit, **asked.calibration
        )
        return with_versions_of_c(engine.predict(recording, ecg2lab.Patient(**facts))).to_json()
    except ecg2lab.Ecg2LabError as error:
        note = ErrorNote(type=type(error).__name__, message=str(error))
        return Refusal(record="", error=note, quality=getattr(error, "quality", None)).to_json()


def with_versions_of_c(prediction):
    """Python names packages that a C program has not."""
    versions = {"ecg2lab": prediction.engine.versions["ecg2lab"]}
    return msgspec.structs.replace(prediction, engine=msgspec.structs.replace(prediction.engine, versions=versions))


@seed(20)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
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
            theirs = json_of_python(engine, asked, facts)
            ours = model.predict(asked.samples, asked.leads, asked.fs, asked.unit, facts, **asked.calibration)
            assert ours.json == theirs
