"""What the parts of a configuration are made of."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

Scope = Literal["send", "read", "erase", "watch", "resend"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}(?![\s\S])")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]
Text = Annotated[str, Meta(max_length=200)]
AeTitle = Annotated[str, Meta(pattern=r"^(?! )[ -\[\]-~]{0,15}[!-\[\]-~](?![\s\S])")]
"""Of DICOM: 16 characters at most, no backslash, no blanks around it."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable; an unknown field is an error, never ignored."""


class Tls(Part, frozen=True, kw_only=True):
    """A certificate in PEM and its key."""

    certificate: str
    key: str
    clients: str | None = None
    """Certificates of those who may connect; None: anybody."""


class Retry(Part, frozen=True, kw_only=True):
    """When a destination is asked again that could not be reached or answered with an error."""

    first_s: Seconds = 5
    """After the first failure; twice as long after each further one."""
    longest_s: Seconds = 600
    acknowledged_s: Seconds = 30
    """How long to wait for an acknowledgement."""
