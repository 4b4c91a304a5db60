"""The HL7 message in C: byte for byte what Python writes of the same answer."""

import ctypes
import math
from ctypes import POINTER, byref
from datetime import datetime, timezone

import msgspec
import pytest
from c_interface import STRUCTS
from native_tools import DEMO

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote
from ecg2lab.report import hl7
from ecg2lab.report.document import Refusal

Hl7, FACTS = STRUCTS["hl7"], {"age": 63.0, "sex": "female"}
SENT = datetime(2026, 11, 30, 14, 25, 30, tzinfo=timezone.utc)
TEXTS = [name for name, kind in Hl7._fields_ if kind is ctypes.c_char_p]


@pytest.fixture(scope="module")
def native():
    with ecg2lab.load(DEMO, backend="native", threads=1) as engine:
        yield engine


@pytest.fixture
def fields(library):
    def make(document=None, **texts):
        made = Hl7()
        assert library.ecg2lab_hl7_init(byref(made), ctypes.sizeof(made)) == 0
        for name, text in texts.items():
            setattr(made, name, text.encode())
        if document is not None:
            made.kept = ctypes.create_string_buffer(document, len(document))
            made.document, made.document_size = ctypes.addressof(made.kept), len(document)
        return made

    return make


def asked(c_interface, model, samples, record, judge=False):
    recording, kept = model.recording(samples, record.leads, record.fs, "mV")
    result = POINTER(c_interface.Result)()
    call, more = (
        (model.library.ecg2lab_judge, ())
        if judge
        else (model.library.ecg2lab_predict, (byref(model.patient(**FACTS)),))
    )
    call(model.handle, byref(recording), *more, byref(result))
    del kept
    return result


def written(c_interface, library, result, fields):
    message = POINTER(c_interface.Bytes)()
    status = library.ecg2lab_result_hl7(result, None if fields is None else byref(fields), byref(message))
    if status != c_interface.OK:
        assert not message
        return status, library.ecg2lab_last_error().decode()
    content = ctypes.string_at(message[0].data, message[0].size)
    library.ecg2lab_bytes_free(message)
    return status, content


def without_versions(prediction, library):
    engine = msgspec.structs.replace(prediction.engine, versions={"ecg2lab": library.ecg2lab_version().decode()})
    return msgspec.structs.replace(prediction, engine=engine)


@pytest.mark.parametrize("document", [None, b"%PDF-1.7 \x00\xff" * 100], ids=["plain", "with a report"])
def test_an_answer_is_pythons(c_interface, library, model, native, record, fields, document):
    result = asked(c_interface, model, record.samples, record)
    known = {"time": "20261130142530+0000", "patient_id": "1|2", "receiving_application": "EHR", "visit_number": "é"}
    status, message = written(c_interface, library, result, fields(document, **known))
    library.ecg2lab_result_free(result)
    prediction = without_versions(native.predict(record, ecg2lab.Patient(**FACTS)), library)
    prediction = msgspec.structs.replace(prediction, source=None)
    expected = hl7.message(prediction, fields=known, document=document or b"", sent=SENT)
    assert (status, message) == (c_interface.OK, expected)


def test_without_fields_nothing_is_said_of_the_patient(c_interface, library, model, record):
    result = asked(c_interface, model, record.samples, record)
    status, message = written(c_interface, library, result, None)
    again = written(c_interface, library, result, None)
    library.ecg2lab_result_free(result)
    assert status == c_interface.OK
    assert again == (status, message)
    assert b"PID|" not in message


def test_a_refusal_is_pythons(c_interface, library, model, native, record, fields):
    samples = record.samples.copy()
    samples[record.leads.index("V1")] = math.nan
    result = asked(c_interface, model, samples, record)
    _, message = written(c_interface, library, result, fields(time="20261130142530+0000"))
    library.ecg2lab_result_free(result)
    with pytest.raises(ecg2lab.QualityError) as refused:
        native.predict(
            ecg2lab.Recording(samples, fs=record.fs, leads=record.leads, unit="mV"), ecg2lab.Patient(**FACTS)
        )
    refusal = Refusal(
        record="", error=ErrorNote(type="QualityError", message=str(refused.value)), quality=refused.value.quality
    )
    engine = msgspec.structs.replace(native.info, versions={"ecg2lab": library.ecg2lab_version().decode()})
    assert message == hl7.refusal(refusal, engine, None, sent=SENT)
    assert b"|X|" in message


@pytest.mark.parametrize("name", TEXTS)
def test_each_field_stands_in_the_message_or_is_refused(c_interface, library, model, record, fields, name):
    """And none is forgotten on the way from the struct."""
    value = "20261130" if name in ("time", "observed", "birth_date") else "Q"
    more = {"patient_id": "7"} if name not in ("patient_id",) else {}
    if name == "document_subtype":
        value = "XYZ"
    result = asked(c_interface, model, record.samples, record)
    _, before = written(c_interface, library, result, fields(b"x", **more))
    status, after = written(c_interface, library, result, fields(b"x", **more, **{name: value}))
    library.ecg2lab_result_free(result)
    assert status == c_interface.OK
    assert after != before
    assert value.encode() in after


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"control_id": "x" * 21}, "hl7: control_id is longer than 20 characters"),
        ({"observed": "today"}, "hl7: observed is no time such as"),
        ({"result_status": ""}, "hl7: result_status must be a code"),
    ],
)
def test_what_has_no_room_is_a_mistake(c_interface, library, model, record, fields, texts, said):
    result = asked(c_interface, model, record.samples, record)
    status, message = written(c_interface, library, result, fields(**texts))
    library.ecg2lab_result_free(result)
    assert status == c_interface.ARGUMENT
    assert message.startswith(said)


def test_mistakes_are_refused(c_interface, library, model, record, fields):
    judged = asked(c_interface, model, record.samples, record, judge=True)
    assert written(c_interface, library, judged, None) == (
        c_interface.ARGUMENT,
        "hl7: the result is of ecg2lab_judge, which gives no answer",
    )
    library.ecg2lab_result_free(judged)
    assert written(c_interface, library, None, None)[0] == c_interface.ARGUMENT
    made = fields()
    made.document_size = 7
    result = asked(c_interface, model, record.samples, record)
    assert written(c_interface, library, result, made) == (
        c_interface.ARGUMENT,
        "hl7: document is NULL, and has a size",
    )
    assert library.ecg2lab_result_hl7(result, None, None) == c_interface.ARGUMENT
    made = Hl7()  # without init
    assert written(c_interface, library, result, made)[0] == c_interface.ARGUMENT
    library.ecg2lab_result_free(result)
