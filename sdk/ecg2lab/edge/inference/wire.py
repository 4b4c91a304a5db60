"""How many fields a message of Protocol Buffers has, before it is parsed: many empty ones take much memory."""

from __future__ import annotations

from typing import Any

from ecg2lab.edge.inference.refusals import RequestError

MOST_FIELDS = 1000
_LONGEST_NUMBER = 10
_FIXED = {1: 8, 5: 4}
_PARAMETERS: dict[int, Any] = {2: {}}
_TENSOR = {4: _PARAMETERS, 5: {}}
INFER = {4: _PARAMETERS, 5: _TENSOR, 6: {2: _PARAMETERS}}
"""Of a `ModelInferRequest`: which fields are messages again, and so on within them."""


def require_few_fields(content: bytes, inner: dict[int, Any]) -> None:
    """Refuse a message with very many fields, those of messages within it counted.

    Numbers of a repeated field that are packed, as all encoders do, are one field.

    Parameters
    ----------
    inner
        Which fields are messages, by their numbers.

    Raises
    ------
    RequestError
        If it has too many, or is no message.
    """
    _count(memoryview(content), inner, 0)


def _count(content: memoryview, inner: dict[int, Any], count: int) -> int:
    at = 0
    while at < len(content):
        tag, at = _number(content, at)
        kind, field = tag & 7, tag >> 3
        count += 1
        if count > MOST_FIELDS:
            raise RequestError(f"the message has more than {MOST_FIELDS} fields: send tensors packed, or as bytes")
        if kind == 0:
            _, at = _number(content, at)
            continue
        size, at = _number(content, at) if kind == 2 else (_FIXED.get(kind, len(content) + 1), at)
        if size > len(content) - at:
            raise RequestError("this is no message of the protocol")
        if kind == 2 and field in inner:
            count = _count(content[at : at + size], inner[field], count)
        at += size
    return count


def _number(content: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for shift, byte in enumerate(content[at : at + _LONGEST_NUMBER]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise RequestError("this is no message of the protocol")
