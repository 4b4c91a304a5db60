"""ISHNE Holter files (Badilini 1998, Ann. Noninvasive Electrocardiol. 3:263): a fixed header, then 16-bit samples."""

from __future__ import annotations

import binascii
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import ByteFields
from ecg2lab.readers.channels import Channel, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.recording import Recording
from ecg2lab.recording.leads import STANDARD

_FIXED_END, _MOST_LEADS, _CHECKED_FROM = 522, 12, 10
_NANOVOLT = 1e-6
_FAULT = -32768
"""The sample of a lead that had no contact."""
_LEADS = dict(enumerate(("Vx", "Vy", "Vz", *STANDARD), start=2))
_GENERIC = "generic lead"
_LEADS[1] = _GENERIC
_SEX = {1: "male", 2: "female"}


def read_ishne(content: Content) -> Recording:
    """Read all leads.

    Raises
    ------
    RecordingError
        If header, checksum and length contradict each other, or rate or resolution is not stated.
    """
    fields = ByteFields(content.data)
    start = _FIXED_END + fields.signed(10, 4)
    if start < _FIXED_END:
        raise RecordingError("its header states a block of negative length: it is written wrongly; export it again")
    _verify_checksum(fields, start)
    leads, rate = fields.signed(156, 2), fields.signed(272, 2)
    if not 1 <= leads <= _MOST_LEADS:
        raise RecordingError(f"it announces {leads} leads; there can be 1 to {_MOST_LEADS}")
    if rate <= 0:
        raise RecordingError("the file does not state its sampling rate")
    samples = np.frombuffer(fields.view(start, _size(fields, start, leads)), "<i2").reshape(-1, leads).T
    channels = [_channel(fields, row, samples[row], float(rate)) for row in range(leads)]
    if all(channel.name == _GENERIC for channel in channels):
        raise RecordingError(
            "it calls all its leads generic and does not say which they are: export it with lead names, or give its "
            "samples to ecg2lab.Recording with the names of the leads"
        )
    acquired = _day(fields, 138)
    clock = ":".join(f"{fields.signed(150 + 2 * place, 2):02d}" for place in range(3))
    return to_recording(
        channels,
        "ISHNE",
        content.name,
        patient_id=fields.text(108, 20),
        acquired=f"{acquired.isoformat()} {clock}" if acquired else None,
        device=fields.text(232, 40),
        subject=subjects.subject(birth=_day(fields, 132), acquired=acquired, sex=_SEX.get(fields.signed(128, 2))),
    )


def _verify_checksum(fields: ByteFields, start: int) -> None:
    """The standard leaves the byte order open; zero means that none was computed."""
    stated = fields.unsigned(8, 2)
    computed = binascii.crc_hqx(fields.view(_CHECKED_FROM, start - _CHECKED_FROM), 0xFFFF)
    if stated not in (0, computed, int.from_bytes(computed.to_bytes(2, "little"), "big")):
        raise RecordingError("its header does not match its checksum: one of the two was changed; copy it again")


def _size(fields: ByteFields, start: int, leads: int) -> int:
    """Bytes of the samples; the announced number is of one lead or, by other writers, of all together."""
    size, announced = len(fields) - start, fields.signed(14, 4)
    if size % (2 * leads) or size == 0 or announced not in (size // 2 // leads, size // 2):
        raise RecordingError(
            f"it announces {announced} samples and has {size} bytes of them: one of the two is wrong; copy it again"
        )
    return size


def _channel(fields: ByteFields, row: int, counts: NDArray[Any], rate: float) -> Channel:
    code, nanovolts = fields.signed(158 + 2 * row, 2), fields.signed(206 + 2 * row, 2)
    if nanovolts <= 0:
        raise RecordingError(f"the file does not state the resolution of lead {row + 1}")
    return Channel(_LEADS.get(code, f"code {code}"), counts, nanovolts * _NANOVOLT, rate, missing=_FAULT)


def _day(fields: ByteFields, offset: int) -> date | None:
    of_month, month, year = (fields.signed(offset + 2 * place, 2) for place in range(3))
    return subjects.make_day(year, month, of_month)
