"""The whole file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ecg2lab.edge.config.destinations import Destination, DicomDestination
from ecg2lab.edge.config.inputs import Dicom, Facts, Folder, Grpc, Http, Mllp, Streams, Token
from ecg2lab.edge.config.part import Label, Part, Seconds


class Limits(Part, frozen=True, kw_only=True):
    """Beyond what a request is refused."""

    body_mb: Annotated[float, Meta(gt=0, le=1024)] = 32
    """Of one request; requests are in memory while they come in."""
    waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    """Recordings that wait for their answer: beyond it new ones are refused until some are answered."""
    least_free_mb: Annotated[float, Meta(ge=0)] = 200
    """On the disk: below it new recordings are refused."""
    windows: Annotated[int, Meta(ge=1, le=65_536)] = 256
    """In one request of the Open Inference Protocol."""
    read_s: Seconds = 30
    """To read one recording, or to draw one report."""
    idle_s: Seconds = 60
    """After which a silent connection is closed, and a stream without a connection is forgotten."""
    request_s: Seconds = 300
    """Within which a request over HTTP must have come whole."""
    connections: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Over HTTP at the same time; further requests are refused."""


class Retention(Part, frozen=True, kw_only=True):
    """After how many days what was kept is erased."""

    days: Annotated[float, Meta(gt=0, le=36_500)] = 30
    """Recordings with their answers; what a destination still waits for is kept."""
    audit_days: Annotated[float, Meta(gt=0, le=36_500)] = 365
    """Who sent, read and erased what."""


class Drift(Part, frozen=True, kw_only=True):
    """Of how many answers drift is measured."""

    reference: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """The first answers of a model here, which later ones are compared with."""
    window: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    """The newest answers."""


class Configuration(Part, frozen=True, kw_only=True):
    """Everything that the node is told."""

    state: str = "ecg2lab-edge"
    """Folder for what the node keeps; a relative path starts from the configuration's folder, as all others here."""
    mode: Literal["answer", "shadow"] = "answer"
    """shadow: all is computed and counted, and nothing leaves."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 2
    """Recordings that are answered at the same time; each has a process that reads files."""
    threads: Annotated[int, Meta(ge=1, le=256)] = 1
    """Of one answer."""
    model_name: Label | None = None
    """Name of the model in the Open Inference Protocol; None: after the bundle's file."""
    http: Http = Http()
    grpc: Grpc | None = None
    """None: no gRPC."""
    streams: Streams = Streams()
    tokens: tuple[Token, ...] = ()
    limits: Limits = Limits()
    retention: Retention = Retention()
    drift: Drift = Drift()
    facts: Facts = Facts()
    folder: Folder | None = None
    dicom: Dicom | None = None
    mllp: Mllp | None = None
    destinations: tuple[Destination, ...] = ()


def speaks_dicom(configuration: Configuration) -> bool:
    """Whether anything comes or goes by DICOM."""
    sends = any(isinstance(destination, DicomDestination) for destination in configuration.destinations)
    return sends or configuration.dicom is not None
