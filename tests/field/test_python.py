"""The Python package with arguments of every kind: refused by name where they are given, or taken."""

import json
import pickle

import numpy as np
import pytest

import ecg2lab
from ecg2lab import contract, patient
from ecg2lab.demo import bundle_path, record_path


@pytest.fixture(scope="module")
def recording():
    return ecg2lab.read(record_path())


@pytest.fixture(scope="module")
def engine():
    with ecg2lab.load(bundle_path(), threads=1) as loaded:
        yield loaded


class Unwilling:
    """Has no text."""

    def __str__(self):
        raise RuntimeError("no")


def circle():
    source = {}
    source["self"] = source
    return source


def deep():
    source = inner = {}
    for _ in range(100_000):
        inner["a"] = inner = {}
    return source


ODD = {
    "number": 5,
    "nothing": None,
    "truth": True,
    "half a character": "a\udcff",
    "escape": "\x1b[31m\u202e",
    "zero byte": "a\0b",
    "beyond floats": 10**400,
    "beyond digits": 10**5000,
    "not a number": float("nan"),
    "bytes": b"ab",
    "array": np.zeros((2, 2)),
    "set": {1},
    "list": [1, None],
    "type": int,
    "dict": {1: 2, None: 3},
}


def calls(engine, recording):
    """Every argument of the public calls, as what takes its value."""
    samples, leads = recording.samples, recording.leads

    def record(**changed):
        given = {"samples": samples, "fs": 500, "leads": leads, "unit": "mV"} | changed
        return engine.predict(ecg2lab.Recording(given.pop("samples"), **given)).to_json()

    def stream(**changed):
        opened = engine.stream(**({"fs": 500, "leads": leads, "unit": "mV"} | changed))
        return [answer.to_json() for answer in opened.push(samples[:, :1500])]

    for name in ("samples", "fs", "leads", "unit", "gain", "baseline", "source", "subject", "ignored"):
        yield f"Recording({name})", lambda value, name=name: record(**{name: value})
    for name in ("fs", "leads", "unit", "gain", "baseline", "source", "patient", "hop_s", "average_s", "targets", "by"):
        yield f"stream({name})", lambda value, name=name: stream(**{name: value})
    for name in ecg2lab.Patient.__struct_fields__:
        yield f"Patient({name})", lambda value, name=name: engine.predict(recording, ecg2lab.Patient(**{name: value}))
    for name in ("backend", "precision", "threads", "out_of_range", "adapter", "allow_software"):
        yield f"load({name})", lambda value, name=name: ecg2lab.load(bundle_path(), **{name: value})
    for name in ("samples", "fs", "leads", "unit", "contract"):
        given = {"samples": samples, "fs": 500, "leads": leads, "unit": "mV"}
        yield f"preprocess({name})", lambda value, given=given, name=name: ecg2lab.preprocess(**(given | {name: value}))
    yield "load", ecg2lab.load
    yield "read", ecg2lab.read
    yield "Bundle.from_bytes", ecg2lab.Bundle.from_bytes
    yield "contract.decode", contract.decode
    yield "contract.read", contract.read
    yield "read_patient", patient.read_patient
    yield "predict", engine.predict
    yield "predict(patient)", lambda value: engine.predict(recording, value)
    yield "predict(targets)", lambda value: engine.predict(recording, targets=value)
    yield "predict_many", lambda value: list(engine.predict_many(value))
    yield "run", lambda value: engine.run(value, value, value)
    yield "push", engine.stream(fs=500, leads=leads, unit="mV").push
    for name in ("start", "time"):
        fresh = engine.stream(fs=500, leads=leads, unit="mV")
        yield f"push({name})", lambda value, fresh=fresh, name=name: fresh.push(samples[:, :10], **{name: value})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ODD)
def test_no_argument_raises_anything_but_a_refusal(engine, recording, kind):
    raised = {}
    for name, call in calls(engine, recording):
        try:
            call(ODD[kind])
        except ecg2lab.Ecg2LabError as error:
            if not str(error).isprintable():
                raised[name] = error
        except Exception as error:
            raised[name] = error
    assert raised == {}


@pytest.mark.parametrize("source", [circle(), deep(), {"a": Unwilling()}, {"a": ["b\udcff"]}], ids=range(4))
def test_a_source_that_json_cannot_hold_is_refused_where_it_is_given(engine, recording, source):
    given = {"fs": recording.fs, "leads": recording.leads, "unit": "mV", "source": source}
    with pytest.raises(ecg2lab.RecordingError, match="source cannot be written as JSON"):
        ecg2lab.Recording(recording.samples, **given)
    with pytest.raises(ecg2lab.RecordingError, match="source cannot be written as JSON"):
        engine.stream(**given)


def test_what_is_no_patient_or_no_names_is_refused(recording):
    given = {"fs": recording.fs, "leads": recording.leads, "unit": "mV"}
    with pytest.raises(ecg2lab.RecordingError, match=r"subject must be an ecg2lab\.Patient, not str"):
        ecg2lab.Recording(recording.samples, **given, subject="x")
    for ignored in (5, "ART", [5], None):
        with pytest.raises(ecg2lab.RecordingError, match="ignored must be a list of the names of channels"):
            ecg2lab.Recording(recording.samples, **given, ignored=ignored)


def test_json_moves_nothing_on_a_terminal(engine, recording):
    text = "a\x1b\x7f\u009b\u202e\u2066\U000e0041\u00e4😀"
    named = ecg2lab.Recording(
        recording.samples, fs=recording.fs, leads=recording.leads, unit="mV", source={"order": text}
    )
    written = engine.predict(named).to_json().decode()
    assert not [letter for letter in written if not letter.isprintable()]
    assert json.loads(written)["source"] == {"order": text}


def test_errors_are_one_printable_line_and_travel_between_processes():
    error = ecg2lab.RecordingError("a\x1b[31m\n\u202e\udcff b  c")
    assert str(error) == "a?[31m??? b  c"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
