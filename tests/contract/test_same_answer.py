"""Python and the C library give one answer: on drawn contracts, recordings and patients, byte for byte."""

import json
from contextlib import contextmanager

import msgspec
import pytest
from drawn_models import contract_values, decided_contracts, facts_of, write_model
from drawn_questions import patients, recordings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote
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


@contextmanager
def both(c, library, path, policy="refuse"):
    """The engine, and the C library's model, of one bundle."""
    with ecg2lab.load(path, backend="native", threads=1, out_of_range=policy) as engine:
        model = c.Model(library, path, out_of_range=["refuse", "impute"].index(policy))
        assert model.status == c.OK
        yield engine, model
        library.ecg2lab_free(model.handle)


@examples(60)
@given(data=st.data())
def test_python_and_c_give_the_same_answer(c_interface, library, ecgs, path, data):
    write_model(path, data.draw(contract_values()), data.draw(st.integers(0, 2**16)))
    with both(c_interface, library, path, data.draw(st.sampled_from(["refuse", "impute"]))) as (engine, model):
        for _ in range(QUESTIONS):
            asked, facts = data.draw(recordings(ecgs)), data.draw(patients())
            theirs = json_of_python(engine, asked, facts)
            ours = model.predict(asked.samples, asked.leads, asked.fs, asked.unit, facts, **asked.calibration)
            assert ours.json == theirs
            require_what_json_says(ours)
            require_the_same_in_halves(model, engine, ours, asked, facts)


def require_the_same_in_halves(model, engine, whole, asked, facts):
    """The answer, but for what computed, where Python's engine runs between the two halves of the C library."""
    status, prepared = model.prepare(asked.samples, asked.leads, asked.fs, asked.unit, facts, **asked.calibration)
    output = None if status else model.output(*engine.outputs(*model.inputs(prepared)))
    halves = model.decide(prepared, output)
    model.library.ecg2lab_prepared_free(prepared)
    document, expected = json.loads(halves.json), json.loads(whole.json)
    if not status:
        assert (document.pop("engine")["backend"], expected.pop("engine")["backend"]) == ("host", "native")
    assert document == expected
    assert halves._replace(json=b"") == whole._replace(json=b"")


@examples(100)
@given(data=st.data())
def test_python_and_c_decide_alike(c_interface, library, ecgs, path, data):
    """Of any number of windows and with any facts: nothing is refused here."""
    contract = data.draw(decided_contracts())
    write_model(path, contract, data.draw(st.integers(0, 2**16)))
    names, samples = ecgs[0]
    with both(c_interface, library, path) as (engine, model):
        for _ in range(QUESTIONS):
            windows, facts = data.draw(st.sampled_from([1, 2, 3, 4, 5, 8])), data.draw(facts_of(contract))
            asked = samples[:, : windows * 250]  # half a second each
            recording = ecg2lab.Recording(asked, fs=500, leads=names, unit="mV")
            prediction = engine.predict(recording, ecg2lab.Patient(**facts))
            assert prediction.recording.windows == windows
            ours = model.predict(asked, names, 500, "mV", facts)
            assert ours.json == with_versions_of_c(prediction).to_json()
            require_what_json_says(ours)


def require_what_json_says(answer):
    """The structs of C hold its own JSON, to the last bit."""
    document = json.loads(answer.json)
    findings = document.get("findings", [])
    assert [finding["target"] for finding in findings] == list(answer.findings)
    for finding in findings:
        said = answer.findings[finding["target"]]._asdict()
        point, stated = said.pop("operating_point"), finding["operating_point"]
        assert said.pop("threshold") == finding["decision_threshold"]
        assert said == {name: finding[name] for name in said}
        assert (point is None) == (stated is None)
        if point is not None:
            conformal, theirs = point["conformal"], stated["conformal"]
            assert conformal == (theirs and {name: theirs[name] for name in conformal})
            assert point == {name: stated[name] for name in point} | {"conformal": conformal}
    note = document.get("experience") or {"distance": None, "limit": None, "outside": False}
    assert (answer.distance, answer.limit) == (note["distance"], note["limit"])
    judged = "outside" if note["outside"] else None if note["limit"] is None else "inside"
    assert answer.experience == judged


def is_patient(facts):
    """Whether Python makes a patient of them, which it does before it opens a stream."""
    try:
        ecg2lab.Patient(**facts)
    except ecg2lab.PatientError:
        return False
    return True


def outcomes_of_python(engine, asked, facts, chunk):
    """What each push of a stream answers; a refusal ends it."""
    try:
        patient = ecg2lab.Patient(**facts)
        stream = engine.stream(
            fs=asked.fs, leads=asked.leads, unit=asked.unit, hop_s=0.5, patient=patient, by="windows",
            **asked.calibration,
        )  # fmt: skip
        for begin in range(0, asked.samples.shape[1], chunk):
            yield [with_versions_of_c(p).to_json() for p in stream.push(asked.samples[:, begin : begin + chunk])]
        yield [with_versions_of_c(p).to_json() for p in stream.finish()]
    except ecg2lab.Ecg2LabError as error:
        yield str(error)


def outcomes_of_c(c, model, asked, facts, chunk):
    dtype = asked.samples.dtype.name
    stream = c.Stream(model, asked.leads, asked.fs, asked.unit, dtype, facts, hop_s=0.5, **asked.calibration)
    if stream.status != c.OK:
        yield stream.message
        return
    for begin in range(0, asked.samples.shape[1], chunk):
        if stream.push(asked.samples[:, begin : begin + chunk]) != c.OK:
            yield model.library.ecg2lab_last_error().decode()
            stream.free()
            return
        yield [answer.json for answer in stream.complete_answers()]
    assert stream.finish() == c.OK
    yield [answer.json for answer in stream.complete_answers()]
    stream.free()


@examples(20)
@given(data=st.data())
def test_streams_of_python_and_c_give_the_same_answers(c_interface, library, ecgs, path, data):
    write_model(path, data.draw(contract_values()), data.draw(st.integers(0, 2**16)))
    with both(c_interface, library, path) as (engine, model):
        asked, facts = data.draw(recordings(ecgs)), data.draw(patients().filter(is_patient))
        chunk = data.draw(st.sampled_from([250, 777, 4000]))
        theirs = list(outcomes_of_python(engine, asked, facts, chunk))
        assert list(outcomes_of_c(c_interface, model, asked, facts, chunk)) == theirs
