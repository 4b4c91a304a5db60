"""Looks into an ONNX file before a runtime does: nothing in it may point out of it.

A tensor may name a file that holds its numbers (`external_data`); a runtime opens that file, wherever it lies. This
reads the few message fields where tensors and graphs can stand (onnx.proto, all versions) and skips the rest by length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DATA_LOCATION, _EXTERNAL_DATA = 14, 13
_DEEPEST = 32


class _Message(NamedTuple):
    """Which fields of a message hold other messages."""

    children: dict[int, str]


_MESSAGES = {
    "model": _Message({7: "graph", 20: "training", 25: "function"}),
    "training": _Message({1: "graph", 2: "graph"}),
    "function": _Message({7: "node"}),
    "graph": _Message({1: "node", 5: "tensor", 15: "sparse"}),
    "node": _Message({5: "attribute"}),
    "attribute": _Message({5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}),
    "sparse": _Message({1: "tensor", 2: "tensor"}),
    "tensor": _Message({}),
}


def refers_outside(model: bytes) -> bool:
    """Whether any tensor of a serialised model keeps its numbers in another file.

    Raises
    ------
    ValueError
        If the bytes are no message of this kind.
    """
    return _refers_outside(memoryview(model), "model", 0)


def _refers_outside(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("graphs are nested too deeply")
    children = _MESSAGES[kind].children
    for field, content in _fields(message):
        if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and content != 0)):
            return True
        child = children.get(field)
        if child and isinstance(content, memoryview) and _refers_outside(content, child, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and content of each field; fixed-width contents are skipped."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield field, value
        elif wire == _BYTES:
            size, position = _varint(message, position)
            if size > len(message) - position:
                raise ValueError("a field reaches beyond its message")
            yield field, message[position : position + size]
            position += size
        elif wire in (_FIXED32, _FIXED64):
            position += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("an unknown kind of field")
    if position > len(message):
        raise ValueError("a field reaches beyond its message")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("a number is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise ValueError("a number is too long")
