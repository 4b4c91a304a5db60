"""EDF, EDF+ and BDF (Kemp et al. 1992, 2003): an ASCII header of 256 bytes and 256 for each signal, then records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import ByteFields, decoded
from ecg2lab.readers.channels import Channel, lead_of, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.deferred import Deferred
from ecg2lab.readers.formats import BDF_MARK
from ecg2lab.readers.limits import check_signals, check_size
from ecg2lab.readers.numbers import count, finite, positive, whole
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording

_BLOCK = 256
_WIDTHS = {
    "label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8, "digital_min": 8, "digital_max": 8,
    "filter": 80, "samples": 8,
}  # fmt: skip
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_UNFINISHED = -1
"""Data records, while the recording goes on."""
_ONSET = re.compile(rb"\+(\d{1,9}(?:\.\d{1,9})?)[\x14\x15]")
"""How the annotations of a record begin."""
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

    Age and sex are taken from the patient field of EDF+ and BDF+, whose order is fixed; in plain EDF it is free text.

    Raises
    ------
    RecordingError
        If the header contradicts itself, the file is shorter than the header says, a record follows a gap (EDF+D), or a
        lead lacks unit or range.
    """
    fields = ByteFields(content.data)
    width = 3 if content.data.startswith(BDF_MARK) else 2
    reserved = fields.text(192, 44)
    signals = _signals(fields)
    seconds = positive(fields.text(244, 8), "the duration of a data record")
    records = _records(fields, sum(signal.samples for signal in signals), width, len(signals))
    ends = np.cumsum([width * signal.samples for signal in signals]).tolist()
    own = [records[:, end - width * signal.samples : end] for signal, end in zip(signals, ends, strict=True)]
    annotations = [place for place, signal in enumerate(signals) if signal.label in _ANNOTATIONS]
    if reserved[3:5] == "+D":
        _check_continuous(own[annotations[0]] if annotations else records[:0], seconds)
    channels = [
        Channel(signal.label, _counts(own[place], width), signal.gain, signal.samples / seconds, signal.offset)
        for place, signal in enumerate(signals)
        if place not in annotations
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
    check_signals(number)
    if whole(fields.text(184, 8)) != _BLOCK * (number + 1):
        raise RecordingError("its header states a length that does not fit its number of signals: export it again")
    columns, offset = {}, _BLOCK
    for name, size in _WIDTHS.items():
        columns[name] = [_text(fields.take(offset + size * row, size)) for row in range(number)]
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
        raise RecordingError(
            f"the file states no range of lead {printable(label)} that makes sense: its gain cannot be known"
        )
    unit = require_millivolts(stated["unit"], label)
    gain = (high - low) / (highest - lowest)
    return _Signal(label, gain * unit, (low - gain * lowest) * unit, samples)


def _records(fields: ByteFields, in_record: int, width: int, signals: int) -> NDArray[np.uint8]:
    """(records, bytes of all signals in one record)."""
    start, records = _BLOCK * (signals + 1), whole(fields.text(236, 8))
    if records == _UNFINISHED:  # its writer was stopped before it came back to fill this in
        records = (len(fields) - start) // (in_record * width)
    if records is None or records <= 0:
        raise RecordingError("the file does not state how many data records it has, or has none")
    check_size(records * in_record)
    size = records * in_record * width
    if len(fields) - start < size:
        raise RecordingError(
            f"it announces {size} bytes of samples and has {len(fields) - start}: it is cut short; copy it again"
        )
    rest = np.frombuffer(fields.view(start + size, len(fields) - start - size), np.uint8)
    if len(rest) >= in_record * width and rest.any():
        raise RecordingError(
            f"it has {len(rest) // (in_record * width)} data records more than its header states: export it again"
        )
    return np.frombuffer(fields.view(start, size), np.uint8).reshape(records, in_record * width)


def _counts(own: NDArray[np.uint8], width: int) -> Deferred:
    """Of one signal, from its bytes in all records."""

    def decode() -> NDArray[Any]:
        if width == 2:
            return np.ascontiguousarray(own).view("<i2").ravel()
        # Into the upper bytes, so that the shift back extends the sign.
        padded = np.zeros((own.size // 3, 4), np.uint8)
        padded[:, 1:] = own.reshape(-1, 3)
        counts: NDArray[np.int32] = padded.view("<i4").ravel()
        counts >>= 8
        return counts

    return Deferred(own.size // width, decode)


def _check_continuous(annotations: NDArray[np.uint8], seconds: float) -> None:
    """Writers call files discontinuous whose records do follow each other: each says when it begins.

    Raises
    ------
    RecordingError
        If one begins later than the one before it ends, or none says when.
    """
    found = [_ONSET.match(record.tobytes()) for record in annotations]
    onsets = [float(onset[1]) if onset else np.nan for onset in found]
    if not onsets or not np.allclose(np.diff(onsets), seconds, rtol=0, atol=1e-3):
        raise RecordingError(
            "it is discontinuous (EDF+D): its records do not follow each other in time; export a part without a gap"
        )


def _text(raw: bytes) -> str:
    """By the standard in ASCII; µ is written in Latin-1 or UTF-8."""
    return decoded(raw.split(b"\0", 1)[0]).strip()


def _word(words: Sequence[str], place: int) -> str | None:
    """A word of an ordered field; `X` stands for what is not known."""
    return words[place] if len(words) > place and words[place] != "X" else None


def _day(words: Sequence[str], place: int) -> date | None:
    written = _DAY.fullmatch((_word(words, place) or "").upper())
    if written is None or written[2] not in _MONTHS:
        return None
    return subjects.make_day(int(written[3]), _MONTHS.index(written[2]) + 1, int(written[1]))
