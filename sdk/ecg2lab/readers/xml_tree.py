"""XML of unknown origin as a tree, and samples in it.

Nothing outside the file is fetched and no entity is ever expanded: a file may name a document type (as MUSE does), but
a declaration of an entity is refused at once. Elements, attributes and depth are limited, since a tree takes many times
the memory of its text.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers.limits import check_text
from ecg2lab.readers.subject import agreed

_MOST_MARKS, _MOST_DEPTH = 600_000, 100
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_SEVERAL_BYTES = {
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "x-gbk", "cp936", "windows-936"), "gb18030"),
    **dict.fromkeys(("shift-jis", "sjis", "x-sjis", "windows-31j", "cp932", "ms932"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks-c-5601-1987", "cp949", "windows-949"), "cp949"),
    **dict.fromkeys(("big5", "big5-hkscs", "cp950"), "cp950"),
    **{name: name for name in ("euc-jp", "iso-2022-jp", "iso-2022-kr")},
}
"""As declared: the codec, which is that of the larger set where files declare the smaller one."""


def parse(content: bytes) -> Element:
    """The root of a document; names have no namespaces.

    Raises
    ------
    RecordingError
        If it is not well-formed, declares entities, or is too large.
    """
    check_text(len(content), "an XML file")
    # Counted before anything is parsed: a parser collects all attributes of an element first.
    if content.count(b"<") + content.count(b"=") > _MOST_MARKS:
        raise RecordingError("it has more elements and attributes than any ECG")
    content, encoding = _in_readable_encoding(content)
    tree = _Tree()
    try:
        tree.parser(encoding).Parse(content, True)
        return tree.builder.close()
    except expat.ExpatError as error:
        where = f"line {error.lineno}: {expat.ErrorString(error.code)}"
        raise RecordingError(f"it is no well-formed XML ({where})") from None
    except RecordingError:
        raise
    except (LookupError, ValueError):
        raise RecordingError("its XML declares an encoding that is not known; save it in UTF-8") from None
    except AssertionError:
        raise RecordingError("it is XML without any element") from None


def _in_readable_encoding(content: bytes) -> tuple[bytes, str | None]:
    """The content, and the encoding that the parser is to take instead of the declared one (None: that one).

    What declares nothing, or UTF-16 in a text of single bytes, is UTF-8 or, where it is none, Latin-1. Encodings of
    several bytes, which the parser lacks, become UTF-8; a letter that is none in them costs that letter.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:4]:
        return content, None
    declared = _DECLARATION.match(content[:256])
    name = declared[1].decode().lower().replace("_", "-") if declared else "utf-8"
    if codec := _SEVERAL_BYTES.get(name):
        return content.decode(codec, "replace").encode(), "utf-8"
    if not name.startswith(("utf-8", "utf8", "utf-16", "utf16", "ucs-2", "iso-10646")):
        return content, None
    return content, "utf-8" if _is_utf8(content) else "iso-8859-1"


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Tree:
    """Builds the tree from what the parser meets."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._depth = 0

    def parser(self, encoding: str | None) -> expat.XMLParserType:
        """It knows this tree, and not the other way: so it goes, with the texts that it holds, once it is done."""
        parser = expat.ParserCreate(encoding, namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.builder.data
        parser.EntityDeclHandler = parser.SkippedEntityHandler = self._refuse_entity
        return parser

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
    """Text of a child, stripped, or None if there is no such child or it is empty."""
    child = parent.find(path) if parent is not None else None
    return _stripped(child.text) or None if child is not None else None


def agreed_text(parent: Element | None, path: str) -> str | None:
    """Text of all such children, stripped; None if there is none.

    Raises
    ------
    Contradiction
        If they differ.
    """
    return agreed(filter(None, (_stripped(child.text) for child in _children(parent, path))))


def agreed_attribute(parent: Element | None, path: str, name: str) -> str | None:
    """As `agreed_text`, for an attribute; `.//` in the path selects descendants of any depth."""
    return agreed(filter(None, (_stripped(child.get(name)) for child in _children(parent, path))))


def _children(parent: Element | None, path: str) -> list[Element]:
    return [] if parent is None else parent.findall(path)


def _stripped(text: str | None) -> str:
    return (text or "").strip()


def attribute(parent: Element | None, path: str, name: str) -> str | None:
    """An attribute of a child, stripped, or None if there is none or it is empty."""
    child = parent.find(path) if parent is not None else None
    return _stripped(child.get(name)) or None if child is not None else None


def base64_bytes(text: str | None, what: str) -> bytes:
    """Bytes of a base64 text, which may have line breaks.

    Raises
    ------
    RecordingError
        If it is missing or no base64; the message names `what`.
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
        As for `base64_bytes`, and if it ends within a sample or has another number of samples than announced.
    """
    content = base64_bytes(text, what)
    if len(content) % 2:
        raise RecordingError(f"{what} ends within a sample")
    counts = np.frombuffer(content, dtype="<i2")
    if announced is not None and len(counts) != announced:
        raise RecordingError(
            f"{what} has {len(counts)} samples and announces {announced}: one of the two is wrong; export it again"
        )
    return counts
