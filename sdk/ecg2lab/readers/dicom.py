"""DICOM ECG waveforms (12-lead, general, ambulatory, general 32-bit; PS3.3, C.10.9)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.deferred import Counts, Deferred
from ecg2lab.readers.dicom_elements import Elements, parse
from ecg2lab.readers.lead_codes import lead_name
from ecg2lab.readers.limits import check_signals, check_size
from ecg2lab.readers.numbers import finite
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording

ECG_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.9.1.{last}" for last in (1, 2, 3, 4))
"""SOP classes: 12-lead, general, ambulatory, general 32-bit."""
_TAGS = {
    "SpecificCharacterSet": 0x0008_0005, "SOPClassUID": 0x0008_0016, "SOPInstanceUID": 0x0008_0018,
    "StudyDate": 0x0008_0020, "AcquisitionDateTime": 0x0008_002A, "AccessionNumber": 0x0008_0050,
    "CodeValue": 0x0008_0100, "CodeMeaning": 0x0008_0104, "ManufacturerModelName": 0x0008_1090,
    "TimezoneOffsetFromUTC": 0x0008_0201, "PatientID": 0x0010_0020, "IssuerOfPatientID": 0x0010_0021,
    "PatientBirthDate": 0x0010_0030, "PatientSex": 0x0010_0040, "PatientAge": 0x0010_1010,
    "MultiplexGroupTimeOffset": 0x0018_1068, "StudyInstanceUID": 0x0020_000D, "SeriesInstanceUID": 0x0020_000E,
    "WaveformOriginality": 0x003A_0004, "NumberOfWaveformChannels": 0x003A_0005,
    "NumberOfWaveformSamples": 0x003A_0010, "SamplingFrequency": 0x003A_001A, "MultiplexGroupLabel": 0x003A_0020,
    "ChannelDefinitionSequence": 0x003A_0200, "ChannelLabel": 0x003A_0203, "ChannelStatus": 0x003A_0205,
    "ChannelSourceSequence": 0x003A_0208, "ChannelSensitivity": 0x003A_0210,
    "ChannelSensitivityUnitsSequence": 0x003A_0211, "ChannelSensitivityCorrectionFactor": 0x003A_0212,
    "ChannelBaseline": 0x003A_0213, "ChannelTimeSkew": 0x003A_0214, "ChannelSampleSkew": 0x003A_0215,
    "ChannelOffset": 0x003A_0218, "WaveformSequence": 0x5400_0100, "WaveformBitsAllocated": 0x5400_1004,
    "WaveformSampleInterpretation": 0x5400_1006, "WaveformPaddingValue": 0x5400_100A, "WaveformData": 0x5400_1010,
}  # fmt: skip
_WANTED = frozenset(_TAGS.values())
_TYPES = {"SB": "i1", "SS": "i2", "SL": "i4"}
_LEAD_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,3})", re.ASCII)
_CLOCK = re.compile(r"[0-9]{12}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?", re.ASCII)
_OFFSET = re.compile(r"[+-][0-9]{4}", re.ASCII)
_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_CHARACTER_SETS = {
    "ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk", "ISO_IR 13": "shift_jis", "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6", "ISO_IR 126": "iso8859-7", "ISO_IR 138": "iso8859-8", "ISO_IR 148": "iso8859-9",
    "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3", "ISO_IR 110": "iso8859-4", "ISO_IR 166": "tis-620",
}  # fmt: skip
_BEAT = re.compile(r"MEDIAN|AVERAGE|REPRESENTATIVE|TEMPLATE|TYPICAL|BEAT")
_LONGEST_BEAT_S = 2.4
"""What is called a beat and lasts longer is rhythm: some writers call all that they averaged or filtered a beat."""
_NO_SIGNAL = ("DISCONNECTED", "INVALID", "UNCALIBRATED")
_TEST = "TEST DATA"
_DOUBTFUL = ("QUESTIONABLE", "UNZEROED")


def read_dicom(content: Content) -> Recording:
    """Read the rhythm; averaged beats beside it are ignored.

    Raises
    ------
    RecordingError
        If it is no ECG waveform, cut short, test data, lacks rate, sensitivity or unit of a lead, or has several groups
        that were not recorded together.
    """
    elements, little = parse(content.data, _WANTED)
    kind = _text(elements, "SOPClassUID")
    if not kind:
        raise RecordingError("it does not say what kind of DICOM object it is (SOPClassUID)")
    if kind not in ECG_CLASSES:
        raise RecordingError("it is a DICOM object of another kind than an ECG waveform")
    groups = _rhythm(_items(elements, "WaveformSequence"), little)
    channels = [channel for group in groups for channel in _channels(group, little, several=len(groups) > 1)]
    began = _text(elements, "AcquisitionDateTime") or _text(elements, "StudyDate")
    age = _AGE.fullmatch(_text(elements, "PatientAge") or "")
    characters = _CHARACTER_SETS.get((_text(elements, "SpecificCharacterSet") or "").split("\\")[-1])
    return to_recording(
        channels,
        "DICOM",
        content.name,
        patient_id=_text(elements, "PatientID", characters),
        patient_authority=_text(elements, "IssuerOfPatientID", characters),
        order_id=_text(elements, "AccessionNumber", characters),
        acquired=_zoned(began, _text(elements, "TimezoneOffsetFromUTC")),
        device=_text(elements, "ManufacturerModelName", characters),
        study_uid=_text(elements, "StudyInstanceUID"),
        series_uid=_text(elements, "SeriesInstanceUID"),
        sop_uid=_text(elements, "SOPInstanceUID"),
        subject=subjects.subject(
            stated=subjects.years(age[1], age[2]) if age else None,
            birth=subjects.day(_text(elements, "PatientBirthDate")),
            acquired=subjects.day((began or "")[:8]),
            sex=subjects.sex(_text(elements, "PatientSex")),
        ),
        notes=_notes(groups),
    )


def _zoned(began: str | None, offset: str | None) -> str | None:
    """A time of day that states no zone is meant in that of the data set."""
    if began is None or not _CLOCK.fullmatch(began) or not _OFFSET.fullmatch(offset or ""):
        return began
    return f"{began}{offset}"


def _value(elements: Elements, keyword: str) -> bytes:
    value = elements.get(_TAGS[keyword], b"")
    return value if isinstance(value, bytes) else b""


def _items(elements: Elements, keyword: str) -> list[Elements]:
    items = elements.get(_TAGS[keyword], [])
    return items if isinstance(items, list) else []


def _text(elements: Elements, keyword: str, characters: str | None = None) -> str | None:
    """In the file's character set or, without one, in UTF-8 or Latin-1."""
    value = _value(elements, keyword)
    text = value.decode(characters, "replace") if characters else decoded(value)
    return text.strip(" \0") or None


