"""Which files make a recording together: a WFDB header and what it names; any other file is one by itself."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from ecg2lab.errors import RecordingError
from ecg2lab.readers.wfdb_header import read_header

HEADER = ".hea"
_SIGNALS = (".dat", ".mat")
"""Of WFDB: without a header they are no recording."""


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


def parts_of(folder: Path, header: str) -> set[str]:
    """The files that a WFDB header names, and those that they name; none, where it is no header that can be read."""
    try:
        content = read_header(folder / header)
    except (OSError, RecordingError):
        return set()
    parts = {signal.file for signal in content.signals}
    for segment in content.segments:
        name = f"{segment.name}{HEADER}"
        if segment.name != "~" and name != header and name not in parts:
            parts |= {name, *parts_of(folder, name)}
    return parts
