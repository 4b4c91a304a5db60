"""Numbers in files: plain, finite, and of limited length."""

from __future__ import annotations

import math
import re

from ecg2lab.errors import RecordingError

_FINITE = re.compile(r"[-+]?(?:\d{1,20}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[-+]?\d{1,18}", re.ASCII)


def finite(text: str | None) -> float | None:
    """The number that a text states, or None; None also for NaN, infinity and `1_000`, which Python would accept."""
    if text is None or not _FINITE.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def whole(text: str | None) -> int | None:
    """The whole number that a text states, or None."""
    return int(text) if text is not None and _WHOLE.fullmatch(text.strip()) else None


def positive(text: str | None, what: str) -> float:
    """A number above zero.

    Raises
    ------
    RecordingError
        If it is missing or no number above zero; the message names `what`.
    """
    return _above_zero(finite(text), text, what)


def count(text: str | None, what: str) -> int:
    """A whole number above zero; errors as for `positive`."""
    return int(_above_zero(whole(text), text, what))


def agreed(what: str, *texts: str | None) -> str | None:
    """The value that a file states at several places, or None if it states none.

    Raises
    ------
    RecordingError
        If two values differ; the message names `what`.
    """
    stated = [text.strip() for text in texts if text and text.strip()]
    if any(finite(text) != finite(stated[0]) or (finite(text) is None and text != stated[0]) for text in stated):
        raise RecordingError(f"the file states {what} twice, and differently ({stated[0][:24]} and {stated[-1][:24]})")
    return stated[0] if stated else None


def _above_zero(number: float | None, text: str | None, what: str) -> float:
    if text is None or not text.strip():
        raise RecordingError(f"the file does not state {what}")
    if number is None or number <= 0:
        raise RecordingError(f"{what} is no number above zero")
    return number
