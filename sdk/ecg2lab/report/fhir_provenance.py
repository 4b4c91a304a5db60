"""What made a FHIR report out of what: the model as a Device, a Provenance, and the label of what was inferred.

As HL7's "AI Transparency on FHIR" 1.0.0-ballot (R4) has them; it is a draft, so its profiles are named with that
version.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.report import words

Resource = dict[str, Any]

RESOURCES = "urn:x-ecg2lab:resource"
"""System of the names of resources. A name is no URN: a server may put a place for a URN wherever that stands."""
MODELS = "urn:x-ecg2lab:model"
"""System of models: the SHA-256 of a bundle."""
RECORDINGS = "urn:x-ecg2lab:recording"
"""System of the numbers that an edge node gives recordings."""
INFERRED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
"""Security label of every resource that states something inferred."""
_GUIDE = "http://hl7.org/fhir/uv/aitransparency"
AI_DEVICE, AI_PROVENANCE = (
    f"{_GUIDE}/StructureDefinition/{name}|1.0.0-ballot" for name in ("AI-Device", "AI-Provenance")
)
_AI_KIND = f"{_GUIDE}/StructureDefinition/aitransparency.AIKind"
_AI_TYPES = f"{_GUIDE}/CodeSystem/AIdeviceTypeCS"
_AI = {"coding": [{"system": _AI_TYPES, "code": "Artificial-Intelligence"}]}
_KINDS = ("Deep-Learning-Models", "AI-for-Physiological-Signal-Data")
_CREATE = {"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}
_AUTHOR = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}


def device(engine: EngineInfo) -> Resource:
    """The model, by the digest of its bundle, and what ran it."""
    ran = {"backend": engine.backend, "provider": engine.provider, "hardware": engine.device, "form": engine.form}
    return {
        "resourceType": "Device",
        "meta": {"profile": [AI_DEVICE]},
        "extension": [
            {"url": _AI_KIND, "valueCodeableConcept": {"coding": [{"system": _AI_TYPES, "code": kind}]}}
            for kind in _KINDS
        ],
        "identifier": [_digest(engine)],
        "status": "active",
        "deviceName": [{"name": words.clean(engine.model), "type": "model-name"}, {"name": "ecg2lab", "type": "other"}],
        "type": {**_AI, "text": "Software; not a medical device"},
        "version": [{"type": {"text": name}, "value": value} for name, value in engine.versions.items()],
        "property": [
            {"type": {"text": name}, "valueCode": [{"text": words.clean(value)}]}
            for name, value in {**ran, "precision": engine.precision}.items()
            if value.strip()
        ],
        "note": [{"text": engine.notice}],
    }


def named(urn: str) -> Resource:
    """The identifier by which a server finds a resource again."""
    return {"system": RESOURCES, "value": urn.removeprefix("urn:uuid:")}


def device_identity(made: Resource) -> uuid.UUID:
    """The same for the same model on the same machine, whatever it answered."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:x-ecg2lab:device:{json.dumps(made, sort_keys=True)}")


def provenance(
    engine: EngineInfo, by: str, targets: Sequence[str], basis: str, when: str, *, recording: str, inferred: bool
) -> Resource:
    """Who made the targets when, out of which ECG and by which model.

    Parameters
    ----------
    by, targets
        References to the device and to what it made.
    basis
        The ECG in words.
    when
        Instant.
    recording
        Number of the recording in an edge node; empty: none.
    inferred
        Whether the model answered; else the record was refused, and nothing in the targets is the model's.
    """
    ecg: Resource = {"display": basis}
    if recording:
        ecg = {"identifier": {"system": RECORDINGS, "value": recording}, **ecg}
    agent: Resource = {"type": {"coding": [_AUTHOR]}, **({"role": [_AI]} if inferred else {}), "who": {"reference": by}}
    return {
        "resourceType": "Provenance",
        **({"meta": {"profile": [AI_PROVENANCE]}} if inferred else {}),
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": when,
        "recorded": when,
        **({"reason": [{"coding": [INFERRED]}]} if inferred else {}),
        "activity": {"coding": [_CREATE]},
        "agent": [agent],
        "entity": [
            {"role": "source", "what": ecg},
            {
                "role": "derivation",
                "what": {"identifier": _digest(engine), "display": words.clean(engine.model) or "?"},
            },
        ],
    }


def _digest(engine: EngineInfo) -> Resource:
    return {"type": {"text": "SHA-256 of the model bundle"}, "system": MODELS, "value": engine.bundle_digest}
