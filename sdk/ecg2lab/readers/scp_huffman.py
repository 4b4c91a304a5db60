"""Entropy coding of SCP-ECG (EN 1064, sections 2 and 6): codes of up to 32 bits, most significant first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers.byte_fields import ByteFields

DEFAULT_TABLE = 19999
"""Stands in section 2 for the table of the standard."""
_MOST_TABLES, _LONGEST = 64, 32
_ENTRY = 9


class Code(NamedTuple):
    """What a prefix of bits means."""

    value: int
    """The sample, what is added to the extra bits, or the table to go on with, counted from 1."""
    extra_bits: int = 0
    """That follow, a signed number."""
    switches: bool = False


class Table(NamedTuple):
    """Prefixes, written as `0` and `1`, and how long they can be."""

    codes: dict[str, Code]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, codes: dict[str, Code]) -> Table:
        """Shortest prefixes first: they are the most frequent."""
        return cls(codes, tuple(sorted({len(prefix) for prefix in codes})))


def default_table() -> Table:
    """Of the standard: 0 for zero; m ones, a zero and a sign for ±1 to ±8; 8 or 16 plain bits for what is larger."""
    signs = (("0", 1), ("1", -1))
    small = {"1" * size + "0" + bit: Code(sign * size) for size in range(1, 9) for bit, sign in signs}
    return Table.of({"0": Code(0), **small, "1" * 9 + "0": Code(0, 8), "1" * 10: Code(0, 16)})


def read_tables(section: ByteFields) -> list[Table]:
    """Tables of section 2.

    Raises
    ------
    RecordingError
        If there is none, or one is damaged.
    """
    number = section.unsigned(0, 2)
    if number == DEFAULT_TABLE:
        return [default_table()]
    if not 1 <= number <= _MOST_TABLES:
        raise RecordingError(f"it has {number} code tables; there can be 1 to {_MOST_TABLES}")
    tables, offset = [], 2
    for _ in range(number):
        entries = section.unsigned(offset, 2)
        tables.append(_table(ByteFields(section.take(offset + 2, _ENTRY * entries))))
        offset += 2 + _ENTRY * entries
    return tables


def _table(entries: ByteFields) -> Table:
    codes: dict[str, Code] = {}
    for offset in range(0, len(entries), _ENTRY):
        prefix_bits, bits, mode = (entries.unsigned(offset + place, 1) for place in range(3))
        if not 1 <= prefix_bits <= bits <= _LONGEST:
            raise RecordingError("a code table is damaged: a code of impossible length")
        # Stored with the first bit of the stream as the lowest.
        stored = entries.unsigned(offset + 5, 4) & (2**prefix_bits - 1)
        prefix = f"{stored:0{prefix_bits}b}"[::-1]
        codes[prefix] = Code(entries.signed(offset + 3, 2), bits - prefix_bits, switches=mode == 0)
    if not codes:
        raise RecordingError("a code table is empty")
    return Table.of(codes)


def decode(content: bytes, length: int, tables: list[Table]) -> NDArray[np.int64]:
    """Decode `length` values.

    Raises
    ------
    RecordingError
        If the bits end before, or have no meaning.
    """
    bits = (np.unpackbits(np.frombuffer(content, np.uint8)) + ord("0")).tobytes().decode("ascii")
    if length > len(bits):  # each value takes a bit at least: refused before anything is made for it
        raise RecordingError("the coded samples of a lead are cut short")
    values = np.empty(length, np.int64)
    table, position, done = tables[0], 0, 0
    while done < length:
        code, position = _next(bits, position, table)
        if code.switches:
            if not 1 <= code.value <= len(tables):
                raise RecordingError("the coded samples of a lead are damaged: there is no such code table")
            table = tables[code.value - 1]
            continue
        if code.extra_bits:
            plain = bits[position : position + code.extra_bits]
            position += code.extra_bits
            if len(plain) < code.extra_bits:
                raise RecordingError("the coded samples of a lead are cut short")
            values[done] = code.value + int(plain, 2) - (int(plain[0]) << code.extra_bits)
        else:
            values[done] = code.value
        done += 1
    return values


def _next(bits: str, position: int, table: Table) -> tuple[Code, int]:
    for size in table.lengths:
        code = table.codes.get(bits[position : position + size])
        if code is not None:
            return code, position + size
    raise RecordingError("the coded samples of a lead are damaged or cut short")
