"""SCP-ECG (EN 1064, ISO 11073-91064): sections that section 0 points to; the rhythm of section 6.

Samples are read without compression, or as Huffman-coded first or second differences. Refused are rhythms that need the
reference beat of section 5, and the long-term data of section 12.
"""

from __future__ import annotations

import binascii
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import ByteFields, latin_text
from ecg2lab.readers.channels import Channel, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.deferred import Deferred
from ecg2lab.readers.lead_codes import lead_name
from ecg2lab.readers.limits import check_size
from ecg2lab.readers.scp_huffman import Table, read_tables
from ecg2lab.recording import Recording

RECORD_HEADER, SECTION_HEADER, POINTER = 6, 16, 10
_NANOVOLT = 1e-6
_MOST_LEADS = 85
_SUBTRACTED = 1
"""Flag of section 3: the reference beat was taken out of the rhythm."""
_PATIENT_ID, _AGE, _BIRTH, _SEX_TAG, _DEVICE, _DAY, _TIME, _LAST = 2, 4, 5, 8, 14, 25, 26, 255
_AGE_UNITS = {1: "years", 2: "months", 3: "weeks", 4: "days", 5: "hours"}
_SEX = {1: "male", 2: "female"}


def read_scp(content: Content) -> Recording:
    """Read the rhythm leads.

    Raises
    ------
    RecordingError
        If checksum, pointers or lengths are wrong, a scale is missing, or the compression is not supported.
    """
    sections = _sections(ByteFields(content.data))
    for number, meaning in ((3, "lead definition"), (6, "rhythm data")):
        if number not in sections:
            raise RecordingError(f"it has no section {number} ({meaning})")
    codes, length = _leads(sections[3])
    tables = read_tables(sections[2]) if 2 in sections else None
    facts = _facts(sections[1]) if 1 in sections else {}
    acquired, clock = _date(facts, _DAY), facts.get(_TIME, b"")
    time = ":".join(f"{part:02d}" for part in clock[:3]) if len(clock) >= 3 else ""
    return to_recording(
        _channels(sections[6], codes, length, tables),
        "SCP-ECG",
        content.name,
        patient_id=latin_text(facts.get(_PATIENT_ID, b"")),
        acquired=f"{acquired.isoformat()} {time}" if acquired else None,
        device=latin_text(facts.get(_DEVICE, b"")[8:14]),
        subject=_subject(facts, acquired),
    )


def _sections(record: ByteFields) -> dict[int, ByteFields]:
    """Bodies of the sections by number; pointers are read once, from one list, so that none leads in circles."""
    size = record.unsigned(2, 4)
    if size > len(record):
        raise RecordingError(f"it announces {size} bytes and has {len(record)}: it is cut short")
    if binascii.crc_hqx(record.view(2, max(size - 2, 0)), 0xFFFF) != record.unsigned(0, 2):
        raise RecordingError("its content does not match its checksum: one of the two was changed; copy it again")
    end = RECORD_HEADER + record.unsigned(RECORD_HEADER + 4, 4)
    sections: dict[int, ByteFields] = {}
    for offset in range(RECORD_HEADER + SECTION_HEADER, end - POINTER + 1, POINTER):
        number, length = record.unsigned(offset, 2), record.unsigned(offset + 2, 4)
        if number == 0 or length == 0:
            continue
        if number in sections:
            raise RecordingError(f"it has section {number} twice")
        section = ByteFields(record.view(record.unsigned(offset + 6, 4) - 1, length))
        if section.unsigned(2, 2) != number or section.unsigned(4, 4) != length:
            raise RecordingError(f"its pointer to section {number} leads elsewhere")
        sections[number] = ByteFields(section.view(SECTION_HEADER, length - SECTION_HEADER))
    return sections


