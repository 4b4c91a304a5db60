"""Elements of a DICOM file (PS3.5, chapter 7): those that an ECG needs, as bytes; all others are skipped.

Values are taken as stored. Only requested elements are decoded and checked, so an ECG is not refused for a name in an
unknown alphabet or a private element, and no message quotes one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.readers.limits import MOST_BYTES

PREAMBLE = 128
MARK = b"DICM"
_EXPLICIT, _IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
_BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
TRANSFER_SYNTAXES = (_EXPLICIT, _IMPLICIT, _BIG_ENDIAN, _DEFLATED)
"""In which elements are read."""
_TRANSFER_SYNTAX = 0x0002_0010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Value representations whose length takes four bytes, after two that are unused."""
_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip
_MOST_ELEMENTS, _MOST_DEPTH = 100_000, 16

Elements = dict[int, "bytes | list[Elements]"]
"""Values by tag (group and element as one number): bytes, or the items of a sequence."""


class Dicom(NamedTuple):
    """The elements that were read."""

    elements: Elements
    little_endian: bool
    """Byte order of its binary values."""


def begins_like_dicom(data: bytes) -> bool:
    """Whether data have a preamble, or begin with the file meta information or an element of group 8."""
    return data[PREAMBLE : PREAMBLE + 4] == MARK or _bare_form(data) is not None


def parse(data: bytes, wanted: Collection[int]) -> Dicom:
    """Read the elements of the dataset whose tags are in `wanted`, and such elements in their items.

    Raises
    ------
    RecordingError
        If a length exceeds the file, or there are more elements or deeper sequences than any ECG has.
    """
    start = PREAMBLE + 4 if data[PREAMBLE : PREAMBLE + 4] == MARK else 0
    meta = _Parser(data, start, explicit=True, little=True, wanted={_TRANSFER_SYNTAX})
    syntax = ""
    if data[start : start + 2] == b"\x02\0":
        uid = meta.elements(until_group=2).get(_TRANSFER_SYNTAX, b"")
        syntax = uid.decode("latin-1").strip(" \0") if isinstance(uid, bytes) else ""
    place = meta.place
    if syntax == _DEFLATED:
        data, place = _inflate(data[place:]), 0
    explicit, little = syntax != _IMPLICIT, syntax != _BIG_ENDIAN
    if not syntax:  # none stated: the first element shows it
        explicit = _bare_form(data[place:]) != _IMPLICIT
    parser = _Parser(data, place, explicit, little, wanted)
    return Dicom(parser.elements(), little)


def _bare_form(data: bytes) -> str | None:
    """The form of a dataset without preamble: whether its first element has a value representation."""
    if data[:2] not in (b"\x02\0", b"\x08\0") or len(data) < 8:
        return None
    if data[4:6] in _SHORT | _LONG:
        return _EXPLICIT
    # Without one, four bytes of length, which for a first element is small.
    return _IMPLICIT if data[:2] == b"\x08\0" and int.from_bytes(data[4:8], "little") < 1024 else None


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(packed, MOST_BYTES)
    except zlib.error:
        raise RecordingError(
            "its deflated part cannot be inflated: save it in an uncompressed transfer syntax"
        ) from None
    if inflater.unconsumed_tail:
        raise RecordingError(f"it inflates to more than {MOST_BYTES >> 20} MiB, the most that is read")
    return data


class _Parser:
    """Goes through the elements once; what is not wanted is passed over by its length, where it states one."""

    def __init__(self, data: bytes, place: int, explicit: bool, little: bool, wanted: Collection[int]) -> None:
        self.place = place
        self._data, self._explicit, self._wanted = data, explicit, wanted
        self._order: str = "little" if little else "big"
        self._elements, self._last = 0, max(wanted)

    def elements(self, end: int | None = None, until_group: int | None = None, depth: int = 0) -> Elements:
        """Elements up to `end` (None: of the file), to the end mark of an item, or to the first beyond a group."""
        found: Elements = {}
        stop = len(self._data) if end is None else end
        while self.place < stop:
            if until_group is not None and self._number(self.place, 2) != until_group:
                break
            tag = self._tag()
            if depth == 0 and until_group is None and tag > self._last:  # nothing wanted follows, whatever it is
                break
            if tag in (_ITEM_END, _SEQUENCE_END):
                self._number_ahead(4)
                if end is None and depth:
                    return found
                continue
            kind, length = self._kind_and_length()
            if length == _UNDEFINED or (kind == b"SQ" and tag in self._wanted) or self._is_wanted_sequence(tag, kind):
                items = self._items(tag, kind, length, depth + 1)
                if tag in self._wanted:
                    found[tag] = items
                continue
            value_end = self.place + length
            if value_end > stop:
                raise RecordingError("a DICOM element leads beyond the end: it is cut short; send it again")
            if tag in self._wanted:
                found[tag] = self._data[self.place : value_end]
            self.place = value_end
        return found

    def _is_wanted_sequence(self, tag: int, kind: bytes) -> bool:
        """Without value representations a sequence shows itself by its first item."""
        if kind or tag not in self._wanted:
            return False
        return self._data[self.place : self.place + 4] == _item_mark(self._order)

    def _items(self, tag: int, kind: bytes, length: int, depth: int) -> list[Elements]:
        if depth > _MOST_DEPTH:
            raise RecordingError("it has deeper sequences than any ECG")
        explicit = self._explicit
        if kind == b"UN":  # a sequence whose nature its writer did not know is always implicit
            self._explicit = False
        stop = len(self._data) if length == _UNDEFINED else self.place + length
        if stop > len(self._data):
            raise RecordingError("a DICOM sequence leads beyond the end: it is cut short; send it again")
        items: list[Elements] = []
        while self.place < stop:
            mark = self._tag()
            size = self._number_ahead(4)
            if mark == _SEQUENCE_END:
                break
            if mark != _ITEM:
                raise RecordingError("a DICOM sequence has something other than items: save it again")
            item_end = None if size == _UNDEFINED else self.place + size
            if item_end is not None and item_end > stop:
                raise RecordingError("a DICOM item leads beyond the end: it is cut short; send it again")
            if tag in self._wanted or item_end is None:
                items.append(self.elements(item_end, depth=depth))
            else:
                self.place = item_end
        self._explicit = explicit
        return items

    def _kind_and_length(self) -> tuple[bytes, int]:
        if not self._explicit:
            return b"", self._number_ahead(4)
        kind = self._data[self.place : self.place + 2]
        self.place += 2
        if kind in _SHORT:
            return kind, self._number_ahead(2)
        if kind not in _LONG:
            raise RecordingError("a DICOM element has no value representation where its file states them")
        self.place += 2
        return kind, self._number_ahead(4)

    def _tag(self) -> int:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise RecordingError("it has more elements than any ECG")
        return self._number_ahead(2) << 16 | self._number_ahead(2)

    def _number_ahead(self, size: int) -> int:
        number = self._number(self.place, size)
        self.place += size
        return number

    def _number(self, place: int, size: int) -> int:
        if place + size > len(self._data):
            raise RecordingError("it ends within a DICOM element: it is cut short; send it again")
        return int.from_bytes(self._data[place : place + size], self._order)  # type: ignore[arg-type]


def _item_mark(order: str) -> bytes:
    return b"\xfe\xff\x00\xe0" if order == "little" else b"\xff\xfe\xe0\x00"
