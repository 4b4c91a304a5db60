"""HL7 v2 messages in the encoding with separators, as they come in: segments, fields, components.

python-hl7 is not used here: it logs the text that it cannot unescape, which may be a patient's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_USUAL = "^~\\&"
_CODECS = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
}
_HEXADECIMAL = re.compile(r"X((?:[0-9A-Fa-f]{2})+)", re.ASCII)
_SPACES = (".br", ".sp", ".ti", ".in", ".sk", ".fi", ".nf", ".ce", "H", "N")
_LONGEST = 4000
"""Characters of a value; no longer one is used for anything."""
_MOST_REPETITIONS, _MOST_ECHOED = 64, 8
_SHORTEST = len("MSH|^~\\&")
NULL = '""'
"""In a field: what was said before is not so."""


class Malformed(Exception):
    """It is no message that can be read; its text says why, without anything out of it."""


class Separators(NamedTuple):
    """Of one message."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


class Segment(NamedTuple):
    """A line of a message; MSH-1 is the separator."""

    name: str
    fields: list[str]
    """As they stand there; the first one is empty, so that a field stands at its number."""
    separators: Separators
    codec: str

    def get(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """A value, unescaped and trimmed, of the first repetition; empty where there is none."""
        return self._components(self._first(field))(component, subcomponent)

    def repetitions(self, field: int) -> list[Callable[[int, int], str]]:
        """Of each repetition of a field what gives its components by their number and that of a subcomponent.

        Raises
        ------
        Malformed
            If there are more than anybody has a use for.
        """
        text = self.fields[field] if field < len(self.fields) else ""
        parts = text.split(self.separators.repetition, _MOST_REPETITIONS) if text else []
        if len(parts) > _MOST_REPETITIONS:
            raise Malformed(f"a field has more than {_MOST_REPETITIONS} repetitions")
        return [self._components(part) for part in parts]

    def echoed(self, field: int) -> str:
        """The first repetition of a field for a message of ours, without subcomponents."""
        get = self._components(self._first(field))
        return "^".join(escaped(get(component, 1)) for component in range(1, _MOST_ECHOED + 1)).rstrip("^")

    def _first(self, field: int) -> str:
        return self.fields[field].split(self.separators.repetition, 1)[0] if field < len(self.fields) else ""

    def _components(self, text: str) -> Callable[[int, int], str]:
        components = text.split(self.separators.component)

        def get(component: int, subcomponent: int = 1) -> str:
            if component > len(components):
                return ""
            parts = components[component - 1].split(self.separators.subcomponent)
            return self._value(parts[subcomponent - 1]) if subcomponent <= len(parts) else ""

        return get

    def _value(self, text: str) -> str:
        return "" if len(text) > _LONGEST else unescaped(text, self.separators, self.codec).strip()


class Message(NamedTuple):
    """A message."""

    header: Segment
    segments: list[Segment]
    """After the header."""


def header_of(content: bytes) -> Segment:
    """The header alone, as far as it can be read; of a message that may be malformed otherwise.

    Raises
    ------
    Malformed
        If it begins with none.
    """
    line = re.split(rb"[\r\n]", content, maxsplit=1)[0].decode("latin-1")
    if line[:3] != "MSH" or len(line) < _SHORTEST:
        raise Malformed("it does not begin with MSH")
    separators = _separators(line)
    return Segment("MSH", _header_fields(line, separators), separators, "latin-1")


def parse(content: bytes) -> Message:
    """A message in the character set that it states.

    Raises
    ------
    Malformed
        If it is none, or in another character set.
    """
    header = header_of(content)
    stated = [get(1, 1) for get in header.repetitions(18)]
    if len([name for name in stated if name]) > 1:
        raise Malformed("MSH-18 states several character sets")
    codec = _CODECS.get(stated[0] if stated else "") if any(stated) else "ascii"
    if codec is None:
        raise Malformed("MSH-18 states a character set that is not read here: ASCII, 8859/1 to 9 and 15, UNICODE UTF-8")
    try:  # what no standard allows is kept aside: names of patients, which nobody reads here
        text = content.decode(codec, "surrogateescape" if codec == "ascii" else "strict")
    except UnicodeDecodeError:
        raise Malformed("it is not in the character set that MSH-18 states") from None
    first, *lines = [line for line in re.split(r"[\r\n]+", text) if line]
    separators = header.separators
    return Message(
        Segment("MSH", _header_fields(first, separators), separators, codec),
        [_segment(line, separators, codec) for line in lines],
    )


def _separators(line: str) -> Separators:
    field = line[3]
    stated = line[4:].split(field, 1)[0]
    marks = stated[:4] + _USUAL[len(stated) :]
    known = Separators(field, *marks)
    if not stated or len(stated) > 5 or len(set(known)) < 5 or any(c.isalnum() or not 32 < ord(c) < 127 for c in known):
        raise Malformed("MSH-1 and MSH-2 are no separators")
    return known


def _header_fields(line: str, separators: Separators) -> list[str]:
    fields = line.split(separators.field)
    return ["", separators.field, "".join(separators[1:]), *fields[2:]]


def _segment(line: str, separators: Separators, codec: str) -> Segment:
    name, *fields = line.split(separators.field)
    if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", name, re.ASCII):
        raise Malformed("a segment has no name of three letters or digits")
    return Segment(name, ["", *fields], separators, codec)


def unescaped(text: str, separators: Separators, codec: str = "ascii") -> str:
    """Text without escape sequences; one that nobody knows stays as it is."""
    if separators.escape not in text:
        return text
    letters = dict(zip("FSRET", separators, strict=True))
    parts = text.split(separators.escape)  # text, sequence, text, …
    unclosed = separators.escape + parts.pop() if len(parts) % 2 == 0 else ""
    parts[1::2] = [_meaning(sequence, letters, separators.escape, codec) for sequence in parts[1::2]]
    return "".join(parts) + unclosed


def _meaning(sequence: str, letters: dict[str, str], escape: str, codec: str) -> str:
    if sequence in letters:
        return letters[sequence]
    if found := _HEXADECIMAL.fullmatch(sequence):
        return bytes.fromhex(found[1]).decode(codec, "replace")
    if sequence.startswith(_SPACES):
        return " "
    return f"{escape}{sequence}{escape}"


def escaped(text: str) -> str:
    """Text for a message of ours, with the usual separators."""
    for mark, letter in zip("\\|^&~", "EFSTR", strict=True):  # the escape character first
        text = text.replace(mark, f"\\{letter}\\")
    return "".join(c for c in text if c >= " " and c != "\x7f")
