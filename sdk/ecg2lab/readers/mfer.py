"""MFER (ISO 22077, ISO/TS 11073-92001): definitions, the last of which is the waveform.

A definition applies to all channels, or to one channel if it is among that channel's attributes. The waveform is a
frame of sequences, each with a block of every channel. The standard gives every definition a default; those of the
layout are used here, those of sampling rate and resolution never.

Glossary, the names that the standard gives to tags: BLE byte order, TXC code of texts, BLK samples in a block, CHN
channels, SEQ sequences, WFM kind of waveform, LDN lead, DTP type of samples, IVL sampling interval, SEN resolution, OFF
offset, CMP compression, NUL no sample, MAN device, WAV waveform, SKW skew, PID, AGE, SEX and TIM of the patient and the
measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import decoded, latin_text
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.lead_codes import lead_name
from ecg2lab.readers.limits import check_signals
from ecg2lab.readers.mfer_definitions import Definition, Value, definitions
from ecg2lab.readers.units import printable
from ecg2lab.recording import Recording

_BLE, _TXC, _BLK, _CHN, _SEQ, _WFM, _LDN, _DTP = 0x01, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A
_IVL, _SEN, _OFF, _CMP, _NUL, _MAN, _WAV, _SKW = 0x0B, 0x0C, 0x0D, 0x0E, 0x12, 0x17, 0x1E, 0x43
_PID, _AGE, _SEX, _TIM = 0x82, 0x83, 0x84, 0x85
_TYPES = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 4: "u2", 5: "i1", 6: "u4", 7: "f4", 8: "f8"}
_STATUS = 4
"""The type of what tells the state of the device, and is no signal."""
_DOMINANT_BEAT = 9
_HERTZ, _SECOND, _VOLT = 0, 1, 0
_SEXES = {1: "male", 2: "female"}

_Stated = dict[int, Value]


@dataclass
class _File:
    """What holds at a place of the file, and the frames before it."""

    order: Literal["big", "little"] = "big"
    text_code: str = ""
    common: _Stated = field(default_factory=dict)
    own: dict[int, _Stated] = field(default_factory=dict)
    """Of single channels."""
    patient_id: str = ""
    contradicts_itself: bool = False
    """Age or sex stand there twice, and differ."""
    frames: list[list[Channel]] = field(default_factory=list)


def read_mfer(content: Content) -> Recording:
    """Read the leads of the only frame that is no dominant beat.

    Raises
    ------
    RecordingError
        If there is not just one such frame, a lead's rate or resolution is missing, the waveform is compressed, or its
        samples are not all there.
    """
    file = _File()
    for definition in definitions(content.data):
        _take(file, content.data, definition)
    if len(file.frames) != 1:
        raise RecordingError(f"it has {len(file.frames)} frames of waveforms (MWF_WAV); exactly one can be read")
    acquired, clock = _time(file.common.get(_TIM))
    return to_recording(
        file.frames[0],
        "MFER",
        content.name,
        patient_id=file.patient_id,
        acquired=f"{acquired} {clock}" if acquired else None,
        device=_device(file.common.get(_MAN)),
        subject=None if file.contradicts_itself else _subject(file.common, acquired),
    )


def _take(file: _File, data: bytes, definition: Definition) -> None:
    tag, channel, start, end = definition
    if tag == _WAV:
        if _number(file.common, _WFM, 2) != _DOMINANT_BEAT:
            file.frames.append(_frame(file, memoryview(data)[start:end]))
        return
    value = Value(data[start:end], file.order)
    if channel is not None:
        file.own.setdefault(channel, {})[tag] = value
        return
    file.contradicts_itself |= tag in (_AGE, _SEX) and file.common.get(tag, value) != value
    file.common[tag] = value
    if tag == _BLE:
        file.order = "little" if value.raw == b"\1" else "big"
    elif tag == _TXC:
        file.text_code = latin_text(value.raw).upper()
    elif tag == _PID:
        file.patient_id = _text(value.raw, file.text_code)
    elif tag == _CHN:
        file.own.clear()


def _number(stated: _Stated, tag: int, size: int) -> int | None:
    """The first bytes of a value as a number; None if it is not there or empty, which takes it back."""
    value = stated.get(tag)
    return value.unsigned(0, size) if value and value.raw else None


def _frame(file: _File, wave: memoryview) -> list[Channel]:
    """Its channels, as views of the file."""
    channels = _number(file.common, _CHN, 4) or 1
    check_signals(channels)
    if _number(file.common, _CMP, 2):
        raise RecordingError("its waveform is compressed (MWF_CMP), which is not read; export it without")
    # A lead that is named for all channels is that of the only one.
    common = file.common if channels == 1 else {tag: value for tag, value in file.common.items() if tag != _LDN}
    holds = [common | file.own.get(place, {}) for place in range(channels)]
    samples = np.frombuffer(wave, *_layout(holds, file.order, len(wave)))
    return [_channel(stated, samples[str(place)].reshape(-1)) for place, stated in enumerate(holds)]


def _layout(holds: list[_Stated], order: str, size: int) -> tuple[np.dtype[Any], int]:
    """A sequence, and how many there are."""
    types = [_type(stated, order) for stated in holds]
    blocks = [_number(stated, _BLK, 4) or 1 for stated in holds]
    sequence = sum(kind.itemsize * block for kind, block in zip(types, blocks, strict=True))
    stated = {_number(of_channel, _SEQ, 4) for of_channel in holds}
    if len(stated) > 1:
        raise RecordingError("its channels have different numbers of sequences (MWF_SEQ), which is not read")
    sequences = stated.pop() or size // sequence
    if not size or sequences * sequence != size:
        raise RecordingError(
            f"its waveform has {size} bytes and announces {sequences} sequences of {sequence}: one of the two is wrong"
        )
    fields = [(str(place), kind, (block,)) for place, (kind, block) in enumerate(zip(types, blocks, strict=True))]
    return np.dtype(fields), sequences


def _type(stated: _Stated, order: str) -> np.dtype[Any]:
    kind = _number(stated, _DTP, 1) or 0
    if kind not in _TYPES:
        raise RecordingError(f"its samples are of type {kind} (MWF_DTP), which is not read")
    return np.dtype(("<" if order == "little" else ">") + _TYPES[kind])


def _channel(stated: _Stated, samples: NDArray[Any]) -> Channel:
    name = _name(stated.get(_LDN))
    if lead_of(name) is None or _number(stated, _DTP, 1) == _STATUS:
        return no_lead(name)
    rate, millivolts = _rate(stated.get(_IVL), name), _millivolts(stated.get(_SEN), name)
    if (skew := _number(stated, _SKW, 4)) and skew * 1e-9 * rate >= 0.5:
        raise RecordingError(f"lead {printable(name)} begins {skew} ns after others (MWF_SKW), which is not read")
    offset, missing = (_sample(stated.get(tag), samples.dtype, name) for tag in (_OFF, _NUL))
    return Channel(name, samples, millivolts, rate, offset_mv=(offset or 0.0) * millivolts, missing=missing)


def _name(stated: Value | None) -> str:
    """That of its code, if it is a lead's; else the text behind it."""
    if stated is None or not stated.raw:
        return "?"
    named = lead_name(stated.unsigned(0, 2))
    return named if lead_of(named) else latin_text(stated.raw[2:]) or named


