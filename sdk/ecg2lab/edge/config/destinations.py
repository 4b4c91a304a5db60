"""Where answers go."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ecg2lab.edge.config.part import AeTitle, Label, Part, Port, Retry, Text


class FilesDestination(Part, frozen=True, kw_only=True, tag_field="kind", tag="files"):
    """Files in a folder, whole or not at all."""

    name: Label
    folder: str
    formats: Annotated[tuple[Literal["json", "fhir", "hl7", "html", "pdf"], ...], Meta(min_length=1)] = ("json",)
    retry: Retry = Retry()


class Hl7Destination(Part, frozen=True, kw_only=True, tag_field="kind", tag="hl7"):
    """HL7 v2.5.1 ORU^R01 over MLLP."""

    name: Label
    host: str
    port: Port
    tls: bool = False
    authority: str | None = None
    """Certificates in PEM that the receiver's must be signed by; None: those of the system."""
    receiving_application: Text = ""
    receiving_facility: Text = ""
    sending_application: Text = "ecg2lab"
    sending_facility: Text = ""
    patient_authority: Text = ""
    """That assigned the patients' numbers."""
    processing_id: Literal["P", "D", "T"] = "P"
    result_status: Literal["R", "P", "F"] = "R"
    """Of table 0123; R: entered, not verified."""
    abnormal_flag: Annotated[str, Meta(max_length=5)] = "A"
    """In OBX-8 of what is flagged; empty: none."""
    pdf: bool = True
    """Whether the report goes with it."""
    retry: Retry = Retry()


class DicomDestination(Part, frozen=True, kw_only=True, tag_field="kind", tag="dicom"):
    """An archive, by C-STORE."""

    name: Label
    host: str
    port: Port
    called_ae_title: AeTitle
    """Of the archive."""
    calling_ae_title: AeTitle = "ECG2LAB"
    """By which the archive knows the node."""
    send: Annotated[tuple[Literal["pdf", "sr", "original"], ...], Meta(min_length=1)] = ("pdf", "sr")
    """The report as an encapsulated PDF, a structured report, the recording itself if it came as DICOM."""
    tls: bool = False
    authority: str | None = None
    """Certificates in PEM that the archive's must be signed by; None: those of the system."""
    certificate: str | None = None
    """In PEM, by which an archive that asks for it knows the node; with its key."""
    key: str | None = None
    retry: Retry = Retry()


class FhirDestination(Part, frozen=True, kw_only=True, tag_field="kind", tag="fhir"):
    """A FHIR R4 server."""

    name: Label
    url: Annotated[str, Meta(max_length=500)]
    """Its base, such as `https://fhir.example.org/r4`."""
    as_: Literal["transaction", "collection"] = msgspec.field(name="as", default="transaction")
    """Resources of their own, all or none; or one stored bundle."""
    own_ids: bool = False
    """Store under ids of the node, by update; else the server gives ids, and leaves alone what it has."""
    token_file: str | None = None
    """File with a bearer token, read at each request; None: the server wants none."""
    authority: str | None = None
    """Certificates in PEM that the server's must be signed by; None: those of the system."""
    plain_http: bool = False
    """Allows `http:` to another machine, where everybody on the way can read along."""
    patient_system: Text = ""
    """URI of the system that the patients' numbers are of."""
    find_patients: bool = False
    """Have the server put its own patient in place of the number, and reject what is about none of its patients."""
    pdf: bool = True
    """Whether the report goes with it."""
    retry: Retry = Retry()


Destination = FilesDestination | Hl7Destination | DicomDestination | FhirDestination
