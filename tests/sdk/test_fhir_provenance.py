"""What is inferred is labelled so; Device and Provenance keep to the profiles that they name, by a table of our own.

The table is that of HL7's "AI Transparency on FHIR", 1.0.0-ballot: what AI-Device and AI-Provenance demand beyond R4.
"""

import json
import uuid
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec
import pytest

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote
from ecg2lab.report import fhir
from ecg2lab.report.document import Refusal

GUIDE = "http://hl7.org/fhir/uv/aitransparency"
AI_TYPES = f"{GUIDE}/CodeSystem/AIdeviceTypeCS"
AIAST = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "AIAST")
PROVENANCE_CODES = {
    AIAST,
    *((f"{GUIDE}/CodeSystem/AddedProvenanceCS", code) for code in ("AIRPT", "CLINAST_AIRPT", "AIAST_CLINRPT")),
}
DEVICE_CODES = {
    (AI_TYPES, code)
    for code in (
        "Artificial-Intelligence", "Machine-Learning-Models", "Deep-Learning-Models", "Large-Language-Models",
        "Hybrid-Models", "Intelligent-Diagnosis-and-Treatment", "Medical-Image-Analysis", "Personalized-Treatment",
        "Drug-Discovery-and-Development", "Medical-Quality-Control", "Patient-Services",
        "AI-for-Medical-Imaging-Data", "AI-for-Physiological-Signal-Data", "AI-for-Medical-Text-Data",
    )
}  # fmt: skip
"""Those that may be selected."""
ENTITY_ROLES = {"derivation", "revision", "quotation", "source", "removal"}
IDENTITY = uuid.UUID("12345678-1234-4234-8234-123456789abc")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)
SOURCE = {"patient_id": "4711", "order_id": "A-1"}


class Rule(NamedTuple):
    """Of one profile: how many values there are at a path, and what one, or each, of them must be."""

    path: str
    least: int
    most: int | None
    one: set | None = None
    """At least one value has a coding of these."""
    each: set | None = None


RULES = {
    f"{GUIDE}/StructureDefinition/AI-Device|1.0.0-ballot": (
        Rule("type", 1, 1, one={(AI_TYPES, "Artificial-Intelligence")}),
        Rule("extension:aitransparency.AIKind.valueCodeableConcept", 0, None, each=DEVICE_CODES),
        Rule("identifier.value", 1, None),
        Rule("deviceName.name", 1, None),
        Rule("deviceName.type", 1, None),
    ),
    f"{GUIDE}/StructureDefinition/AI-Provenance|1.0.0-ballot": (
        Rule("target", 1, None),
        Rule("recorded", 1, 1),
        Rule("reason", 1, None, one=PROVENANCE_CODES),
        Rule("agent", 1, None),
        Rule("agent.who", 1, None),
        Rule("agent.type", 1, None),
        Rule("agent.role", 1, None, one={(AI_TYPES, "Artificial-Intelligence")}),
        Rule("activity", 0, 1),
        Rule("entity.role", 2, None, each=ENTITY_ROLES),
        Rule("entity.what", 2, None),
    ),
}


def at(resource, path):
    """All values at a path; `extension:NAME` are those whose URL ends so."""
    values = [resource]
    for part in path.split("."):
        held = [value[part] for value in values if part in value]
        values = [one for value in held for one in (value if isinstance(value, list) else [value])]
    return values


def found(resource, path):
    head, _, rest = path.partition(":")
    if not rest:
        return at(resource, path)
    name, _, inner = rest.rpartition(".")
    return [e[inner] for e in resource.get(head, []) if e["url"].endswith(name) and inner in e]


def codes(value):
    return {(c["system"], c["code"]) for c in value["coding"]} if isinstance(value, dict) else {value}


def broken(resource, rules):
    """The rules that a resource breaks, by path."""
    wrong = []
    for rule in rules:
        values = found(resource, rule.path)
        few = len(values) < rule.least or (rule.most is not None and len(values) > rule.most)
        none = rule.one is not None and not any(codes(value) & rule.one for value in values)
        other = rule.each is not None and not all(codes(value) <= rule.each for value in values)
        if few or none or other:
            wrong.append(rule.path)
    return wrong


@pytest.fixture(scope="module")
def answered(engine, recording):
    prediction = engine.predict(recording, ecg2lab.Patient(age=93, sex="female"))
    prediction = msgspec.structs.replace(prediction, source=SOURCE, record="ward/x.xml")
    return fhir.bundle(prediction, identity=IDENTITY, issued=NOON, recording="ab" * 20)


@pytest.fixture(scope="module")
def refused(engine):
    said = Refusal(record="x.hea", error=ErrorNote(type="QualityError", message="lead V3 is flat"))
    return fhir.refusal(said, engine.info, SOURCE, identity=IDENTITY, issued=NOON, recording="ab" * 20)


