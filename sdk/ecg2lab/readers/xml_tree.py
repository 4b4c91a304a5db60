"""XML of unknown origin as a tree, and samples in it.

Nothing outside the file is fetched and no entity is ever defined: a document type may be named (MUSE names one), but
what declares an entity is refused at the declaration, before it can grow. Elements, attributes and depth are bounded,
since a tree takes many times the memory of its text.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError

MOST_BYTES = 2**25
_MOST_MARKS, _MOST_DEPTH = 600_000, 100


def parse(content: bytes) -> Element:
    """The root of a document; names are without their namespaces.

    Raises
    ------
    RecordingError
        If it is not well-formed, declares entities, or is too large.
    """
    if len(content) > MOST_BYTES:
        raise RecordingError(f"it is larger than {MOST_BYTES >> 20} MiB, the most that is read of an XML file")
    # Counted before anything is parsed: a parser collects all attributes of an element first.
    if content.count(b"<") + content.count(b"=") > _MOST_MARKS:
        raise RecordingError("it has more elements and attributes than any ECG")
    tree = _Tree()
    try:
        tree.parser.Parse(content, True)
        return tree.builder.close()
    except expat.ExpatError as error:
        where = f"line {error.lineno}: {expat.ErrorString(error.code)}"
        raise RecordingError(f"it is no well-formed XML ({where})") from None
    except RecordingError:
        raise
    except (AssertionError, LookupError, ValueError):  # no element at all; an encoding that Python does not know
        raise RecordingError("it is no well-formed XML") from None


class _Tree:
    """Builds the tree from what the parser meets."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.builder.data
        self.parser.EntityDeclHandler = self.parser.SkippedEntityHandler = self._refuse_entity
        self._depth = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise RecordingError("it has deeper elements than any ECG")
        self.builder.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_local(name))

    def _refuse_entity(self, *_: Any) -> None:
        raise RecordingError("it declares or uses XML entities, which no ECG needs and which are not read")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def text_of(parent: Element | None, path: str) -> str | None:
    """Text of a child, stripped, or None if there is no such child or nothing in it."""
    child = parent.find(path) if parent is not None else None
    return (child.text or "").strip() or None if child is not None else None


def attribute(parent: Element | None, path: str, name: str) -> str | None:
    """An attribute of a child, stripped, or None if there is none or it is empty."""
    child = parent.find(path) if parent is not None else None
    return (child.get(name) or "").strip() or None if child is not None else None


def base64_bytes(text: str | None, what: str) -> bytes:
    """Bytes of a base64 text that may be broken into lines.

    Raises
    ------
    RecordingError
        Naming `what` is missing or none.
    """
    try:
        content = base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise RecordingError(f"{what} is no base64") from None
    if not content:
        raise RecordingError(f"{what} is empty")
    return content


def base64_counts(text: str | None, announced: int | None, what: str) -> NDArray[np.int16]:
    """16-bit samples, little-endian, of a base64 text.

    Raises
    ------
    RecordingError
        Naming `what` is missing, none, holds half a sample, or other than as many samples as are announced.
    """
    content = base64_bytes(text, what)
    if len(content) % 2:
        raise RecordingError(f"{what} ends within a sample")
    counts = np.frombuffer(content, dtype="<i2")
    if announced is not None and len(counts) != announced:
        raise RecordingError(f"{what} has {len(counts)} samples and announces {announced}: it is damaged or cut short")
    return counts
