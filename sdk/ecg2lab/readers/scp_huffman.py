"""Code tables of SCP-ECG (EN 1064, section 2); the native core decodes with them."""

from __future__ import annotations

from typing import NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.readers.byte_fields import ByteFields

DEFAULT_TABLE = 19999
"""Stands in section 2 for the table of the standard."""
_MOST_TABLES, _LONGEST = 64, 32
_ENTRY = 9


class Code(NamedTuple):
    """The meaning of a prefix of bits."""

    prefix: int
    """The prefix as a number; the first bit of the stream is the most significant."""
    prefix_bits: int
    extra_bits: int
    """Number of bits that follow, a signed number."""
    value: int
    """The sample, the number to add to the extra bits, or the next table to use, counted from 1."""
    switches: bool = False


Table = list[Code]


def default_table() -> Table:
    """The standard table: 0 for zero; m ones, a zero and a sign for ±1 to ±8; 8 or 16 plain bits for larger values."""
    small = [
        Code((2**size - 1) << 2 | bit, size + 2, 0, -size if bit else size) for size in range(1, 9) for bit in (0, 1)
    ]
    return [Code(0, 1, 0, 0), *small, Code((2**9 - 1) << 1, 10, 8, 0), Code(2**10 - 1, 10, 16, 0)]


def read_tables(section: ByteFields) -> list[Table]:
    """The tables of section 2.

    Raises
    ------
    RecordingError
        If there is none, or one has an impossible code.
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
    codes: Table = []
    for offset in range(0, len(entries), _ENTRY):
        prefix_bits, bits, mode = (entries.unsigned(offset + place, 1) for place in range(3))
        if not 1 <= prefix_bits <= bits <= _LONGEST:
            raise RecordingError(f"a code table has a code of {prefix_bits} of {bits} bits, which cannot be")
        # Stored with the first bit of the stream as the lowest.
        stored = entries.unsigned(offset + 5, 4) & (2**prefix_bits - 1)
        prefix = int(f"{stored:0{prefix_bits}b}"[::-1], 2)
        codes.append(Code(prefix, prefix_bits, bits - prefix_bits, entries.signed(offset + 3, 2), switches=mode == 0))
    if not codes:
        raise RecordingError("a code table is empty")
    return codes
