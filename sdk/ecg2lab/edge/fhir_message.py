"""What FHIR servers and folders are given of a recording: the same resources under the same names at each repeat."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from urllib.parse import quote

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge.ledger import Kept
from ecg2lab.report import fhir
from ecg2lab.report.fhir_provenance import RESOURCES, Resource, named

PROVENANCES = "urn:x-ecg2lab:provenance"
"""System of the tags by which a Provenance is found again: R4 gives it no identifier."""
_NOT_KEPT = ("OperationOutcome",)
"""Of which servers keep none; the report says the same in its conclusion."""


def root(recording: str) -> uuid.UUID:
    """From which the identities of a recording's resources are derived."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:x-ecg2lab:recording:{recording}")


def collection(kept: Kept, engine: EngineInfo, *, patient_system: str = "", document: bytes = b"") -> Resource:
    """The answer or refusal as a bundle of type *collection*; parameters as for `ecg2lab.report.fhir.bundle`."""
    assert kept.answered is not None
    said, identity = kept.said, root(kept.id)
    issued = datetime.fromtimestamp(int(kept.answered), timezone.utc)
    if isinstance(said, Prediction):
        return fhir.bundle(
            said,
            identity=identity,
            issued=issued,
            recording=kept.id,
            patient_system=patient_system,
            document=document,
        )
    return fhir.refusal(
        said,
        engine,
        kept.source,
        identity=identity,
        issued=issued,
        recording=kept.id,
        patient_system=patient_system,
        document=document,
    )


def transaction(bundle: Resource, *, own_ids: bool) -> Resource:
    """A collection as a transaction, which stores its resources once however often it is sent.

    Parameters
    ----------
    own_ids
        Whether resources are stored under ids of ours, by update; else the server gives them ids, and leaves alone
        what it has already (conditional create).
    """
    entries = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] not in _NOT_KEPT]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": bundle["timestamp"],
        "entry": [(_update if own_ids else _create)(entry["fullUrl"], entry["resource"]) for entry in entries],
    }


def find_patients(bundle: Resource) -> None:
    """Have the server put the patient's id in place of the number, which has a system (conditional reference)."""
    for entry in bundle["entry"]:
        subject = entry["resource"].get("subject", {})
        if "identifier" in subject:
            identifier = subject["identifier"]
            value = "".join(f"\\{c}" if c in "\\$,|" else c for c in identifier["value"])
            token = f"{quote(identifier['system'], safe=':/')}|{quote(value, safe='')}"
            subject["reference"] = f"Patient?identifier={token}"


def _create(urn: str, resource: Resource) -> Resource:
    kind = resource["resourceType"]
    if kind == "Provenance":
        code = _code(urn)
        tagged = {**resource.get("meta", {}), "tag": [{"system": PROVENANCES, "code": code}]}
        resource, condition = {**resource, "meta": tagged}, f"_tag={PROVENANCES}|{code}"
    else:
        resource, condition = _named(urn, resource), condition_of(urn)
    request = {"method": "POST", "url": kind, "ifNoneExist": condition}
    return {"fullUrl": urn, "resource": resource, "request": request}


def _update(urn: str, resource: Resource) -> Resource:
    kind, code = resource["resourceType"], _code(urn)
    stored = {**_named(urn, resource), "id": code} if kind != "Provenance" else {**resource, "id": code}
    return {"fullUrl": urn, "resource": stored, "request": {"method": "PUT", "url": f"{kind}/{code}"}}


def _named(urn: str, resource: Resource) -> Resource:
    """With its name among its identifiers."""
    identifiers = resource["identifier"]
    return resource if named(urn) in identifiers else {**resource, "identifier": [*identifiers, named(urn)]}


def condition_of(urn: str) -> str:
    """By which a server finds what has this name."""
    return f"identifier={RESOURCES}|{_code(urn)}"


def _code(urn: str) -> str:
    return urn.removeprefix("urn:uuid:")
