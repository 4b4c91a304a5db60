"""The FHIR bundle: valid by three validators, percent probabilities, and never a laboratory result.

`fhir.resources` checks it against R4B, of which the resources used here are the same as R4's; `fhirclient` has R4's own
models (types, required and unknown elements); R4's JSON schema, 3.4 MB, is not in this repository: the test against it
runs where ECG2LAB_FHIR_SCHEMA names a copy (http://hl7.org/fhir/R4/fhir.schema.json.zip, CC0).
"""

import json
import os
import uuid
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import jsonschema
import msgspec
import pytest

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote
from ecg2lab.report import fhir
from ecg2lab.report.document import Refusal, deidentified

SCHEMA = os.environ.get("ECG2LAB_FHIR_SCHEMA")
IDENTITY = uuid.UUID("12345678-1234-4234-8234-123456789abc")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone(timedelta(hours=2)))
SOURCE = {
    "file": "x.xml", "patient_id": "MRN <4711>", "order_id": "A-1", "acquired": "2024-02-29 23:59:58",
    "nested": {"a": [1]},
}  # fmt: skip
EVIL = {"patient_id": "\x00<script>\u202e  &\ud800", "": "", "acquired": "2024-02-31", "big": 1e999, "n": None}


@pytest.fixture(scope="module")
def prediction(engine, recording):
    answered = engine.predict(recording, ecg2lab.Patient(age=93, sex="female"))
    return msgspec.structs.replace(answered, source=SOURCE, record="ward/x.xml")


@pytest.fixture(scope="module")
def refused(engine):
    refusal = Refusal(record="x.hea", error=ErrorNote(type="QualityError", message="lead V3 is flat"))
    return fhir.refusal(refusal, engine.info, identity=IDENTITY, issued=NOON)


def written(prediction, **options):
    return json.loads(fhir.encode(fhir.bundle(prediction, **options)))


def resource(bundle, kind):
    (found,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]
    return found


def odd(prediction):
    """Hostile words everywhere; probabilities at both ends."""
    findings = list(prediction.findings)
    findings[0] = msgspec.structs.replace(findings[0], target=" a  b\n<i>", probability=1.0, highest=1.0)
    findings[1] = msgspec.structs.replace(findings[1], probability=0.0, lowest=0.0)
    findings[2] = msgspec.structs.replace(
        findings[2],
        criterion=None,
        verdict="no decision",
        reason="too\nfew\x07",
        detected=None,
        decision_threshold=None,
    )
    info = msgspec.structs.replace(prediction.engine, model="m\n\x07", device=" ", provider="")
    return msgspec.structs.replace(prediction, findings=tuple(findings), source=EVIL, record="\x1b[31m", engine=info)


@pytest.fixture(scope="module", params=["answered", "without source", "odd", "one", "decided", "refused", "internal"])
def document(request, prediction, engine, pointed, recording):
    if request.param in ("refused", "internal"):
        kind = {"refused": "QualityError", "internal": "InternalError"}[request.param]
        refusal = Refusal(
            record="\x00", error=ErrorNote(type=kind, message=" \n" if kind == "InternalError" else "flat")
        )
        return json.loads(fhir.encode(fhir.refusal(refusal, engine.info)))
    one = msgspec.structs.replace(prediction, findings=prediction.findings[:1])
    return written(
        {
            "answered": prediction,
            "without source": deidentified(prediction),
            "odd": odd(prediction),
            "one": one,
            "decided": ecg2lab.load(pointed).predict(recording),
        }[request.param]
    )


def test_fhir_resources_takes_it(document):
    from fhir.resources.R4B.bundle import Bundle

    assert len(Bundle.model_validate(document).entry) == 4


def test_the_r4_models_of_fhirclient_take_it_and_lose_nothing(document):
    from fhirclient.models.bundle import Bundle

    assert Bundle(document, strict=True).as_json() == document


def test_fhirclient_would_notice(document):
    """That it is R4's and strict: R4 has no DiagnosticReport.note, and wants a code."""
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.fhirabstractbase import FHIRValidationError

    for change in (lambda report: report.update(note=[{"text": "x"}]), lambda report: report.pop("code")):
        wrong = json.loads(json.dumps(document))
        change(resource(wrong, "DiagnosticReport"))
        with pytest.raises(FHIRValidationError):
            Bundle(wrong, strict=True)


@pytest.mark.skipif(SCHEMA is None, reason="ECG2LAB_FHIR_SCHEMA does not name R4's fhir.schema.json")
def test_the_json_schema_of_r4_takes_it(document):
    with open(SCHEMA, encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]
    for entry in (document, *(e["resource"] for e in document["entry"])):
        schema = {"$ref": f"#/definitions/{entry['resourceType']}", "definitions": definitions}
        jsonschema.Draft6Validator(schema).validate(entry)


def test_codes_that_r4_binds_are_those_of_r4(document):
    """What neither model checks: the required value sets."""
    report, device = resource(document, "DiagnosticReport"), resource(document, "Device")
    assert document["type"] == "collection"
    assert report["status"] in ("preliminary", "cancelled")
    assert device["status"] == "active"
    assert {name["type"] for name in device["deviceName"]} == {"model-name", "other"}
    assert report["text"]["status"] == "generated"


def test_references_are_resolved_within_the_bundle_and_no_string_is_empty(document):
    names = {entry["fullUrl"] for entry in document["entry"]}
    assert len(names) == len(document["entry"])

    def walk(value):
        if isinstance(value, dict):
            assert value
            if "reference" in value:
                assert value["reference"] in names
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            assert value
            for part in value:
                walk(part)
        elif isinstance(value, str):
            assert value.strip()
            assert all(letter.isprintable() for letter in value)
        else:
            assert isinstance(value, (bool, int, float))

    walk(document)