def _number(elements: Elements, keyword: str) -> float | None:
    """Of a decimal text, or None where there is none.

    Raises
    ------
    RecordingError
        If there is a text that is no number.
    """
    text = _text(elements, keyword)
    if text is None:
        return None
    number = finite(text)
    if number is None:
        raise RecordingError(f"its {keyword} is no number")
    return number


def _unsigned(elements: Elements, keyword: str, little: bool) -> int:
    return int.from_bytes(_value(elements, keyword), "little" if little else "big")


def _originality(group: Elements) -> str:
    return (_text(group, "WaveformOriginality") or "ORIGINAL").upper()


def _rhythm(groups: list[Elements], little: bool) -> list[Elements]:
    """Groups of rhythm: what was recorded, or else what was derived from it."""
    rhythms = [group for group in groups if not _is_beat(group, little)]
    chosen = [group for group in rhythms if _originality(group) == "ORIGINAL"] or rhythms
    if not chosen:
        raise RecordingError("it has averaged beats only, no rhythm" if groups else "it has no waveform")
    if len(chosen) > 1 and any(_text(group, "MultiplexGroupTimeOffset") is None for group in chosen):
        raise RecordingError(
            f"it has {len(chosen)} groups of rhythm and does not say when each begins (MultiplexGroupTimeOffset): "
            "export all leads in one group"
        )
    return chosen


def _is_beat(group: Elements, little: bool) -> bool:
    label = (_text(group, "MultiplexGroupLabel") or "").upper()
    computed = bool(_BEAT.search(label)) or _originality(group) != "ORIGINAL"
    rate = _number(group, "SamplingFrequency") or 0.0
    return computed and _unsigned(group, "NumberOfWaveformSamples", little) < _LONGEST_BEAT_S * rate


def _channels(group: Elements, little: bool, several: bool) -> list[Channel]:
    definitions = _items(group, "ChannelDefinitionSequence")
    rate = _number(group, "SamplingFrequency") or 0.0
    if not definitions or rate <= 0:
        raise RecordingError("the file does not state its channels or its sampling rate")
    counts = _counts(group, len(definitions), little)
    begins = (_number(group, "MultiplexGroupTimeOffset") or 0.0) / 1000 if several else 0.0
    return [_channel(definition, column, rate, begins) for definition, column in zip(definitions, counts, strict=True)]


