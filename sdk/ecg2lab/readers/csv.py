"""Comma-separated values: comments with `#`, a header with lead names, a row for each moment.

Rate and unit are never guessed from the numbers: comments state them (`# fs: 500`, `# unit: mV`), the header may state
the unit (`II (mV)`), or the caller states them. A time column must not contradict them.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content, Stated
from ecg2lab.readers.limits import MOST_SIGNALS, MOST_VALUES, check_text
from ecg2lab.readers.numbers import finite
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording

_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_LONGEST_HEAD = 2**16
_DELIMITERS = (",", ";", "\t")
_SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)
"""A first line by which spreadsheets are told the delimiter."""
_COLUMN = re.compile(r"(?P<name>[^(\[]+?)\s*(?:[(\[](?P<unit>[^)\]]*)[)\]])?")
_COMMENT = re.compile(r"#+\s*(?P<key>[A-Za-z _]+?)\s*[:=]\s*(?P<value>.*\S)\s*")
_KEYS = {
    **dict.fromkeys(("fs", "rate", "sampling rate", "sample rate", "sampling frequency"), "fs"),
    **dict.fromkeys(("unit", "units"), "unit"),
    **{name: name for name in ("gain", "baseline", "age", "sex")},
}
_RATE = re.compile(r"(?P<number>.+?)\s*(?P<unit>k?hz|1/s|s-1|sps|)", re.IGNORECASE)
_TIME = re.compile(r"(?:time|t|zeit|timestamp)(?:[ _]?(?P<unit>s|sec|seconds?|ms|us|\u00b5s|\u03bcs))?", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0), "ms": 1e-3,
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs"), 1e-6),
}  # fmt: skip
_TIME_TOLERANCE = 0.01
"""By which a step may differ from 1/rate on average; single steps are rounded as they were printed."""


class _Head(NamedTuple):
    """What stands before the rows."""

    comments: list[str]
    cells: list[str]
    delimiter: str
    end: int
    """Byte of the text at which the rows begin."""
    lines: int


class _Column(NamedTuple):
    """One column of the header."""

    name: str
    unit: str | None
    """Its own."""

    @property
    def lead(self) -> str | None:
        return lead_of(self.name)

    @property
    def time_unit(self) -> str | None:
        """Of a time column, empty if it states none; None for other columns."""
        match = _TIME.fullmatch(self.name)
        return (match["unit"] or self.unit or "").strip().casefold() if match else None


def looks_like_csv(content: Content) -> bool:
    """Whether the first line that is neither empty nor a comment names a lead."""
    return _head(_as_utf8(content.data[:_LONGEST_HEAD])) is not None


def read_csv(content: Content) -> Recording:
    """Read the columns that are named like leads; the names of others go into `ignored`.

    An empty cell or `NaN` is a missing sample.

    Raises
    ------
    RecordingError
        If rate or unit is not stated, or stated twice and differently, a time column contradicts the rate, or a row has
        too few cells or a cell of a lead that is no number.
    """
    check_text(len(content.data), "a text file")
    text = _as_utf8(content.data)
    head = _head(text)
    if head is None:
        raise RecordingError("its first line that is no comment names no lead")
    if len(head.cells) > MOST_SIGNALS:
        raise RecordingError(f"it has more than {MOST_SIGNALS} columns")
    facts = _settle(_comments(head.comments), content.stated)
    columns = [_column(cell) for cell in head.cells]
    leads, times = [bool(column.lead) for column in columns], [column.time_unit is not None for column in columns]
    values = iter(
        _core.parse_table(
            text, head.end, head.delimiter, _decimal_mark(text, head), head.lines + 1, leads, times, MOST_VALUES
        )
    )
    table = {place: next(values) for place in range(len(columns)) if leads[place] or times[place]}
    rate = _rate(facts)
    channels = [
        _channel(column, table[place], rate, facts) if column.lead else no_lead(column.name)
        for place, column in enumerate(columns)
    ]
    recording = to_recording(channels, "CSV", content.name, subject=_subject(facts))
    for place in table:
        if times[place]:  # may be clocks or dates, too, which are not compared
            _check_time(columns[place], table[place], rate)
    return recording


def _as_utf8(data: bytes) -> bytes:
    """Without a mark of its encoding, and in UTF-8 if it is UTF-16, as spreadsheets write it."""
    if data.startswith(_UTF16_MARKS):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(_UTF8_MARK)


def _head(text: bytes) -> _Head | None:
    comments: list[str] = []
    delimiter, start, lines = "", 0, 0
    while start < min(len(text), _LONGEST_HEAD):
        end = text.find(b"\n", start) + 1 or len(text)
        line, start, lines = decoded(text[start:end]).strip("\r\n"), end, lines + 1
        said = _SEPARATOR.fullmatch(line.strip().strip('"'))
        if said and not delimiter:
            delimiter = said[1]
        elif line.startswith("#"):
            comments.append(line)
        elif line.strip():
            own = delimiter or max(_DELIMITERS, key=line.count)
            cells = [cell.strip().strip('"').strip() for cell in line.split(own)]
            named = "\0" not in line and any(_column(cell).lead for cell in cells)
            return _Head(comments, cells, own, end, lines) if named else None
    return None


def _decimal_mark(text: bytes, head: _Head) -> str:
    """A comma where it cannot be the delimiter, and the rows or at least the first have one but no point."""
    if head.delimiter == "," or b"," not in text[head.end :]:
        return "."
    row = text[head.end : text.find(b"\n", head.end) + 1 or len(text)]
    return "." if b"." in row and b"," not in row else ","


def _comments(lines: list[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in lines:
        comment = _COMMENT.fullmatch(line.strip())
        key = _KEYS.get(comment["key"].casefold().replace("_", " ")) if comment else None
        if comment and key and facts.setdefault(key, comment["value"]) != comment["value"]:
            raise RecordingError(f"its comments state {key} twice, and differently")
    if "fs" in facts:
        facts["fs"] = _in_hertz(facts["fs"])
    return facts


def _in_hertz(text: str) -> str:
    written = _RATE.fullmatch(text)
    number = finite(written["number"]) if written else None
    if written is None or number is None or number <= 0:
        raise RecordingError(f"its comment on the sampling rate, {printable(text)!r}, is no number of hertz")
    return repr(number * 1000 if written["unit"].casefold() == "khz" else number)


def _settle(facts: dict[str, str], stated: Stated) -> dict[str, str]:
    """What file and caller say; refused where they differ."""
    for key, value in stated._asdict().items():
        if value is None:
            continue
        if facts.get(key) not in (None, str(value)) and finite(facts.get(key)) != value:
            raise RecordingError(f"its comments state another {key} than the caller")
        facts[key] = str(value)
    return facts


def _rate(facts: dict[str, str]) -> float:
    rate = finite(facts.get("fs"))
    if rate is None:
        raise RecordingError("its sampling rate is not known: add a comment line `# fs: 500`, or say fs=…")
    return rate


def _check_time(column: _Column, values: NDArray[np.float64], rate: float) -> None:
    """A column without a unit may be in any, or number the rows: it is held to that which fits best."""
    unit = column.time_unit or ""
    if len(values) < 2 or not np.isfinite(values).all() or (unit and unit not in _SECONDS) or rate <= 0:
        return
    scales = [_SECONDS[unit]] if unit else [1.0, 1e-3, 1e-6, 1 / rate]
    step = (values[-1] - values[0]) / (len(values) - 1)
    ratio = min((step * scale * rate for scale in scales), key=lambda ratio: abs(ratio - 1))
    if abs(ratio - 1) > _TIME_TOLERANCE:
        fits = "" if not unit or step <= 0 else f", which is {1 / (step * _SECONDS[unit]):.6g} Hz"
        raise RecordingError(
            f"its time column steps by {step:.6g}{' ' * bool(unit)}{unit}{fits}, and its rate is stated as "
            f"{rate:g} Hz: one of the two is wrong"
        )
    steps = np.diff(values)
    jump = int(np.argmax(np.abs(steps - step)))
    if abs(steps[jump] - step) > max(0.75 * abs(step), 1.5 * _resolution(values)):
        raise RecordingError(
            f"its time column jumps at row {jump + 2}: fill the gap with rows of empty cells, or cut the record there"
        )


def _resolution(values: NDArray[np.float64]) -> float:
    """The last decimal that times were printed with: 0.003 s may follow 0.001 s at 500 Hz."""
    steps = np.abs(np.diff(values[:1000]))
    smallest = float(steps[steps > 0].min(initial=math.inf))
    return smallest if math.isfinite(smallest) else 0.0


def _column(cell: str) -> _Column:
    column = _COLUMN.fullmatch(cell)
    return _Column(column["name"], column["unit"]) if column else _Column(cell, None)


def _channel(column: _Column, values: NDArray[np.float64], rate: float, facts: dict[str, str]) -> Channel:
    own, general = column.unit, facts.get("unit")
    if own is not None and general is not None and own.strip() != general.strip():
        raise RecordingError(f"column {printable(column.name)} is not in the unit stated for all, {printable(general)}")
    unit = own if own is not None else general
    if unit is None:
        raise RecordingError("its unit is not known: add a comment line `# unit: mV`, or say unit=…")
    if unit.casefold() != "adc":
        if "gain" in facts or "baseline" in facts:
            raise RecordingError("gain and baseline belong to unit adc")
        return Channel(column.name, values, require_millivolts(unit, column.name), rate)
    gain, baseline = finite(facts.get("gain")), finite(facts.get("baseline", "0"))
    if gain is None or gain <= 0 or baseline is None:
        raise RecordingError("unit adc needs a gain above zero in counts per millivolt (`# gain: 1000`, or gain=…)")
    return Channel(column.name, values, 1 / gain, rate, offset_mv=-baseline / gain)


def _subject(facts: dict[str, str]) -> Patient | None:
    age = re.sub(r"\s*(?:years?|y)$", "", facts.get("age", ""))
    return subjects.subject(stated=subjects.years(age, "years"), sex=subjects.sex(facts.get("sex")))
