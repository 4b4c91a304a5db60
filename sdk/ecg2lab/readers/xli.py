"""The compression of Philips XML: LZW over second differences, and four limb leads as remainders.

Each lead has a block: its size (4 bytes), 2 unused bytes, a first error (2 bytes), then data for the native core.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.readers.byte_fields import ByteFields
from ecg2lab.readers.deferred import Counts, Deferred

_HEADER = 8


def decode_xli(content: bytes, leads: int, length: int) -> list[Counts]:
    """Samples of all leads, `length` each; the third to sixth (III, aVR, aVL, aVF) are stored as remainders.

    Raises
    ------
    RecordingError
        Now or when they are decoded, if a block is missing, too short, or has an undefined code.
    """
    fields, offset, blocks = ByteFields(content), 0, []
    for _ in range(leads):
        size = fields.unsigned(offset, 4)
        blocks.append((fields.view(offset + _HEADER, size), fields.signed(offset + 6, 2)))
        offset += _HEADER + size

    def stored(place: int) -> NDArray[np.int16]:
        packed, first_error = blocks[place]
        return _core.decode_xli(bytes(packed), first_error, length)

    one, two = stored(0), stored(1)
    three = stored(2)
    np.subtract(two - one, three, out=three)

    def restored(place: int) -> NDArray[np.int16]:
        """By the error of Einthoven's laws; sums of 16 bits are halved without their carry."""
        rest = stored(place)
        if place == 3:
            return -rest - _half_sum(one, two)
        return _half_sum(*((one, -three) if place == 4 else (two, three))) - rest

    limb: list[Counts] = [one, two, three, *(Deferred(length, partial(restored, place)) for place in (3, 4, 5))]
    return [*limb, *(Deferred(length, partial(stored, place)) for place in range(len(limb), leads))]


def _half_sum(a: NDArray[np.int16], b: NDArray[np.int16]) -> NDArray[np.int16]:
    return (a & b) + ((a ^ b) >> 1)
