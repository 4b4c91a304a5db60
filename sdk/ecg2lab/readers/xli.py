"""The compression of Philips XML: LZW over second differences, and four limb leads as remainders.

For each lead a block: 4 bytes its size, 2 bytes unused, 2 bytes a first value, then LZW codes of 10 bits, most
significant first. They give the high bytes of all values, then the low bytes. The first two values are samples; each
further one is the error, plus 64, of the sample before it as foretold by the two before that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers.byte_fields import ByteFields

_HEADER, _CODE_BITS = 8, 10
_END = 2**_CODE_BITS - 1
"""The code of ten ones, which ends a block and stands for nothing."""
_BIAS = 64


def decode_xli(content: bytes, leads: int, length: int) -> NDArray[np.int64]:
    """Samples of all leads, (leads, length) counts.

    Raises
    ------
    RecordingError
        If a block is missing, damaged, or shorter than `length`.
    """
    fields, offset, rows = ByteFields(content), 0, []
    for _ in range(leads):
        size, first = fields.unsigned(offset, 4), fields.signed(offset + 6, 2)
        packed = fields.take(offset + _HEADER, size)
        offset += _HEADER + size
        values = _values(_unpack(packed, most=4 * length + 1024))  # some writers fill the block up
        if len(values) < max(length, 2):
            raise RecordingError("a compressed lead is damaged or cut short")
        rows.append(_undo_differences(values, first)[:length])
    return np.stack(rows)


def _unpack(packed: bytes, most: int) -> bytes:
    """Undo LZW; one code may stand for 1000 bytes, and `most` bounds what a hostile block can grow to."""
    if len(packed) > most:
        raise RecordingError("a compressed lead is longer than the file announces")
    table = [bytes([byte]) for byte in range(256)]
    out, previous = bytearray(), b""
    for code in _codes(packed):
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise RecordingError("a compressed lead has a code that is not defined")
        if previous and len(table) < _END:
            table.append(previous + entry[:1])
        out += entry
        previous = entry
        if len(out) > most:
            raise RecordingError("a compressed lead is longer than the file announces")
    return bytes(out)


def _codes(packed: bytes) -> list[int]:
    """Four codes of 10 bits in each 5 bytes, up to the end code."""
    padded = np.frombuffer(packed + b"\0" * (-len(packed) % 5), np.uint8).reshape(-1, 5).astype(np.int32)
    a, b, c, d, e = padded.T
    codes = np.stack(
        [a << 2 | b >> 6, (b & 0x3F) << 4 | c >> 4, (c & 0x0F) << 6 | d >> 2, (d & 0x03) << 8 | e], axis=1
    ).ravel()[: len(packed) * 8 // _CODE_BITS]
    ends = np.flatnonzero(codes == _END)
    return list(codes[: ends[0] if len(ends) else None].tolist())


def _values(content: bytes) -> NDArray[np.int64]:
    """High bytes first, then low bytes."""
    raw = np.frombuffer(content + b"\0" * (len(content) % 2), np.uint8).astype(np.int64)
    half = len(raw) // 2
    return (raw[:half].astype(np.int8).astype(np.int64) << 8) | raw[half:]


def _undo_differences(values: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """A sample is twice the last, less the one before, less the error stated one place earlier (at first `first`)."""
    errors = np.concatenate([[first], values[2:-1] - _BIAS])[: len(values) - 2]
    slopes = (values[1] - values[0]) - np.cumsum(errors)
    return np.concatenate([values[:2], values[1] + np.cumsum(slopes)])


def restore_limb_leads(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leads III, aVR, aVL, aVF (rows 2 to 5) from I, II and what is stored of them: the error of Einthoven's laws."""
    one, two = rows[0], rows[1]
    three = two - one - rows[2]
    limb = [one, two, three, -rows[3] - (one + two) // 2, (one - three) // 2 - rows[4], (two + three) // 2 - rows[5]]
    return np.stack([*limb, *rows[6:]])
