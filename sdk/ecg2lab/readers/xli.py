"""The compression of Philips XML: LZW over second differences, and four limb leads as remainders.

For each lead a block: 4 bytes its size, 2 bytes unused, 2 bytes a first value, then LZW codes of 10 bits, most
significant first. They give the high bytes of all values, then the low bytes. The first two values are samples; each
further one is the error, plus 64, of the sample before it as foretold by the two before that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.readers.byte_fields import ByteFields

_HEADER = 8
_BIAS = 64


def decode_xli(content: bytes, leads: int, length: int) -> NDArray[np.int32]:
    """Samples of all leads, (leads, length) counts.

    Raises
    ------
    RecordingError
        If a block is missing, has a code that is not defined, or is shorter than `length`.
    """
    fields, offset, rows = ByteFields(content), 0, []
    for _ in range(leads):
        size, first = fields.unsigned(offset, 4), fields.signed(offset + 6, 2)
        packed = fields.take(offset + _HEADER, size)
        offset += _HEADER + size
        values = _values(_core.unpack_lzw(packed, 4 * length + 1024))  # some writers fill the block up
        if len(values) < max(length, 2):
            raise RecordingError(
                f"a compressed lead has {len(values)} samples and the file announces {length}: "
                "one of the two is wrong; export it again"
            )
        rows.append(_undo_differences(values, first)[:length].astype(np.int32))
    return np.stack(rows)


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


def restore_limb_leads(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Leads III, aVR, aVL, aVF (rows 2 to 5) from I, II and what is stored of them: the error of Einthoven's laws."""
    one, two = rows[0], rows[1]
    three = two - one - rows[2]
    limb = [one, two, three, -rows[3] - (one + two) // 2, (one - three) // 2 - rows[4], (two + three) // 2 - rows[5]]
    return np.stack([*limb, *rows[6:]])
