"""JSON that every reader understands alike: nothing said twice, and one spelling for each value."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def refuse_repeated_keys(text: bytes | str) -> None:
    """Refuse JSON in which a field appears twice: readers would disagree on which one counts.

    Raises
    ------
    ValueError
        Naming the field; also if the text is no JSON.
    """
    json.loads(text, object_pairs_hook=_pairs)


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in items:
        if key in fields:
            raise ValueError(f"field {key!r} appears twice")
        fields[key] = value
    return fields


def encode_canonically(value: msgspec.Struct) -> bytes:
    """Indented JSON in which a number of a floating type has a point, however the caller wrote it."""
    exact = msgspec.convert(msgspec.to_builtins(value), type(value))
    return msgspec.json.format(msgspec.json.encode(exact), indent=1) + b"\n"
