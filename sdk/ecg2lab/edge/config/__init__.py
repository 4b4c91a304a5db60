"""What `ecg2lab serve` is told, in one file of JSON: where it listens, who may ask, where answers go."""

from ecg2lab.edge.config.configuration import Configuration, Drift, Limits, Retention, speaks_dicom
from ecg2lab.edge.config.destinations import (
    Destination,
    DicomDestination,
    FhirDestination,
    FilesDestination,
    Hl7Destination,
)
from ecg2lab.edge.config.inputs import Dicom, DicomCaller, Facts, Folder, Grpc, Http, Mllp, Streams, Token
from ecg2lab.edge.config.part import SCOPES, AeTitle, Digest, Label, Part, Port, Retry, Scope, Seconds, Text, Tls
from ecg2lab.edge.config.reading import SCHEMA_FILE, decode, new_token, read, schema, schema_text

__all__ = [
    "SCHEMA_FILE",
    "SCOPES",
    "AeTitle",
    "Configuration",
    "Destination",
    "Dicom",
    "DicomCaller",
    "DicomDestination",
    "Digest",
    "Drift",
    "Facts",
    "FhirDestination",
    "FilesDestination",
    "Folder",
    "Grpc",
    "Hl7Destination",
    "Http",
    "Label",
    "Limits",
    "Mllp",
    "Part",
    "Port",
    "Retention",
    "Retry",
    "Scope",
    "Seconds",
    "Streams",
    "Text",
    "Tls",
    "Token",
    "decode",
    "new_token",
    "read",
    "schema",
    "schema_text",
    "speaks_dicom",
]