def test_the_narrative_is_one_paragraph_whatever_the_words(document):
    tags = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)

    Parser().feed(resource(document, "DiagnosticReport")["text"]["div"])
    assert tags == ["div", "p"]


def test_probabilities_are_percent_and_no_measurement_is_claimed(prediction):
    bundle = written(prediction)
    assessment = resource(bundle, "RiskAssessment")
    for finding, stated in zip(prediction.findings, assessment["prediction"], strict=True):
        assert stated["probabilityDecimal"] == pytest.approx(100 * finding.probability, abs=1e-4)
        assert stated["qualitativeRisk"]["text"] == finding.verdict
        assert stated["outcome"]["coding"][0] == {"system": "http://loinc.org", "code": finding.criterion.loinc}
        assert str(finding.criterion) in stated["outcome"]["text"]
        assert "coding" not in stated["qualitativeRisk"]
    assert assessment["status"] == resource(bundle, "DiagnosticReport")["status"] == "preliminary"
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} == {
        "DiagnosticReport",
        "RiskAssessment",
        "Device",
        "Provenance",
    }
    text = json.dumps(bundle)
    assert "Observation" not in text.replace("v3-ObservationValue", "")  # the code system of the AI label
    assert "valueQuantity" not in text
    ends = resource(written(odd(prediction)), "RiskAssessment")["prediction"]
    assert [p["probabilityDecimal"] for p in ends[:2]] == [100, 0]
    assert ends[2]["qualitativeRisk"]["text"] == "no decision"
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unsupported"}
    assert ends[2]["qualitativeRisk"]["extension"] == [absent]
    assert ends[2]["rationale"].startswith("no decision: too few?")
    assert [c["system"] for c in ends[2]["outcome"]["coding"]] == [fhir.TARGETS]


def test_a_flag_carries_what_it_is_worth_and_the_ratio_to_the_base_rate(pointed, recording):
    with ecg2lab.load(pointed) as engine:
        answered = engine.predict(recording)
    bundle = written(answered)
    predictions = resource(bundle, "RiskAssessment")["prediction"]
    flags = 0
    for finding, stated in zip(answered.findings, predictions, strict=True):
        assert stated.get("relativeRisk") == (finding.ratio and pytest.approx(finding.ratio, abs=1e-4))
        if finding.verdict == "flagged" and finding.operating_point:
            flags += 1
            for words in (stated["rationale"], resource(bundle, "DiagnosticReport")["conclusion"]):
                assert f"such a flag is right in {finding.operating_point.ppv.value:.0%}" in words
            assert "rule specificity=0.9" in stated["rationale"]
    assert flags


def test_the_model_is_a_device_with_the_digest_of_its_bundle_and_the_warning(prediction):
    device = resource(written(prediction), "Device")
    assert device["identifier"][0]["value"] == prediction.engine.bundle_digest
    assert device["note"] == [{"text": prediction.notice}]
    assert {"type": {"text": "ecg2lab"}, "value": prediction.engine.versions["ecg2lab"]} in device["version"]


def test_the_source_is_carried_and_gone_when_deidentified(prediction):
    bundle = written(prediction)
    report = resource(bundle, "DiagnosticReport")
    assert report["subject"] == {"identifier": {"value": "MRN <4711>"}}
    assert report["basedOn"] == [{"identifier": {"value": "A-1"}}]
    assert report["effectiveDateTime"] == "2024-02-29"
    assert json.loads(report["extension"][1]["valueString"]) == SOURCE
    text = json.dumps(written(deidentified(prediction)))
    for word in ("4711", "A-1", "2024", "x.xml", "ward", "age 93"):
        assert word in json.dumps(bundle), word
        assert word not in text.replace(prediction.engine.bundle_digest, ""), word
    assert "over 89" in text


@pytest.mark.parametrize(
    ("acquired", "day"),
    [
        ("2024-02-29T10:00:00+02:00", "2024-02-29"), ("20240229101112.000+0100", "2024-02-29"),
        ("2024-02-29", "2024-02-29"),
        ("2023-02-29", None), ("0000-01-01", None), ("29.02.2024", None), ("2024", None), ("", None),
        (None, None), (7, None),
    ],
)  # fmt: skip
def test_a_day_is_stated_where_the_source_has_one(prediction, acquired, day):
    bundle = written(msgspec.structs.replace(prediction, source={"acquired": acquired}))
    assert resource(bundle, "DiagnosticReport").get("effectiveDateTime") == day


def test_the_same_identity_and_moment_give_the_same_bytes_and_else_another_identity(prediction):
    one, other = (fhir.encode(fhir.bundle(prediction, identity=IDENTITY, issued=NOON)) for _ in range(2))
    assert one == other
    assert json.loads(one)["timestamp"] == "2026-01-02T10:00:00Z"
    assert written(prediction)["id"] != written(prediction)["id"]


def test_a_refusal_is_a_cancelled_report_with_its_reason_and_no_assessment(refused):
    assert [e["resource"]["resourceType"] for e in refused["entry"]] == [
        "DiagnosticReport",
        "OperationOutcome",
        "Device",
        "Provenance",
    ]
    report, outcome = resource(refused, "DiagnosticReport"), resource(refused, "OperationOutcome")
    assert report["status"] == "cancelled"
    assert report["conclusion"] == "No answer for x.hea. QualityError: lead V3 is flat"
    assert outcome["issue"][0]["severity"] == "error"
    assert outcome["issue"][0]["diagnostics"] == "lead V3 is flat"
