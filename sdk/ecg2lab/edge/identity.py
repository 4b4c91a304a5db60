"""What makes two recordings the same: the bytes of their files, the facts that came with them, and the model."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

_CONTROL_ID = 20
"""Characters that HL7 v2.5.1 gives the number of a message."""


def identify(digests: Iterable[str], facts: Mapping[str, Any], model: str) -> str:
    """The name of a recording: 40 hexadecimal digits.

    Parameters
    ----------
    digests
        SHA-256 of each file. Their order, and what the files are called, does not matter.
    facts
        Given with the recording.
    model
        Digest of the bundle.
    """
    said = ["ecg2lab recording 1", model, *sorted(digests), msgspec.json.encode(facts, order="deterministic").decode()]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:40]


def control_id(identity: str) -> str:
    """The number of the HL7 message on a recording: the same for each repeat."""
    return base64.b32encode(bytes.fromhex(identity)).decode()[:_CONTROL_ID]
