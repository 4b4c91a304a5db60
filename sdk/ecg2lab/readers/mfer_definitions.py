"""The definitions of an MFER file (ISO 22077-1): tag, length and value in turn; those of a channel are nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ecg2lab.errors import RecordingError

_ATTRIBUTES, _END = 0x3F, 0x80
_MOST_DEFINITIONS = 200_000
_ZEROS = re.compile(rb"\0*")


class Definition(NamedTuple):
    """A tag, the position of its value, and its channel (None: all channels)."""

    tag: int
    channel: int | None
    start: int
    end: int


class Value(NamedTuple):
    """A value, and the byte order that applies to it."""

    raw: bytes
    order: Literal["big", "little"]

    def unsigned(self, start: int = 0, size: int | None = None) -> int:
        """An unsigned number from `size` of its bytes; by default from all bytes from `start` on."""
        return int.from_bytes(self._part(start, size), self.order)

    def signed(self, start: int = 0, size: int | None = None) -> int:
        """A signed number, as `unsigned`."""
        return int.from_bytes(self._part(start, size), self.order, signed=True)

    def _part(self, start: int, size: int | None) -> bytes:
        return self.raw[start:] if size is None else self.raw[start : start + size]


def definitions(data: bytes) -> Iterator[Definition]:
    """All definitions of a file in order; those among the attributes of a channel belong to that channel.

    Raises
    ------
    RecordingError
        If one is cut short or has an indefinite length, or there are more than any ECG has.
    """
    start, end, channel = 0, len(data), None
    for _ in range(_MOST_DEFINITIONS):
        start = _past_zeros(data, start, end)
        if channel is not None and start >= end:
            end, channel = len(data), None
            continue
        if start >= end or data[start] == _END:
            return
        tag, start, of_channel = data[start], start + 1, channel
        if tag == _ATTRIBUTES:
            of_channel, start = _channel_number(data, start, end)
        size, start = _size(data, start, end)
        if start + size > end:
            raise RecordingError(
                f"it is cut short, or written wrongly: its definition 0x{tag:02X} announces {size} bytes "
                f"and has {end - start}"
            )
        if tag == _ATTRIBUTES and channel is None:
            end, channel = start + size, of_channel
            continue
        yield Definition(tag, channel, start, start + size)
        start += size
    raise RecordingError(f"it has more than {_MOST_DEFINITIONS} definitions, which no ECG has")


def _past_zeros(data: bytes, start: int, end: int) -> int:
    """A zero in place of a tag fills."""
    zeros = _ZEROS.match(data, start, end)
    return zeros.end() if zeros else start


def _channel_number(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Seven bits in each byte; its highest says that another follows."""
    number = 0
    for place in range(start, min(start + 4, end)):
        number = number << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return number, place + 1
    raise RecordingError("it is cut short, or written wrongly: the number of a channel has no end")


def _size(data: bytes, start: int, end: int) -> tuple[int, int]:
    """One byte, or how many bytes of the length follow."""
    first = data[start] if start < end else None
    if first == 0x80:
        raise RecordingError("it has a definition of open length, which is not read")
    digits = 0 if first is None or first < 0x80 else first & 0x7F
    start += 1
    if first is None or digits > 4 or start + digits > end:
        raise RecordingError("it is cut short, or written wrongly: the length of a definition is not there")
    return (first, start) if first < 0x80 else (int.from_bytes(data[start : start + digits], "big"), start + digits)