@pytest.fixture(params=["answered", "refused"])
def document(request, answered, refused):
    return {"answered": answered, "refused": refused}[request.param]


def by_kind(document):
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in document["entry"]}


def labels(resource):
    return {(c["system"], c["code"]) for c in resource.get("meta", {}).get("security", [])}


def test_what_states_something_inferred_is_labelled_and_nothing_else(answered, refused):
    kinds = by_kind(answered)
    assert labels(answered) == {AIAST}
    assert {kind for kind, resource in kinds.items() if labels(resource) == {AIAST}} == {
        "DiagnosticReport",
        "RiskAssessment",
    }
    assert not any(labels(resource) for resource in (refused, *by_kind(refused).values()))


def test_a_resource_keeps_to_the_profile_that_it_names(document):
    named = {kind: r["meta"]["profile"] for kind, r in by_kind(document).items() if "profile" in r.get("meta", {})}
    assert "Device" in named
    for kind, profiles in named.items():
        (profile,) = profiles
        assert broken(by_kind(document)[kind], RULES[profile]) == []


def test_only_the_provenance_of_an_answer_is_one_of_ai(answered, refused):
    assert "profile" in by_kind(answered)["Provenance"]["meta"]
    plain = by_kind(refused)["Provenance"]
    assert "meta" not in plain
    assert "reason" not in plain
    assert "role" not in plain["agent"][0]


@pytest.mark.parametrize(
    ("kind", "change", "path"),
    [
        ("Device", lambda r: r.pop("type"), "type"),
        ("Device", lambda r: r["type"]["coding"][0].update(code="Hybrid-Models"), "type"),
        (
            "Device",
            lambda r: r["extension"][0]["valueCodeableConcept"]["coding"][0].update(code="AI-By-Model"),
            "extension:aitransparency.AIKind.valueCodeableConcept",
        ),
        ("Provenance", lambda r: r.pop("reason"), "reason"),
        ("Provenance", lambda r: r["reason"][0]["coding"][0].update(code="TREAT"), "reason"),
        ("Provenance", lambda r: r["target"].clear(), "target"),
        ("Provenance", lambda r: r["agent"][0].pop("who"), "agent.who"),
        ("Provenance", lambda r: r["entity"][0].update(role="input"), "entity.role"),
    ],
)
def test_the_table_would_notice(answered, kind, change, path):
    resource = json.loads(json.dumps(by_kind(answered)[kind]))
    (profile,) = resource["meta"]["profile"]
    change(resource)
    assert path in broken(resource, RULES[profile])


def test_the_provenance_names_who_made_what_out_of_what(document):
    kinds, names = by_kind(document), {e["resource"]["resourceType"]: e["fullUrl"] for e in document["entry"]}
    made = kinds["Provenance"]
    inferred = [kind for kind in ("DiagnosticReport", "RiskAssessment") if kind in kinds]
    assert [target["reference"] for target in made["target"]] == [names[kind] for kind in inferred]
    assert made["agent"][0]["who"]["reference"] == names["Device"]
    assert made["recorded"] == made["occurredDateTime"] == "2026-01-02T12:00:00Z"
    ecg, model = made["entity"]
    assert ecg["role"] == "source"
    assert ecg["what"]["identifier"]["value"] == "ab" * 20
    assert ecg["what"]["display"].startswith("12-lead ECG ")
    assert model["what"]["identifier"] == kinds["Device"]["identifier"][0]


def test_a_device_is_the_same_for_all_that_it_answered_and_another_on_another_machine(engine, answered, refused):
    def device_of(document):
        return next(e["fullUrl"] for e in document["entry"] if e["resource"]["resourceType"] == "Device")

    assert device_of(answered) == device_of(refused)
    said = Refusal(record="x.hea", error=ErrorNote(type="QualityError", message="lead V3 is flat"))
    elsewhere = msgspec.structs.replace(engine.info, device="another CPU")
    assert device_of(fhir.refusal(said, elsewhere)) != device_of(refused)


def test_a_refused_record_says_whose_it_is_and_what_ordered_it(refused):
    report = by_kind(refused)["DiagnosticReport"]
    assert report["subject"] == {"identifier": {"value": "4711"}}
    assert report["basedOn"] == [{"identifier": {"value": "A-1"}}]


def test_the_report_in_pdf_goes_with_it(engine, recording):
    prediction = engine.predict(recording)
    bundle = fhir.bundle(prediction, document=b"%PDF-1.7", issued=NOON, patient_system="urn:oid:1.2.3")
    (form,) = by_kind(bundle)["DiagnosticReport"]["presentedForm"]
    assert form["contentType"] == "application/pdf"
    assert form["data"] == "JVBERi0xLjc="
    assert "presentedForm" not in by_kind(fhir.bundle(prediction))["DiagnosticReport"]
