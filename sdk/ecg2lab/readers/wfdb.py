"""WFDB records (PhysioNet): a header beside files of samples, or a header that lists such records as segments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.deferred import Counts, Deferred
from ecg2lab.readers.limits import check_size
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.readers.wfdb_header import Header, Segment, Signal, read_header
from ecg2lab.readers.wfdb_signals import missing_count, read_signals
from ecg2lab.recording import Recording

_GAP = "~"
_MOST_SEGMENTS = 4096
_AGE = re.compile(r"\s*age\s*:\s*(\d{1,3}(?:\.\d+)?)\s*(?:y|yr|yrs|years?)?\s*", re.IGNORECASE)
_SEX = re.compile(r"\s*sex\s*:\s*(\w+)\s*", re.IGNORECASE)
_PTB_XL_TOP_AGE = 300.0
"""PTB-XL writes every age above 89 as 300 (Wagner et al. 2020)."""


def read_wfdb(path: Path) -> Recording:
    """Read the ECG leads of a record; the names of other channels go into `ignored`.

    Age and sex are taken from the comments `Age: …`, `Sex: …`, as in the PhysioNet challenges and the PTB database.

    Raises
    ------
    RecordingError
        If the header lacks the sampling rate, or gain or unit of a lead, there are fewer samples than announced, or a
        signal does not match its checksum.
    """
    try:
        return _recording(path)
    except FileNotFoundError as error:
        missing = Path(error.filename).name if error.filename else "a signal file"
        raise RecordingError(f"{path} names {missing}, which is not beside it") from None
    except OSError as error:
        raise RecordingError(f"cannot read {error.filename or path}: {error.strerror}") from None
    except RecordingError as error:
        text = str(error)
        raise RecordingError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _recording(path: Path) -> Recording:
    header = read_header(path)
    channels, comments, notes = _channels(path, header), list(header.comments), []
    if header.segments:
        channels, comments = _segmented(path, header)
    else:
        notes = _skew_notes(header.signals)
    return to_recording(
        channels, "WFDB", path.name, subject=subjects.unless_contradicted(lambda: _subject(comments)), notes=notes
    )


def _channels(path: Path, header: Header, begins_s: float = 0.0) -> list[Channel]:
    """Signals of one file are its columns, in the order of the header."""
    if any(signal.file == _GAP for signal in header.signals):
        raise RecordingError("it is only the layout of a record of several segments: name the header of the record")
    files: dict[str, list[Signal]] = {}
    for signal in header.signals:
        files.setdefault(signal.file, []).append(signal)
    columns = {name: iter(read_signals(path.parent, own, header.frames)) for name, own in files.items()}
    counts = [next(columns[signal.file]) for signal in header.signals]
    _verify_checksums(header.signals, counts)
    return [
        _channel(signal, row, own, header.rate_hz * signal.per_frame, begins_s)
        for row, (signal, own) in enumerate(zip(header.signals, counts, strict=True), start=1)
    ]


def _channel(signal: Signal, row: int, counts: Counts, rate: float, begins_s: float) -> Channel:
    name = signal.name or f"signal {row}"
    if lead_of(name) is None:
        return no_lead(name)
    if signal.gain is None:
        raise RecordingError(f"the header does not state the gain of lead {printable(name)}: its unit cannot be known")
    unit = require_millivolts(signal.unit, name)
    skew, per_count = signal.skew * signal.per_frame, unit / signal.gain
    return Channel(
        name,
        Deferred(len(counts), lambda: _moved(counts, skew)) if skew else counts,
        per_count,
        rate,
        offset_mv=-signal.baseline * per_count,
        begins_s=begins_s,
        missing=missing_count(signal),
    )


def _moved(counts: Counts, skew: int) -> NDArray[np.float64]:
    """The first samples precede the record, and those at its end were not stored."""
    moved = np.full(len(counts), np.nan)
    own = np.asarray(counts)[skew:]
    moved[: len(own)] = own
    return moved


def _verify_checksums(signals: Sequence[Signal], counts: Sequence[Counts]) -> None:
    """Compare the 16-bit sums that the header states; where all are zero, nobody filled them in."""
    if not any(signal.checksum for signal in signals):
        return
    for row, (signal, own) in enumerate(zip(signals, counts, strict=True), start=1):
        if signal.checksum is not None and (int(np.asarray(own).sum(dtype=np.int64)) - signal.checksum) % 2**16:
            name = printable(signal.name or f"signal {row}")
            raise RecordingError(
                f"the samples of {name} do not match the checksum in the header: one of the two was changed; "
                "copy both files again"
            )


def _skew_notes(signals: Sequence[Signal]) -> list[str]:
    return [
        f"{printable(signal.name)} moved by {signal.skew} samples, as the header says: missing at the end"
        for signal in signals
        if signal.skew and lead_of(signal.name)
    ]


def _segmented(path: Path, header: Header) -> tuple[list[Channel], list[str]]:
    """The segments of a record, one after another; in a layout that varies the first only names the signals."""
    if len(header.segments) > _MOST_SEGMENTS:
        raise RecordingError(
            f"it has {len(header.segments)} segments; at most {_MOST_SEGMENTS} are read: name one of them"
        )
    channels: list[Channel] = []
    comments, start, values = list(header.comments), 0, 0
    for segment in header.segments:
        if segment.frames and segment.name != _GAP:
            own = _segment(path, segment, header, start)
            values += sum(len(channel.counts) for channel in own)
            check_size(values)
            channels += own
        start += segment.frames
    if header.frames is not None and start != header.frames:
        raise RecordingError(f"the header announces {header.frames} samples and its segments have {start}")
    others = {channel.name: channel for channel in channels if not len(channel.counts)}
    return [*(channel for channel in channels if len(channel.counts)), *others.values()], comments


def _segment(path: Path, segment: Segment, whole: Header, start: int) -> list[Channel]:
    name = Path(segment.name).name
    if name != segment.name or "\\" in name or ":" in name:
        raise RecordingError("the header names a segment outside its own folder")
    own = path.with_name(name + ".hea")
    header = read_header(own)
    if header.segments:
        raise RecordingError(f"its segment {printable(name)} has segments itself, which no record may")
    if header.rate_hz != whole.rate_hz or header.frames not in (None, segment.frames):
        raise RecordingError(f"its segment {printable(name)} has another length or rate than the record says")
    return _channels(own, header._replace(frames=segment.frames), start / whole.rate_hz)


def _subject(comments: list[str]) -> Patient | None:
    """Age and sex, where they are stated plainly; anything else is taken as not stated."""
    ages = [float(match[1]) for comment in comments if (match := _AGE.fullmatch(comment))]
    words = [match[1] for comment in comments if (match := _SEX.fullmatch(comment))]
    age = subjects.agreed(subjects.ABOVE_89 if age == _PTB_XL_TOP_AGE else age for age in ages)
    return subjects.subject(
        stated=subjects.years(age, "years"), sex=subjects.agreed(sex for word in words if (sex := subjects.sex(word)))
    )
