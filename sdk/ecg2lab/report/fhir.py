"""A prediction as an HL7 FHIR R4 bundle (4.0.1), never as a laboratory result.

Probabilities go into a RiskAssessment, in **percent** as R4 requires. There is no Observation: nothing here was
measured, and a system that stores observations must not take an estimate for one. The DiagnosticReport that refers to
the assessment is *preliminary*; for a refused record it is *cancelled*, and an OperationOutcome says why.

What the model inferred is labelled so. A Provenance names the model and the ECG; that of a refused record is a plain
one, for the model said nothing.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from typing import Any, NamedTuple

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.report import fhir_finding, grid, words
from ecg2lab.report.acquired import acquired
from ecg2lab.report.document import Refusal
from ecg2lab.report.fhir_finding import TARGETS as TARGETS
from ecg2lab.report.fhir_provenance import INFERRED, Resource, device, device_identity, named, provenance
from ecg2lab.system.strict_json import plain

SOURCE = "urn:x-ecg2lab:source"
"""Extension: the recording's `source` as JSON, unchanged."""
RISK = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-risk"
_ECG = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}
_TITLE = "Laboratory abnormalities estimated from the 12-lead ECG"
_LABELLED: Resource = {"meta": {"security": [INFERRED]}}
_METHOD = "Structured state-space network on ECG and patient facts, doi 10.1038/s41598-025-26715-5"


class Frame(NamedTuple):
    """What is around an answer."""

    root: uuid.UUID
    """From which the identities of its resources are derived."""
    when: str
    """Instant of the report."""
    recording: str
    patient_system: str
    document: bytes

    def urn(self, part: str) -> str:
        """Name of a resource."""
        return uuid.uuid5(self.root, part).urn


def bundle(
    prediction: Prediction,
    *,
    identity: uuid.UUID | None = None,
    issued: datetime | None = None,
    recording: str = "",
    patient_system: str = "",
    document: bytes = b"",
) -> Resource:
    """The answer as a bundle of type *collection*: report, assessment, device, provenance.

    Parameters
    ----------
    identity
        From which those of the resources are derived; None: new random ones.
    issued
        Time of the report, with time zone; None: now.
    recording
        Number of the recording in an edge node; empty: none.
    patient_system
        URI of the system that the patient's number is of; empty: not stated.
    document
        The report in PDF.
    """
    frame = Frame(identity or uuid.uuid4(), _instant(issued), recording, patient_system, document)
    source, basis, made = prediction.source or {}, _basis(prediction), device(prediction.engine)
    by, assessed, reported = device_identity(made).urn, frame.urn("assessment"), frame.urn("report")
    conclusion = words.clean(f"{prediction.notice.capitalize()}. {_conclusion(prediction)}")
    report = _report(frame, "preliminary", conclusion, source, assessed)
    assessment = _assessment(frame, prediction, basis, by)
    origin = provenance(
        prediction.engine, by, [reported, assessed], basis, frame.when, recording=recording, inferred=True
    )
    resources = {reported: report, assessed: assessment, by: made, frame.urn("provenance"): origin}
    return _collection(frame, resources, inferred=True)


def refusal(
    refused: Refusal,
    engine: EngineInfo,
    source: Mapping[str, Any] | None = None,
    *,
    identity: uuid.UUID | None = None,
    issued: datetime | None = None,
    recording: str = "",
    patient_system: str = "",
    document: bytes = b"",
) -> Resource:
    """A refused record as a bundle: a cancelled report, the reason, device, provenance.

    Parameters
    ----------
    source
        Of the recording; None: it could not be read.
    identity, issued, recording, patient_system, document
        As for `bundle`.
    """
    frame = Frame(identity or uuid.uuid4(), _instant(issued), recording, patient_system, document)
    made, record = device(engine), words.clean(refused.record)
    by, reported = device_identity(made).urn, frame.urn("report")
    reason = words.clean(f"No answer for {refused.record}. {refused.error.type}: {refused.error.message}")
    issue = {
        "severity": "error",
        "code": "exception" if refused.error.type == "InternalError" else "processing",
        "details": {"text": words.clean(refused.error.type)},
        "diagnostics": words.clean(refused.error.message) or "no reason is known",
    }
    outcome: Resource = {"resourceType": "OperationOutcome", "issue": [issue]}
    report = _report(frame, "cancelled", reason, source or {})
    origin = provenance(
        engine, by, [reported], f"12-lead ECG {record}".rstrip(), frame.when, recording=recording, inferred=False
    )
    resources = {reported: report, frame.urn("outcome"): outcome, by: made, frame.urn("provenance"): origin}
    return _collection(frame, resources, inferred=False)


