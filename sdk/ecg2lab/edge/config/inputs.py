"""Where recordings, facts and questions come from, and who may bring them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ecg2lab.edge.config.part import AeTitle, Digest, Label, Part, Port, Scope, Seconds, Text, Tls
from ecg2lab.edge.vital_signs import Named


class Http(Part, frozen=True, kw_only=True):
    """Where programs and people ask."""

    host: str = "127.0.0.1"
    """Another address than one of this machine itself needs `tls` and `tokens`."""
    port: Port = 8080
    tls: Tls | None = None


class Grpc(Part, frozen=True, kw_only=True):
    """Where programs ask by the Open Inference Protocol in gRPC; over HTTP it is always there."""

    host: str = "127.0.0.1"
    """Another address than one of this machine itself needs `tls` and `tokens`."""
    port: Port = 8001
    tls: Tls | None = None


class Streams(Part, frozen=True, kw_only=True):
    """Signals that are still coming in, over WebSockets."""

    most: Annotated[int, Meta(ge=0, le=10_000)] = 16
    """At the same time, with those whose connection was lost; 0: none."""


class Token(Part, frozen=True, kw_only=True):
    """Who may do what over HTTP."""

    name: Label
    sha256: Digest
    """Of the token, which is stated nowhere: `ecg2lab serve --new-token` makes one."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]
    """send recordings and facts; read answers; erase them; watch page and metrics; resend what was set aside."""


class Facts(Part, frozen=True, kw_only=True):
    """What messages say of patients: how long it is kept, and which of it belongs to an ECG."""

    minutes: Annotated[float, Meta(gt=0, le=1440)] = 30
    """How far from the ECG vital signs may have been measured."""
    mode: Literal["nearest", "strict"] = "nearest"
    """strict: only what was measured before the ECG."""
    body_days: Annotated[float, Meta(gt=0, le=3650)] = 30
    """How far from the ECG height and weight may have been measured, and how long they are kept."""
    keep_hours: Annotated[float, Meta(gt=0, le=87_600)] = 24
    """How long vital signs are kept after they came."""
    person_days: Annotated[float, Meta(gt=0, le=3650)] = 30
    """How long birth date and sex are kept after they came last."""
    zone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]{1,60}(?![\s\S])")] | None = None
    """In which times without a time zone are meant, such as `Europe/Berlin`; None: that of this machine."""
    authority: Text = ""
    """That assigned the numbers by which carts call patients, where they do not say it."""
    authorities: dict[Text, Text] = msgspec.field(default_factory=dict)
    """Other names of an authority, such as a URI of FHIR, and the one by which it is meant."""
    codes: dict[Text, Named] = msgspec.field(default_factory=dict)
    """What own codes (`CODE`, or `CODE^SYSTEM`) stand for; the field's unit holds where a message states none."""


class Mllp(Part, frozen=True, kw_only=True):
    """Where HL7 messages about patients come in, over MLLP."""

    host: str = "127.0.0.1"
    """Another address than one of this machine itself needs `allow`, or `tls` with `clients`."""
    port: Port = 2575
    tls: Tls | None = None
    allow: tuple[Text, ...] = ()
    """Addresses and networks that may connect, such as `10.0.7.0/24`; none: anybody."""
    processing_id: Literal["P", "D", "T"] = "P"
    """Of MSH-11: messages with another one are rejected."""
    statuses: Annotated[tuple[Annotated[str, Meta(max_length=1)], ...], Meta(min_length=1)] = (
        "F",
        "C",
        "P",
    )
    """Of OBX-11, by which an observation is taken; monitors often send R, not verified, or nothing."""
    message_mb: Annotated[float, Meta(gt=0, le=64)] = 1
    """A larger message is rejected."""
    idle_s: Seconds = 600
    """After which a connection without a message is closed; one that has begun must end within `limits.idle_s`."""
    connections: Annotated[int, Meta(ge=1, le=1000)] = 32
    """At the same time."""


class Folder(Part, frozen=True, kw_only=True):
    """A folder into which carts put files."""

    path: str
    sidecar: Literal["optional", "required"] = "optional"
    """Whether a recording waits for the file of its facts, `NAME.facts.json`."""
    settled_s: Seconds = 2
    """How long a file must not have changed before it is taken."""
    every_s: Seconds = 1
    """How often it is looked at."""


class DicomCaller(Part, frozen=True, kw_only=True):
    """A cart or archive that may associate: both must match."""

    ae_title: AeTitle
    addresses: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Addresses or networks, such as `10.1.2.0/24`."""


class Dicom(Part, frozen=True, kw_only=True):
    """Where carts send ECGs by DICOM."""

    host: str = "127.0.0.1"
    """Another address than one of this machine itself needs `callers`."""
    port: Port = 11112
    ae_title: AeTitle = "ECG2LAB"
    """By which callers must call the node."""
    callers: tuple[DicomCaller, ...] = ()
    """Who may associate; none: everybody on this machine."""
    tls: Tls | None = None
    associations: Annotated[int, Meta(ge=1, le=200)] = 8
    """At the same time; what comes by each is in memory until it is on the disk."""
