"""JSON that every reader understands alike: nothing said twice, and one spelling for each value."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec
import numpy as np


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


def schema_of(title: str, *kinds: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON Schema (2020-12) of a document that is one of these, the same whatever wrote it.

    Descriptions are docstrings, whose indentation some versions of Python and msgspec keep and others remove.
    """
    of_each, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    body = of_each[0] if len(of_each) == 1 else {"oneOf": list(of_each)}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {**head, **body, "$defs": _without_indentation(parts)}


def _without_indentation(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return [_without_indentation(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(part) if key == "description" and isinstance(part, str) else _without_indentation(part)
        for key, part in schema.items()
    }


def encode_plainly(value: Any) -> bytes:
    """JSON of whatever a caller handed in."""
    return msgspec.json.encode(value, enc_hook=plain)


def plain(value: Any) -> Any:
    """What JSON cannot hold, of a caller's `source`: NumPy's numbers as numbers, everything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)
