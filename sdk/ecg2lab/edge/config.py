"""What `ecg2lab serve` is told, in one file of JSON: where it listens, who may ask, where answers go."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from ecg2lab.errors import ConfigurationError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown
from ecg2lab.system.strict_json import refuse_repeated_keys, schema_of

SCHEMA_FILE = Path(__file__).with_name("edge.schema.json")
Scope = Literal["send", "read", "erase", "watch"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}(?![\s\S])")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]
Text = Annotated[str, Meta(max_length=200)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable; an unknown field is an error, never ignored."""


class Tls(Part, frozen=True, kw_only=True):
    """A certificate in PEM and its key."""

    certificate: str
    key: str
    clients: str | None = None
    """Certificates of those who may connect; None: anybody."""


class Http(Part, frozen=True, kw_only=True):
    """Where programs and people ask."""

    host: str = "127.0.0.1"
    """Another address than one of this machine itself needs `tls` and `tokens`."""
    port: Port = 8080
    tls: Tls | None = None


class Token(Part, frozen=True, kw_only=True):
    """Who may do what over HTTP."""

    name: Label
    sha256: Digest
    """Of the token, which is stated nowhere: `ecg2lab serve --new-token` makes one."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]
    """send recordings and facts; read answers; erase them; watch the page and the metrics."""


class Limits(Part, frozen=True, kw_only=True):
    """Beyond what a request is refused."""

    body_mb: Annotated[float, Meta(gt=0, le=1024)] = 32
    """Of one request; requests are in memory while they come in."""
    waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    """Recordings that wait for their answer: beyond it new ones are refused until some are answered."""
    least_free_mb: Annotated[float, Meta(ge=0)] = 200
    """On the disk: below it new recordings are refused."""
    read_s: Seconds = 30
    """To read one recording, or to draw one report."""
    idle_s: Seconds = 60
    """After which a silent connection is closed."""


class Retention(Part, frozen=True, kw_only=True):
    """After how many days what was kept is erased."""

    days: Annotated[float, Meta(gt=0, le=36_500)] = 30
    """Recordings with their answers; what a destination still waits for is kept."""
    audit_days: Annotated[float, Meta(gt=0, le=36_500)] = 365
    """Who sent, read and erased what."""


class Retry(Part, frozen=True, kw_only=True):
    """When a destination is asked again that could not be reached or answered with an error."""

    first_s: Seconds = 5
    """After the first failure; twice as long after each further one."""
    longest_s: Seconds = 600
    acknowledged_s: Seconds = 30
    """How long to wait for an acknowledgement."""


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


Destination = FilesDestination | Hl7Destination


class Folder(Part, frozen=True, kw_only=True):
    """A folder into which carts put files."""

    path: str
    settled_s: Seconds = 2
    """How long a file must not have changed before it is taken."""
    every_s: Seconds = 1
    """How often it is looked at."""


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
    http: Http = Http()
    tokens: tuple[Token, ...] = ()
    limits: Limits = Limits()
    retention: Retention = Retention()
    folder: Folder | None = None
    destinations: tuple[Destination, ...] = ()


def read(path: str | Path) -> tuple[Configuration, Path]:
    """Read a configuration; returns it and the folder that its relative paths start from.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no JSON, or says what the node cannot do; the message names the field.
    """
    where = Path(path)
    try:
        text = read_regular(where)
        refuse_repeated_keys(text)
        told = msgspec.json.decode(text)
    except OSError as error:
        raise ConfigurationError(f"cannot read {shown(where)}: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"{shown(where)}: {error}") from None
    return decode(told, shown(where)), where.resolve().parent


def decode(told: object, source: str) -> Configuration:
    """A configuration from what its JSON says; `source` is what to call it.

    Raises
    ------
    ConfigurationError
        As `read`.
    """
    try:
        configuration = msgspec.convert(told, Configuration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {error}") from None
    wrong = complaints(configuration)
    if wrong:
        raise ConfigurationError(f"{source}: {'; '.join(wrong)}")
    return configuration


def complaints(configuration: Configuration) -> list[str]:
    """What fields say to each other that cannot be."""
    wrong = []
    names = [destination.name for destination in configuration.destinations]
    wrong += [f"two destinations are called {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    people = [token.name for token in configuration.tokens]
    wrong += [f"two tokens are called {name!r}" for name in sorted({n for n in people if people.count(n) > 1})]
    http = configuration.http
    if not _is_loopback(http.host):
        beyond = f"http.host {http.host} can be reached from other machines"
        if http.tls is None:
            wrong.append(f"{beyond}: that needs http.tls")
        if not configuration.tokens:
            wrong.append(f"{beyond}: that needs tokens")
    for destination in configuration.destinations:
        if isinstance(destination, Hl7Destination) and destination.authority and not destination.tls:
            wrong.append(f"destination {destination.name!r} has an authority, and no tls")
    return wrong


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> tuple[str, str]:
    """A token that nobody can guess, and its SHA-256 for the configuration."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).hexdigest()


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file."""
    return schema_of("ecg2lab edge node", Configuration)


def schema_text() -> str:
    """The schema as published."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":  # `make schema`
    SCHEMA_FILE.write_text(schema_text())
