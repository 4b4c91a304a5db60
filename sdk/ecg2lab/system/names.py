"""Names of files, as they are shown: on a terminal, in a table, in JSON and in reports."""

from __future__ import annotations

import os

from ecg2lab._native import _core


def shown(name: str | os.PathLike[str]) -> str:
    """A name in one line that moves nothing around it: `?` for bytes that are no text and for what is not printable."""
    return _core.printable(os.fspath(name))


def quoted(value: object) -> str:
    """What was given in place of a word: the word, nothing, or of what type it is."""
    return repr(value) if isinstance(value, str | None) else type(value).__name__
