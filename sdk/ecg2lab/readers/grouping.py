"""Which files make a recording together: a WFDB header and what it names; any other file is one by itself."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

from ecg2lab.errors import RecordingError
from ecg2lab.readers.wfdb_header import Header, read_header

HEADER = ".hea"
_SIGNALS = (".dat", ".mat")
"""Of WFDB: without a header they are no recording."""
_GAP = "~"
"""In place of a name: a segment, or a signal of a layout, without samples."""


def groups(folder: Path, whole: Set[str]) -> list[list[str]]:
    """Files that make a recording together; a file that still waits for another is in none.

    Parameters
    ----------
    folder
        Where they lie.
    whole
        Names of those that do not change any more.
    """
    headers = {name: parts_of(folder, name) for name in sorted(whole) if name.endswith(HEADER)}
    segments = {part for parts in headers.values() for part in parts if part.endswith(HEADER)}
    together = [[name, *sorted(parts)] for name, parts in headers.items() if name not in segments and parts <= whole]
    return together + [[name] for name in sorted(whole) if not name.endswith((HEADER, *_SIGNALS))]


def every_file(folder: Path, names: Set[str]) -> Iterator[list[str]]:
    """Recordings in the order of their names, such that no file is left over.

    Parameters
    ----------
    folder
        Where they lie.
    names
        Of all files there.

    Yields
    ------
    list of str
        A header and those of its files that are there; or a file that no header names.
    """
    headers = {name: parts_of(folder, name) & names for name in sorted(names) if name.endswith(HEADER)}
    segments = set().union(*headers.values())
    together = {name: parts for name, parts in headers.items() if name not in segments}
    parts = set().union(*together.values())
    for name in sorted(names - parts):
        yield [name, *sorted(together.get(name, ()))]


def parts_of(folder: Path, header: str) -> set[str]:
    """The files that a WFDB header names, and those that its segments name; none, where it is no header."""
    content = _header(folder, header)
    if content is None:
        return set()
    parts = {signal.file for signal in content.signals}
    for segment in {segment.name for segment in content.segments} - {_GAP, header.removesuffix(HEADER)}:
        own = _header(folder, f"{segment}{HEADER}")
        parts |= {f"{segment}{HEADER}", *(signal.file for signal in (own.signals if own else ()))}
    return parts - {_GAP}


def _header(folder: Path, name: str) -> Header | None:
    if Path(name).name != name:
        return None
    try:
        return read_header(folder / name)
    except (OSError, RecordingError):
        return None