def _leads(section: ByteFields) -> tuple[list[int], int]:
    """Codes of the leads, and how many samples each has."""
    number, flags = section.unsigned(0, 1), section.unsigned(1, 1)
    if not 1 <= number <= _MOST_LEADS:
        raise RecordingError(f"it announces {number} leads; there can be 1 to {_MOST_LEADS}")
    if flags & _SUBTRACTED:
        raise RecordingError("its reference beat is subtracted from the rhythm, which is not read; export it without")
    offsets = range(2, 2 + 9 * number, 9)
    spans = {(section.unsigned(offset, 4), section.unsigned(offset + 4, 4)) for offset in offsets}
    start, end = min(spans)
    if any(end < start for start, end in spans):
        raise RecordingError("its leads end before they begin: its section 3 is written wrongly; export it again")
    if len(spans) > 1:
        raise RecordingError(
            "its leads were not recorded over the same time, as in printed formats: export the full time of all leads"
        )
    length = end - start + 1
    check_size(number * length)
    return [section.unsigned(offset + 8, 1) for offset in offsets], length


def _channels(section: ByteFields, codes: list[int], length: int, tables: list[Table] | None) -> list[Channel]:
    per_count, interval = section.unsigned(0, 2), section.unsigned(2, 2)
    differences, bimodal = section.unsigned(4, 1), section.unsigned(5, 1)
    if not per_count or not interval:
        raise RecordingError("the file does not state its amplitude resolution or sampling interval")
    if bimodal or differences > 2:
        raise RecordingError("its rhythm is compressed in a way that is not read (bimodal); export it without")
    offset, channels = 6 + 2 * len(codes), []
    for row, code in enumerate(codes):
        size = section.unsigned(6 + 2 * row, 2)
        counts = _counts(section.view(offset, size), length, tables, differences)
        offset += size
        channels.append(Channel(lead_name(code), counts, per_count * _NANOVOLT, _rate(interval)))
    return channels


def _rate(interval_us: int) -> float:
    """Hertz; the interval is rounded, so that 1667 µs are 600 Hz."""
    whole = round(1e6 / interval_us)
    return float(whole) if whole and abs(1e6 / whole - interval_us) <= 0.5 else 1e6 / interval_us


def _counts(content: memoryview, length: int, tables: list[Table] | None, differences: int) -> Deferred:
    if tables is None and len(content) != 2 * length:
        raise RecordingError(
            f"a lead has {len(content)} bytes and announces {length} samples: one of the two is wrong; export it again"
        )
    if length > 8 * len(content):
        raise RecordingError("the coded samples of a lead end before the last sample")

    def decode() -> NDArray[np.int16]:
        if tables is None:
            return _undo_differences(np.frombuffer(content, "<i2"), differences)
        return _undo_differences(_core.decode_prefix_codes(bytes(content), length, tables), differences)

    return Deferred(length, decode)


def _undo_differences(values: NDArray[np.int16], order: int) -> NDArray[np.int16]:
    """The first `order` values are samples, all others differences of that order; writers let them overflow."""
    samples = np.require(values, np.int16, "W")
    if order == 2:
        samples[1:2] -= samples[:1]
        np.cumsum(samples[1:], dtype=np.int16, out=samples[1:])
    return np.cumsum(samples, dtype=np.int16, out=samples) if order else samples


def _facts(section: ByteFields) -> dict[int, bytes]:
    """Values of section 1 by tag; of a repeated tag the first."""
    facts: dict[int, bytes] = {}
    offset = 0
    while offset + 3 <= len(section) and (tag := section.unsigned(offset, 1)) != _LAST:
        size = section.unsigned(offset + 1, 2)
        facts.setdefault(tag, section.take(offset + 3, size))
        offset += 3 + size
    return facts


def _date(facts: dict[int, bytes], tag: int) -> date | None:
    value = facts.get(tag, b"")
    return subjects.make_day(int.from_bytes(value[:2], "little"), value[2], value[3]) if len(value) >= 4 else None


def _subject(facts: dict[int, bytes], acquired: date | None) -> Patient | None:
    age, sex = facts.get(_AGE, b""), facts.get(_SEX_TAG, b"")
    stated = int.from_bytes(age[:2], "little") if len(age) >= 3 else 0  # zero is "not stated" here
    return subjects.subject(
        stated=subjects.years(stated, _AGE_UNITS.get(age[2])) if stated else None,
        birth=_date(facts, _BIRTH),
        acquired=acquired,
        sex=_SEX.get(sex[0]) if sex else None,
    )
