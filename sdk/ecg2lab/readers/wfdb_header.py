"""The header of a WFDB record (header(5)), as real records have it.

Only those fields of the record line that concern the samples are read; names with suffixes, dates and times of any form
are ignored. The defaults of the standard (250 Hz, a gain of 200) are not used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.limits import MOST_SIGNALS
from ecg2lab.readers.numbers import finite, whole
from ecg2lab.system.files import regular_size

_MOST_BYTES = 2**20
_STANDARD_UNIT = "mV"
"""Of a gain that states no unit, by the standard."""
_STORAGE = re.compile(
    r"(?P<format>\d{1,4})(?:x(?P<per_frame>\d{1,6}))?(?::(?P<skew>\d{1,9}))?(?:\+(?P<offset>\d{1,12}))?", re.ASCII
)
_GAIN = re.compile(
    r"(?P<gain>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)(?:\((?P<baseline>[-+]?[0-9]{1,18})\))?(?:/(?P<unit>\S+))?", re.ASCII
)


class Signal(NamedTuple):
    """One signal line."""

    file: str
    format: int
    per_frame: int
    """Samples in each frame."""
    skew: int
    """Number of its frames before the first frame of the record."""
    offset: int
    """Number of bytes of the file before the first sample."""
    gain: float | None
    """Counts in one unit; None if it is not stated or zero, which means the same."""
    baseline: int
    """Count of zero units."""
    unit: str
    initial: int | None
    checksum: int | None
    name: str


class Segment(NamedTuple):
    """One line of a record of several segments."""

    name: str
    """Name of the record; `~` for a gap."""
    frames: int


class Header(NamedTuple):
    """The content of a header."""

    rate_hz: float
    """Frames in a second."""
    frames: int | None
    signals: list[Signal]
    segments: list[Segment]
    comments: list[str]


def read_header(path: Path) -> Header:
    """Read a header file.

    Raises
    ------
    OSError
        If it is no regular file, or cannot be read.
    RecordingError
        If a field is missing or not understood; the message names it.
    """
    if regular_size(path) > _MOST_BYTES:
        raise RecordingError("the header is larger than 1 MiB, the most that is read of one")
    text = decoded(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    record, *others = [line.split() for line in lines if not line.startswith("#")] or [[]]
    comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    signals = whole(record[1]) if len(record) > 1 else None
    if signals is None or signals < 0:
        raise RecordingError("it is no WFDB header: its first line is not `name signals rate samples`")
    if signals > MOST_SIGNALS:
        raise RecordingError(f"it announces {signals} signals; at most {MOST_SIGNALS} are read: leave some out")
    rate, frames = _rate(record), _frames(record)
    _, slash, segments = record[0].partition("/")
    if slash:
        return Header(rate, frames, [], _segments(others, whole(segments)), comments)
    if len(others) != signals:
        raise RecordingError(f"the header announces {signals} signals and describes {len(others)}")
    return Header(rate, frames, [_signal(line, row) for row, line in enumerate(others, start=1)], [], comments)


def _rate(record: list[str]) -> float:
    rate = finite(re.split(r"[/(]", record[2])[0]) if len(record) > 2 else None
    if rate is None or rate <= 0:
        raise RecordingError("the header does not state its sampling rate")
    return rate


def _frames(record: list[str]) -> int | None:
    """None where it is not stated, which 0 means, too."""
    frames = whole(record[3]) if len(record) > 3 else None
    return frames if frames is not None and frames > 0 else None


def _segments(lines: list[list[str]], announced: int | None) -> list[Segment]:
    if announced != len(lines):
        raise RecordingError(f"the header announces {announced} segments and names {len(lines)}")
    segments = [Segment(line[0], whole(line[1]) if len(line) > 1 else -1) for line in lines]  # type: ignore[arg-type]
    if any(segment.frames is None or segment.frames < 0 for segment in segments):
        raise RecordingError("the header does not state how long each of its segments is")
    return segments


def _signal(line: list[str], row: int) -> Signal:
    storage = _STORAGE.fullmatch(line[1]) if len(line) > 1 else None
    if storage is None:
        raise RecordingError(f"the header does not say in which format signal {row} is stored")
    gain = _GAIN.fullmatch(line[2]) if len(line) > 2 else None
    # Up to five whole numbers, all of them optional; what follows is the name, of any number of words.
    rest, numbers = line[3 if gain else 2 :], list[int]()
    while rest and len(numbers) < 5 and (number := whole(rest[0])) is not None:
        numbers.append(number)
        rest = rest[1:]
    stated: list[int | None] = [*numbers, *[None] * 5]
    zero, initial, checksum = stated[1:4]
    return Signal(
        file=_file_name(line[0]),
        format=int(storage["format"]),
        per_frame=int(storage["per_frame"] or 1) or 1,
        skew=int(storage["skew"] or 0),
        offset=int(storage["offset"] or 0),
        gain=(finite(gain["gain"]) or None) if gain else None,
        baseline=int(gain["baseline"]) if gain and gain["baseline"] else (zero or 0),
        unit=(gain["unit"] if gain else None) or _STANDARD_UNIT,
        initial=initial,
        checksum=checksum,
        name=" ".join(rest),
    )


def _file_name(name: str) -> str:
    if Path(name).name != name or "\\" in name or ":" in name or "\0" in name:
        raise RecordingError("the header names a signal file outside its own folder")
    return name
