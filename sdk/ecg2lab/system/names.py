"""Names of files, as they are shown: on a terminal, in a table, in JSON and in reports."""

from __future__ import annotations

import os

from ecg2lab._native import _core


def shown(name: object) -> str:
    """A name in one line that moves nothing around it: `?` for bytes that are no text and for what is not printable.

    Of what is no name, the type.
    """
    return _core.printable(os.fspath(name) if isinstance(name, str | os.PathLike) else type(name).__name__)


def quoted(value: object) -> str:
    """What was given in place of a word: the word, nothing, or of what type it is."""
    return repr(value) if isinstance(value, str | None) else type(value).__name__