def _counts(group: Elements, channels: int, little: bool) -> list[Counts]:
    """Samples of each channel, NaN where padded."""
    kind = _text(group, "WaveformSampleInterpretation") or "none"
    if kind not in _TYPES:
        raise RecordingError(f"its samples are of type {printable(kind)}; {', '.join(_TYPES)} are read")
    dtype = np.dtype(("<" if little else ">") + _TYPES[kind])
    samples = _unsigned(group, "NumberOfWaveformSamples", little)
    announced = _unsigned(group, "NumberOfWaveformChannels", little)
    check_signals(channels)
    check_size(samples * channels)
    raw = _value(group, "WaveformData")
    size = samples * channels * dtype.itemsize
    if announced != channels or samples < 1 or not size <= len(raw) <= size + 1:  # padded to an even length
        raise RecordingError(
            f"it announces {samples} samples of {announced} channels, describes {channels} channels and has "
            f"{len(raw)} bytes: these do not fit each other; send it again"
        )
    counts = np.frombuffer(raw[:size] if len(raw) > size else raw, dtype).reshape(samples, channels)
    padding = _value(group, "WaveformPaddingValue")
    if len(padding) < dtype.itemsize:
        return list(counts.T)
    return _without_padding(counts, np.frombuffer(padding[: dtype.itemsize], dtype)[0])


def _without_padding(counts: NDArray[Any], padding: Any) -> list[Counts]:
    """NaN where a channel has the padding value and its signal does not pass through it; or where all channels have it.

    Some writers state 0, which is a sample of every ECG.
    """
    padded = counts == padding
    if not padded.any():
        return list(counts.T)
    suspended = padded.all(axis=1)
    channels: list[Counts] = []
    for column, own in zip(counts.T, padded.T, strict=True):
        signal = column[~own]
        passes = bool(len(signal)) and signal.min() < padding < signal.max()
        channels.append(_without(column, suspended if passes else own))
    return channels


def _without(column: NDArray[Any], missing: NDArray[np.bool_]) -> Deferred:
    return Deferred(len(column), lambda: np.where(missing, np.nan, column))


def _channel(definition: Elements, counts: Counts, rate: float, begins: float) -> Channel:
    name = _name(definition)
    if lead_of(name) is None:
        return no_lead(name)
    sensitivity = _number(definition, "ChannelSensitivity")
    if not sensitivity:
        raise RecordingError(f"the file does not state the sensitivity of lead {printable(name)}")
    units = _items(definition, "ChannelSensitivityUnitsSequence")
    unit = require_millivolts(_text(units[0], "CodeValue") if units else None, name)
    correction = _number(definition, "ChannelSensitivityCorrectionFactor")
    return Channel(
        name,
        counts,
        sensitivity * (1.0 if correction is None else correction) * unit,
        rate,
        offset_mv=(_number(definition, "ChannelBaseline") or 0.0) * unit,
        begins_s=begins + _skew(definition, rate, name),
        absent=_absent(definition, name),
    )


def _skew(definition: Elements, rate: float, name: str) -> float:
    """Seconds from the begin of the group to the first sample (PS3.3, table C.10-9)."""
    seconds, samples = _number(definition, "ChannelTimeSkew"), _number(definition, "ChannelSampleSkew")
    if seconds is not None and samples is not None and abs(seconds - samples / rate) > 0.5 / rate:
        raise RecordingError(f"the time skew and the sample skew of lead {printable(name)} contradict each other")
    skew = seconds if seconds is not None else (samples or 0.0) / rate
    return skew - (_number(definition, "ChannelOffset") or 0.0)


def _statuses(definition: Elements) -> list[str]:
    return [word.strip().upper() for word in (_text(definition, "ChannelStatus") or "").split("\\")]


def _absent(definition: Elements, name: str) -> str:
    statuses = _statuses(definition)
    if _TEST in statuses:
        raise RecordingError(f"its lead {printable(name)} is marked {_TEST}: it is no ECG of a patient")
    return " and ".join(status for status in statuses if status in _NO_SIGNAL)


def _notes(groups: list[Elements]) -> list[str]:
    notes = []
    if any(_originality(group) != "ORIGINAL" for group in groups):
        notes.append("rhythm marked DERIVED: computed from another recording")
    for group in groups:
        for definition in _items(group, "ChannelDefinitionSequence"):
            notes += [
                f"{printable(_name(definition))} marked {status} in the file"
                for status in _statuses(definition)
                if status in _DOUBTFUL
            ]
    return notes


def _name(definition: Elements) -> str:
    """By its code, which is the standard's; else by its label."""
    sources = _items(definition, "ChannelSourceSequence")
    code = _LEAD_CODE.fullmatch((_text(sources[0], "CodeValue") if sources else None) or "")
    if code:
        return lead_name(int(code[1]))
    meaning = _text(sources[0], "CodeMeaning") if sources else None
    return _text(definition, "ChannelLabel") or meaning or "?"