def encode(resource: Resource) -> bytes:
    """One line of JSON."""
    return json.dumps(resource, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _instant(issued: datetime | None) -> str:
    return (issued or datetime.now(timezone.utc)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _collection(frame: Frame, resources: Mapping[str, Resource], inferred: bool) -> Resource:
    """Resources by their names."""
    return {
        "resourceType": "Bundle",
        "id": str(frame.root),
        **(_LABELLED if inferred else {}),
        "identifier": named(frame.root.urn),
        "type": "collection",
        "timestamp": frame.when,
        "entry": [{"fullUrl": urn, "resource": resource} for urn, resource in resources.items()],
    }


def _report(
    frame: Frame,
    status: str,
    conclusion: str,
    source: Mapping[str, Any],
    risk: str = "",
) -> Resource:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(conclusion)}</p></div>'
    return {
        "resourceType": "DiagnosticReport",
        **(_LABELLED if risk else {}),
        "text": {"status": "generated", "div": div},
        **({"extension": [{"url": RISK, "valueReference": {"reference": risk}}, *_source(source)]} if risk else {}),
        "identifier": [named(frame.urn("report"))],
        "status": status,
        "category": [_ECG],
        "code": {"text": _TITLE},
        **_ordered(source),
        "subject": _subject(source, frame.patient_system),
        **_effective(source),
        "issued": frame.when,
        "conclusion": conclusion,
        **_attached(frame),
    }


def _attached(frame: Frame) -> Resource:
    if not frame.document:
        return {}
    data = base64.b64encode(frame.document).decode("ascii")
    form = {"contentType": "application/pdf", "data": data, "title": _TITLE, "creation": frame.when}
    return {"presentedForm": [form]}


def _assessment(frame: Frame, prediction: Prediction, basis: str, by: str) -> Resource:
    return {
        "resourceType": "RiskAssessment",
        **_LABELLED,
        "identifier": [named(frame.urn("assessment"))],
        "status": "preliminary",
        "method": {"text": _METHOD},
        "code": {"text": _TITLE},
        "subject": _subject(prediction.source or {}, frame.patient_system),
        "occurrenceDateTime": frame.when,
        "performer": {"reference": by},
        "basis": [{"display": basis}],
        "prediction": [fhir_finding.prediction(finding) for finding in prediction.findings],
        "note": [{"text": text} for text in _notes(prediction)],
    }


def _conclusion(prediction: Prediction) -> str:
    """The sentence on top, and what must be read beside its flags."""
    said = [grid.summary(prediction), words.rules(prediction.findings)]
    for row in grid.ranked(prediction.findings).rows:
        said += [f"{row.name}, {moments}: {sentence}.".replace(", :", ":") for moments, sentence in row.worth]
    return " ".join(filter(None, said))


def _subject(source: Mapping[str, Any], system: str) -> Resource:
    """The patient's number where the recording has one; R4 wants a subject in any case."""
    number = words.clean(source.get("patient_id") or "")
    if not number:
        return {"display": "not stated"}
    return {"identifier": {**({"system": system} if system else {}), "value": number}}


def _ordered(source: Mapping[str, Any]) -> Resource:
    number = words.clean(source.get("order_id") or "")
    return {"basedOn": [{"identifier": {"value": number}}]} if number else {}


def _effective(source: Mapping[str, Any]) -> Resource:
    """The day on which the ECG was taken. Files rarely state a time zone, without which FHIR has no time of day."""
    moment = acquired(source)
    return {"effectiveDateTime": moment.day.isoformat()} if moment else {}


def _source(source: Mapping[str, Any]) -> list[Resource]:
    return [{"url": SOURCE, "valueString": json.dumps(source, default=plain)}] if source else []


def _basis(prediction: Prediction) -> str:
    record = f" {words.clean(prediction.record)}" if prediction.record else ""
    return f"12-lead ECG{record}, {dict(words.inputs(prediction))['Recording']}"


def _notes(prediction: Prediction) -> list[str]:
    return [
        prediction.notice,
        *(f"{label}: {words.clean(text)}" for label, text in words.inputs(prediction, words.as_named)),
    ]