def _rate(stated: Value | None, name: str) -> float:
    unit, number = _quantity(stated, f"the sampling rate of lead {printable(name)} (MWF_IVL)", (_HERTZ, _SECOND))
    return number if unit == _HERTZ else 1 / number


def _millivolts(stated: Value | None, name: str) -> float:
    return 1e3 * _quantity(stated, f"the resolution of lead {printable(name)} (MWF_SEN)", (_VOLT,))[1]


def _quantity(stated: Value | None, what: str, units: tuple[int, ...]) -> tuple[int, float]:
    """A unit, and a whole number of up to four bytes times a power of ten."""
    if stated is None or not stated.raw:
        raise RecordingError(f"the file does not state {what}")
    if not 3 <= len(stated.raw) <= 6 or stated.raw[0] not in units or stated.signed(2) <= 0:
        raise RecordingError(f"{what} is no number above zero, or in a unit that is not read")
    exponent = int.from_bytes(stated.raw[1:2], "big", signed=True)
    return stated.raw[0], float(f"{stated.signed(2)}e{exponent}")


def _sample(stated: Value | None, kind: np.dtype[Any], name: str) -> Any:
    """A value that is stated as the samples are, or None."""
    if stated is None or not stated.raw:
        return None
    if len(stated.raw) != kind.itemsize:
        raise RecordingError(f"lead {printable(name)} has an offset or a null value that is no sample of its type")
    return np.frombuffer(stated.raw, kind.newbyteorder("<" if stated.order == "little" else ">"))[0].item()


def _text(raw: bytes, code: str) -> str:
    if code.startswith("UTF-16"):
        return raw.decode("utf-16-be" if code.endswith("BE") else "utf-16-le", "replace").split("\0", 1)[0].strip()
    return decoded(raw.split(b"\0", 1)[0]).strip()


def _device(stated: Value | None) -> str | None:
    """The model of `maker^model^version^number`, or what is there."""
    parts = latin_text(stated.raw).split("^") if stated else []
    return parts[1] if len(parts) > 1 and parts[1].strip() else next(iter(parts), None)


def _time(stated: Value | None) -> tuple[date | None, str]:
    if stated is None or len(stated.raw) < 4:
        return None, ""
    clock = stated.raw[4:7]
    return _day(stated, 0), ":".join(f"{part:02d}" for part in clock) if len(clock) == 3 else ""


def _day(stated: Value, start: int) -> date | None:
    month, of_month = stated.raw[start + 2 : start + 4]
    return subjects.make_day(stated.unsigned(start, 2), month, of_month)


def _subject(common: _Stated, acquired: date | None) -> Patient | None:
    """Years, days and the date of birth stand together; all bits set is not known."""
    age = common.get(_AGE)
    stated = birth = None
    if age is not None and len(age.raw) >= 3:
        years, days = age.raw[0], age.unsigned(1, 2)
        # Below one year, days beyond the years and days in all are the same.
        if years or days:
            stated = subjects.years(float(years), "years") if years else subjects.years(float(days), "days")
        birth = _day(age, 3) if len(age.raw) >= 7 else None
    return subjects.subject(
        stated=stated, birth=birth, acquired=acquired, sex=_SEXES.get(_number(common, _SEX, 1) or 0)
    )
