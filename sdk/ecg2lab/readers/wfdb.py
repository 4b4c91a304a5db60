"""WFDB records (PhysioNet), by the wfdb package.

The package fills in what a header leaves out (250 Hz, a gain of 200) and drops letters outside ASCII, so that µV would
become V. The header is therefore read here first, and what does not say its rate and gains is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.channels import check_size, source
from ecg2lab.readers.numbers import finite, whole
from ecg2lab.readers.units import millivolts, printable
from ecg2lab.recording import Recording
from ecg2lab.recording import leads as lead_names
from ecg2lab.system.extras import require

_STANDARD_UNIT = "mV"
"""Of a gain that states no unit, by the WFDB standard (header(5))."""
_GAIN = re.compile(r"^(?P<gain>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)(?:\([-+]?[0-9]+\))?(?:/(?P<unit>\S+))?$")
_FRAME = re.compile(r"x(\d{1,9})", re.ASCII)
_AGE = re.compile(r"\s*age\s*:\s*(\d{1,3}(?:\.\d+)?)\s*(?:y|yr|yrs|years?)?\s*", re.IGNORECASE)
_SEX = re.compile(r"\s*sex\s*:\s*(\w+)\s*", re.IGNORECASE)
_LONGEST_NAME = 2**16
_PTB_XL_TOP_AGE = 300.0
"""PTB-XL writes every age above 89 as 300 (Wagner et al. 2020)."""


class _Channel(NamedTuple):
    """One signal line of the header."""

    file: str
    unit: str
    per_frame: int
    """Samples at each moment of the record."""


def read_wfdb(header: Path) -> Recording:
    """Read the ECG leads of a WFDB record; channels of another kind are left out and named.

    Age and sex are taken from the comments `Age: …`, `Sex: …`, as in the PhysioNet challenges and the PTB database.

    Raises
    ------
    RecordingError
        If the record is damaged, or does not state its sampling rate, or the gain of a lead, or a voltage as its unit.
    """
    require("formats", "wfdb")
    try:
        return _recording(header)
    except RecordingError as error:
        text = str(error)
        raise RecordingError(text if text.startswith((str(header), "cannot read ")) else f"{header}: {text}") from None


def _recording(header: Path) -> Recording:
    channels = _channels(header)
    record = _read(header)
    labels = [printable(name or "", _LONGEST_NAME) for name in record.sig_name or ()]
    names = [lead_names.canonical(name) for name in labels]
    rows = [row for row, name in enumerate(names) if name]
    if not rows:
        raise RecordingError(f"{header} has no ECG lead with a known name (channels: {', '.join(labels) or 'none'})")
    return Recording(
        np.stack([record.p_signal[:, row] * _scale(channels[row], labels[row]) for row in rows]),
        fs=record.fs,
        leads=[str(names[row]) for row in rows],
        unit="mV",
        source=source("WFDB", header.name),
        subject=_subject(record.comments or []),
        ignored=[labels[row] for row, name in enumerate(names) if not name],
    )


def _channels(header: Path) -> list[_Channel]:
    """Read the header's record line and signal lines, strictly."""
    try:
        content = header.read_bytes()
    except OSError as error:
        raise RecordingError(f"cannot read {header}: {error.strerror}") from None
    lines = [line.split("#")[0].split() for line in decoded(content).splitlines()]
    record, *signals = [line for line in lines if line] or [[]]
    if len(record) < 2 or whole(record[1]) is None:
        raise RecordingError(f"{header} is damaged or no WFDB header")
    if "/" in record[0]:
        raise RecordingError(f"{header} is a record of several segments; name one of its segments")
    if len(record) < 3 or not _is_positive(record[2].split("/")[0]):
        raise RecordingError(f"{header} does not state its sampling rate")
    if len(signals) != whole(record[1]):
        raise RecordingError(f"{header} announces {record[1]} signals and describes {len(signals)}")
    channels = [_channel(line, number, header) for number, line in enumerate(signals, start=1)]
    _check_announced(record, channels, header)
    return channels


def _check_announced(record: list[str], channels: list[_Channel], header: Path) -> None:
    """The package makes room for what the header announces, and waits for the end of a pipe."""
    moments = (whole(record[3]) if len(record) > 3 else None) or 0
    check_size(moments * sum(channel.per_frame for channel in channels))
    for name in {channel.file for channel in channels}:
        signal = header.with_name(name)
        if signal.exists() and not signal.is_file():
            raise RecordingError(f"cannot read {signal}: it is no regular file")


def _channel(line: list[str], number: int, header: Path) -> _Channel:
    gain = _GAIN.match(line[2]) if len(line) > 2 else None
    if gain is None or not _is_positive(gain["gain"]):
        raise RecordingError(f"{header} does not state the gain of signal {number}: its unit cannot be known")
    file = line[0]
    if Path(file).name != file or "\\" in file or ":" in file:
        raise RecordingError(f"{header} names a signal file outside its own folder")
    frame = _FRAME.search(line[1])
    return _Channel(file, gain["unit"] or _STANDARD_UNIT, int(frame[1]) if frame else 1)


def _is_positive(number: str) -> bool:
    return (finite(number) or 0.0) > 0


def _read(header: Path) -> Any:
    import wfdb

    try:
        record = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
        _verify_checksums(record)
        record.dac(inplace=True)
        return record
    except RecordingError:
        raise
    except FileNotFoundError as error:
        missing = Path(error.filename).name if error.filename else "a signal file"
        raise RecordingError(f"{header} names {missing}, which is not beside it") from None
    except PermissionError as error:
        raise RecordingError(f"cannot read {error.filename or header}: {error.strerror}") from None
    except Exception:  # the package raises whatever its parsing meets
        raise RecordingError("the header or a signal file is damaged or cut short; copy the record again") from None


def _verify_checksums(record: Any) -> None:
    """Compare the 16-bit sums that the header states; frames of several samples are stored otherwise and not summed."""
    if any(n != 1 for n in record.samps_per_frame or []):
        return
    for row, expected in enumerate(record.checksum or []):
        if expected is not None and (int(record.d_signal[:, row].sum(dtype=np.int64)) - expected) % 2**16:
            raise RecordingError(f"signal {row + 1} is damaged: it does not match its checksum; copy it again")


def _scale(channel: _Channel, name: str) -> float:
    scale = millivolts(channel.unit)
    if scale is None:
        raise RecordingError(f"lead {name} is in unit {channel.unit!r}, which is no voltage")
    return scale


def _subject(comments: list[str]) -> Patient | None:
    """Age and sex, where they are stated plainly; anything else is taken as not stated."""
    stated = {float(match[1]) for comment in comments if (match := _AGE.fullmatch(comment))}
    ages = {subjects.ABOVE_89 if age == _PTB_XL_TOP_AGE else age for age in stated}
    if len(ages) > 1:
        return None  # two ages: whose?
    words = [match[1] for comment in comments if (match := _SEX.fullmatch(comment))]
    sexes = [sex for word in words if (sex := subjects.sex(word))]
    return subjects.subject(stated=subjects.years(next(iter(ages), None), "years"), sex=sexes[-1] if sexes else None)
