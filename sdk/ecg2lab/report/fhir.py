"""A prediction as an HL7 FHIR R4 bundle (4.0.1), never as a laboratory result.

Probabilities go into a RiskAssessment, in **percent** as R4 requires. There is no Observation: nothing here was
measured, and a system that stores observations must not take an estimate for one. The DiagnosticReport that refers to
the assessment is *preliminary*; for a refused record it is *cancelled*, and an OperationOutcome says why.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from typing import Any

from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction
from ecg2lab.report import grid, words
from ecg2lab.report.acquired import acquired
from ecg2lab.report.document import Refusal
from ecg2lab.system.strict_json import plain

Resource = dict[str, Any]

LOINC = "http://loinc.org"
TARGETS = "urn:x-ecg2lab:target"
"""Code system of the targets' names; the contract in the bundle of that digest defines them."""
SOURCE = "urn:x-ecg2lab:source"
"""Extension: the recording's `source` as JSON, unchanged."""
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
RISK = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-risk"
_ECG = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}
_TITLE = "Laboratory abnormalities estimated from the 12-lead ECG"
_METHOD = "Structured state-space network on ECG and patient facts, doi 10.1038/s41598-025-26715-5"


def bundle(prediction: Prediction, *, identity: uuid.UUID | None = None, issued: datetime | None = None) -> Resource:
    """The answer as a bundle of type *collection*: report, assessment, device.

    Parameters
    ----------
    identity
        A text from which the identifiers of the resources are derived; None: new random ones.
    issued
        Time of the report, with time zone; None: now.
    """
    root, when = identity or uuid.uuid4(), _instant(issued)
    source = prediction.source or {}
    shared = {"subject": _subject(source)}
    assessment: Resource = {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {"text": _METHOD},
        "code": {"text": _TITLE},
        **shared,
        "occurrenceDateTime": when,
        "performer": {"reference": _urn(root, "device")},
        "basis": [{"display": _basis(prediction)}],
        "prediction": [_prediction(finding) for finding in prediction.findings],
        "note": [{"text": text} for text in _notes(prediction)],
    }
    report = _report(
        "preliminary",
        words.clean(f"{prediction.notice.capitalize()}. {_conclusion(prediction)}"),
        when,
        extension=[{"url": RISK, "valueReference": {"reference": _urn(root, "assessment")}}, *_source(source)],
        **_ordered(source),
        **shared,
        **_effective(source),
    )
    return _collection(root, when, report=report, assessment=assessment, device=_device(prediction.engine))


def refusal(
    refused: Refusal, engine: EngineInfo, *, identity: uuid.UUID | None = None, issued: datetime | None = None
) -> Resource:
    """A refused record as a bundle: a cancelled report, and the reason; parameters as for `bundle`."""
    root, when = identity or uuid.uuid4(), _instant(issued)
    reason = words.clean(f"No answer for {refused.record}. {refused.error.type}: {refused.error.message}")
    issue = {
        "severity": "error",
        "code": "exception" if refused.error.type == "InternalError" else "processing",
        "details": {"text": words.clean(refused.error.type)},
        "diagnostics": words.clean(refused.error.message) or "no reason is known",
    }
    outcome: Resource = {"resourceType": "OperationOutcome", "issue": [issue]}
    return _collection(root, when, report=_report("cancelled", reason, when), outcome=outcome, device=_device(engine))


