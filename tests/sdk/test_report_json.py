"""The published JSON schema: everything that is written fits it, and the file is the one that the types give."""

import json

import jsonschema
import msgspec
import pytest

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.report import document
from ecg2lab.report.document import Refusal


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(document.SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def prediction(engine, recording):
    patient = ecg2lab.Patient(age=95, sex="female")
    prediction = engine.predict(recording, patient)
    explanations = engine.explain(recording, patient, [f.target for f in prediction.findings[:2]])
    return msgspec.structs.replace(prediction, explanations=explanations, record="a.hea", source={"patient_id": "17"})


def test_the_schema_file_is_current():
    assert document.SCHEMA_FILE.read_text() == document.schema_text()


def test_what_is_written_fits_the_schema(validator, prediction, bare_bundle, recording):
    complete = ecg2lab.Patient(
        age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70,
        systolic_mmhg=128, heart_rate_bpm=80, temperature_c=37, height_cm=170, weight_kg=70,
    )  # fmt: skip
    with ecg2lab.load(bare_bundle, threads=1) as bare:
        others = [bare.predict(recording, complete)]
    refusal = Refusal(record="x", error=ErrorNote(type="QualityError", message="lead V3 is flat"))
    for written in (prediction, document.deidentified(prediction), *others, refusal):
        answer = json.loads(written.to_json())
        validator.validate(answer)
        assert answer["schema_version"] == 2


@pytest.mark.parametrize("field", ["findings", "notice", "recording", "patient", "engine"])
def test_the_schema_wants_every_part(validator, prediction, field):
    answer = json.loads(prediction.to_json())
    del answer[field]
    assert not validator.is_valid(answer)
    assert not validator.is_valid({"record": "x", "schema_version": 2})
    assert not validator.is_valid({**json.loads(prediction.to_json()), "schema_version": 3})


def test_a_prediction_read_back_is_the_same(prediction):
    assert msgspec.json.decode(prediction.to_json(), type=Prediction) == prediction


def test_deidentified_has_no_source_no_record_and_no_age_above_89(prediction):
    text = document.deidentified(prediction).to_json().decode()
    left = json.loads(text)
    assert (left["source"], left["record"]) == (None, None)
    assert left["patient"]["given"] == {"age": "over 89", "sex": "female"}
    assert left["findings"] == json.loads(prediction.to_json())["findings"]
    given = {**prediction.patient.given, "age": 89.0}
    younger = msgspec.structs.replace(prediction, patient=msgspec.structs.replace(prediction.patient, given=given))
    assert document.deidentified(younger).patient.given["age"] == 89
