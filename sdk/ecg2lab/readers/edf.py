"""EDF, EDF+ and BDF (Kemp et al. 1992, 2003): an ASCII header of 256 bytes and 256 for each signal, then records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import ByteFields
from ecg2lab.readers.channels import Channel, check_size, lead_of, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.formats import BDF_MARK
from ecg2lab.readers.numbers import count, finite, positive, whole
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording

_BLOCK, _MOST_SIGNALS = 256, 512
_WIDTHS = {
    "label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8, "digital_min": 8, "digital_max": 8,
    "filter": 80, "samples": 8,
}  # fmt: skip
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY = re.compile(r"(\d{2})-([A-Z]{3})-(\d{4})", re.ASCII)


class _Signal(NamedTuple):
    """One signal's header."""

    label: str
    gain: float
    offset: float
    samples: int
    """In a record."""


def read_edf(content: Content) -> Recording:
    """Read the ECG leads; annotations and signals of another kind are left out.

    Age and sex are taken from the patient field of EDF+ and BDF+, which orders it; that of plain EDF is free text.

    Raises
    ------
    RecordingError
        If the header is damaged, the file is not as long as it says, a record follows a gap (EDF+D), or a lead lacks
        unit or range.
    """
    fields = ByteFields(content.data)
    width = 3 if content.data.startswith(BDF_MARK) else 2
    reserved = fields.text(192, 44)
    if reserved[3:5] == "+D":
        raise RecordingError("it is discontinuous (EDF+D): its records do not follow each other in time")
    signals = _signals(fields)
    seconds = positive(fields.text(244, 8), "the duration of a data record")
    samples = _samples(fields, sum(signal.samples for signal in signals), width, len(signals))
    ends = np.cumsum([signal.samples for signal in signals]).tolist()
    channels = [
        Channel(
            signal.label,
            samples[:, end - signal.samples : end].ravel(),
            signal.gain,
            signal.samples / seconds,
            signal.offset,
        )
        for signal, end in zip(signals, ends, strict=True)
        if signal.label not in _ANNOTATIONS
    ]
    ordered = reserved[3:4] == "+"
    patient, session = (fields.text(start, 80).split() if ordered else [] for start in (8, 88))
    acquired = _day(session, 1)
    return to_recording(
        channels,
        reserved[:4] if ordered else ("BDF" if width == 3 else "EDF"),
        content.name,
        patient_id=_word(patient, 0),
        order_id=_word(session, 2),
        device=_word(session, 4),
        acquired=f"{acquired.isoformat() if acquired else fields.text(168, 8)} {fields.text(176, 8)}",
        subject=subjects.subject(birth=_day(patient, 2), acquired=acquired, sex=subjects.sex(_word(patient, 1))),
    )


def _signals(fields: ByteFields) -> list[_Signal]:
    number = count(fields.text(252, 4), "its number of signals")
    if number > _MOST_SIGNALS or whole(fields.text(184, 8)) != _BLOCK * (number + 1):
        raise RecordingError("its header is damaged: its length does not fit its number of signals")
    columns, offset = {}, _BLOCK
    for name, size in _WIDTHS.items():
        columns[name] = [fields.text(offset + size * row, size) for row in range(number)]
        offset += size * number
    return [_signal({name: column[row] for name, column in columns.items()}) for row in range(number)]


def _signal(stated: dict[str, str]) -> _Signal:
    label = stated["label"]
    samples = count(stated["samples"], f"the number of samples in a record of {printable(label)}")
    if lead_of(label) is None:
        return _Signal(label, 1.0, 0.0, samples)
    low, high = finite(stated["physical_min"]), finite(stated["physical_max"])
    lowest, highest = whole(stated["digital_min"]), whole(stated["digital_max"])
    if low is None or high is None or lowest is None or highest is None or low == high or lowest >= highest:
        raise RecordingError(f"the range of lead {printable(label)} is damaged: its gain cannot be known")
    unit = require_millivolts(stated["unit"], label)
    gain = (high - low) / (highest - lowest)
    return _Signal(label, gain * unit, (low - gain * lowest) * unit, samples)


def _samples(fields: ByteFields, in_record: int, width: int, signals: int) -> NDArray[np.int32] | NDArray[np.int16]:
    """(records, samples of all signals in one record)."""
    start, records = _BLOCK * (signals + 1), whole(fields.text(236, 8))
    if records is None or records <= 0:
        raise RecordingError("the file does not state how many data records it has: was the recording ended?")
    check_size(records * in_record)
    size = records * in_record * width
    if len(fields) - start != size:
        raise RecordingError(f"it announces {size} bytes of samples and has {len(fields) - start}: it is damaged")
    raw = fields.take(start, size)
    if width == 2:
        return np.frombuffer(raw, "<i2").reshape(records, in_record)
    triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    # Into the upper bytes, so that the shift back extends the sign.
    padded = np.zeros((len(triples), 4), np.uint8)
    padded[:, 1:] = triples
    return (padded.view("<i4").ravel() >> 8).reshape(records, in_record)


def _word(words: Sequence[str], place: int) -> str | None:
    """A word of an ordered field; `X` stands for what is not known."""
    return words[place] if len(words) > place and words[place] != "X" else None


def _day(words: Sequence[str], place: int) -> date | None:
    written = _DAY.fullmatch((_word(words, place) or "").upper())
    if written is None or written[2] not in _MONTHS:
        return None
    return subjects.make_day(int(written[3]), _MONTHS.index(written[2]) + 1, int(written[1]))