def encode(resource: Resource) -> bytes:
    """One line of JSON."""
    return json.dumps(resource, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _urn(root: uuid.UUID, part: str) -> str:
    """The name of a part of one bundle."""
    return uuid.uuid5(root, part).urn


def _instant(issued: datetime | None) -> str:
    return (issued or datetime.now(timezone.utc)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _collection(root: uuid.UUID, when: str, **resources: Resource) -> Resource:
    return {
        "resourceType": "Bundle",
        "id": str(root),
        "type": "collection",
        "timestamp": when,
        "entry": [{"fullUrl": _urn(root, part), "resource": resource} for part, resource in resources.items()],
    }


def _report(status: str, conclusion: str, when: str, extension: Sequence[Resource] = (), **more: Any) -> Resource:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(conclusion)}</p></div>'
    return {
        "resourceType": "DiagnosticReport",
        "text": {"status": "generated", "div": div},
        **({"extension": extension} if extension else {}),
        "status": status,
        "category": [_ECG],
        "code": {"text": _TITLE},
        **more,
        "issued": when,
        "conclusion": conclusion,
    }


def _conclusion(prediction: Prediction) -> str:
    """The sentence on top, and what must be read beside its flags."""
    said = [grid.summary(prediction), words.rules(prediction.findings)]
    for row in grid.ranked(prediction.findings).rows:
        said += [f"{row.name}, {moments}: {sentence}.".replace(", :", ":") for moments, sentence in row.worth]
    return " ".join(filter(None, said))


def _prediction(finding: Finding) -> Resource:
    criterion = finding.criterion
    coding = [{"system": TARGETS, "code": words.clean(finding.target) or "?"}]
    if criterion and criterion.loinc:
        coding.insert(0, {"system": LOINC, "code": criterion.loinc})
    # At least a non-blank letter: FHIR has no empty strings.
    outcome = f"{words.clean(words.abnormality(finding)) or '?'} {_moment(finding)}".rstrip()
    # Not coded: HL7's grades of risk say how likely something is, a decision says on which side of a threshold.
    verdict: Resource = {"text": finding.verdict}
    if finding.reason is not None:
        verdict["extension"] = [{"url": ABSENT, "valueCode": "unsupported"}]
    # The ratio to the population's risk is what R4 calls the relative risk.
    ratio = {} if finding.ratio is None else {"relativeRisk": round(finding.ratio, 4)}
    return {
        "outcome": {"coding": coding, "text": outcome},
        "probabilityDecimal": round(100 * finding.probability, 4),
        "qualitativeRisk": verdict,
        **ratio,
        "rationale": words.clean(_rationale(finding)),
    }


def _moment(finding: Finding) -> str:
    if finding.criterion is None:
        return ""
    return "at the time of the ECG" if finding.criterion.when == "now" else f"{finding.criterion.when} of the ECG"


def _rationale(finding: Finding) -> str:
    threshold = finding.decision_threshold
    why = f"{finding.verdict}: {finding.reason}" if finding.reason else ""
    decision = "" if threshold is None else f"decision threshold {threshold:.1%}"
    windows = f"single windows {finding.lowest:.1%} to {finding.highest:.1%}"
    rule = f"rule {finding.rule}" if finding.rule else ""
    right = "" if threshold is None else words.right(finding)
    return "; ".join(filter(None, (why, decision, windows, rule, words.beside_base_rate(finding), right)))


def _subject(source: Mapping[str, Any]) -> Resource:
    """The patient's number where the recording has one; R4 wants a subject in any case."""
    number = words.clean(source.get("patient_id") or "")
    return {"identifier": {"value": number}} if number else {"display": "not stated"}


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


def _device(engine: EngineInfo) -> Resource:
    """The model, by the digest of its bundle, and what ran it."""
    ran = {"backend": engine.backend, "provider": engine.provider, "hardware": engine.device, "form": engine.form}
    return {
        "resourceType": "Device",
        "identifier": [{"type": {"text": "SHA-256 of the model bundle"}, "value": engine.bundle_digest}],
        "status": "active",
        "deviceName": [{"name": words.clean(engine.model), "type": "model-name"}, {"name": "ecg2lab", "type": "other"}],
        "type": {"text": "Software; not a medical device"},
        "version": [{"type": {"text": name}, "value": value} for name, value in engine.versions.items()],
        "property": [
            {"type": {"text": name}, "valueCode": [{"text": words.clean(value)}]}
            for name, value in {**ran, "precision": engine.precision}.items()
            if value.strip()
        ],
        "note": [{"text": engine.notice}],
    }
