"""Comma-separated values: comments with `#`, a header with lead names, a row for each moment.

Neither rate nor unit is ever guessed from the numbers: they stand in comments (`# fs: 500`, `# unit: mV`), the unit
also in the header (`II (mV)`), or the caller states them.
"""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, check_size, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content, Stated
from ecg2lab.readers.numbers import finite
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording

MOST_BYTES = 2**25
_MARK = b"\xef\xbb\xbf"
_MOST_COLUMNS = 512
_DELIMITERS = (",", ";", "\t")
_COLUMN = re.compile(r"(?P<name>[^(\[]+?)\s*(?:[(\[](?P<unit>[^)\]]*)[)\]])?")
_COMMENT = re.compile(r"#+\s*(?P<key>[A-Za-z _]+?)\s*[:=]\s*(?P<value>.*\S)\s*")
_KEYS = {
    **dict.fromkeys(("fs", "rate", "sampling rate", "sample rate", "sampling frequency"), "fs"),
    **dict.fromkeys(("unit", "units"), "unit"),
    **{name: name for name in ("gain", "baseline", "age", "sex")},
}
_HERTZ = re.compile(r"\s*hz", re.IGNORECASE)


def header_of(content: Content) -> int | None:
    """Line, counted from 0, of the header: the first line that is neither empty nor a comment, if it names a lead."""
    for number, line in enumerate(content.data[: 2**16].removeprefix(_MARK).split(b"\n")):
        if line.strip() and not line.startswith(b"#"):
            text = line.decode("latin-1")
            named = any(lead_of(_column(cell, {})[0]) for cell in _cells(text, _delimiter(text)))
            return number if named and "\0" not in text else None
    return None


def read_csv(content: Content) -> Recording:
    """Read the columns that are named like leads; others (time) are left out and named.

    An empty cell or `NaN` is a missing sample.

    Raises
    ------
    RecordingError
        If rate or unit is not known or said twice differently, or a row has no numbers or too few.
    """
    if len(content.data) > MOST_BYTES:
        raise RecordingError(f"it is larger than {MOST_BYTES >> 20} MiB, the most that is read of a text file")
    header = header_of(content)
    if header is None:
        raise RecordingError("its first line that is no comment names no lead")
    lines = _lines(content.data)
    facts = _settle(_comments([next(lines) for _ in range(header)]), content.stated)
    head = next(lines)
    delimiter = _delimiter(head)
    if head.count(delimiter) >= _MOST_COLUMNS:
        raise RecordingError(f"it has more than {_MOST_COLUMNS} columns")
    columns = [_column(name, facts) for name in _cells(head, delimiter)]
    table = _table(lines, header + 2, delimiter, len(columns))
    rate = _rate(facts)
    channels = [
        _channel(name, unit, table[:, place], rate, facts) if lead_of(name) else no_lead(name)
        for place, (name, unit) in enumerate(columns)
    ]
    return to_recording(channels, "CSV", content.name, subject=_subject(facts))


def _lines(data: bytes) -> Iterator[str]:
    """One after another, since a list of them would take many times their memory."""
    content = data.removeprefix(_MARK).rstrip(b"\r\n")
    try:
        content.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    return (line.decode(encoding) for line in io.BytesIO(content))


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(delimiter)]


def _comments(lines: list[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in lines:
        comment = _COMMENT.fullmatch(line.strip())
        key = _KEYS.get(comment["key"].casefold().replace("_", " ")) if comment else None
        if comment and key and facts.setdefault(key, comment["value"]) != comment["value"]:
            raise RecordingError(f"its comments state {key} twice, and differently")
    if "fs" in facts:
        facts["fs"] = _HERTZ.sub("", facts["fs"])
    return facts


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


def _column(cell: str, facts: dict[str, str]) -> tuple[str, str | None]:
    """Name and unit."""
    column = _COLUMN.fullmatch(cell)
    if column is None:
        return cell, None
    own, general = column["unit"], facts.get("unit")
    if own is not None and general is not None and own.strip() != general.strip():
        raise RecordingError(f"column {printable(cell)} is not in the unit stated for all, {printable(general)}")
    return column["name"], own if own is not None else general


def _channel(name: str, unit: str | None, values: NDArray[np.float64], rate: float, facts: dict[str, str]) -> Channel:
    if unit is None:
        raise RecordingError("its unit is not known: add a comment line `# unit: mV`, or say unit=…")
    if unit.casefold() != "adc":
        if "gain" in facts or "baseline" in facts:
            raise RecordingError("gain and baseline belong to unit adc")
        return Channel(name, values, require_millivolts(unit, name), rate)
    gain, baseline = finite(facts.get("gain")), finite(facts.get("baseline", "0"))
    if gain is None or gain <= 0 or baseline is None:
        raise RecordingError("unit adc needs a gain above zero in counts per millivolt (`# gain: 1000`, or gain=…)")
    return Channel(name, values, 1 / gain, rate, offset_mv=-baseline / gain)


def _table(lines: Iterable[str], first: int, delimiter: str, width: int) -> NDArray[np.float64]:
    """(rows, columns); `first` is the number of the first line."""
    values = array("d")
    for number, line in enumerate(lines, start=first):
        if (cells := line.count(delimiter) + 1) != width:
            raise RecordingError(f"line {number} has {cells} values for {width} columns")
        try:
            if "_" in line:
                raise ValueError("Python takes 1_000 for a number")
            values.extend(float(cell) if cell else np.nan for cell in _cells(line, delimiter))
        except ValueError:
            raise RecordingError(f"line {number} has a value that is no number") from None
    check_size(len(values))
    return np.frombuffer(values).reshape(-1, width)


def _subject(facts: dict[str, str]) -> Patient | None:
    age = re.sub(r"\s*(?:years?|y)$", "", facts.get("age", ""))
    return subjects.subject(stated=subjects.years(age, "years"), sex=subjects.sex(facts.get("sex")))
