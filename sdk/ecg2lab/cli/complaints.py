"""Refusals and internal errors as one line on stderr."""

from __future__ import annotations

import sys

REFUSED, INTERNAL = 1, 3
"""Exit codes."""
DEBUG = "ECG2LAB_DEBUG"
"""Environment variable that lets tracebacks through."""


def complain(message: str) -> None:
    """Print one line, whatever the width of the terminal and whatever line breaks a file name holds."""
    sys.stderr.write(f"error: {' '.join(printable(message).split())}\n")


def printable(message: str) -> str:
    """Without what a file name may smuggle in: bytes that are no text, and control characters."""
    text = message.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() or letter.isspace() else "?" for letter in text)


def internal(error: Exception) -> str:
    """Name an error that should not have happened; its text may hold data of a patient and stays out."""
    return f"internal error, {type(error).__name__}: please report it ({DEBUG}=1 shows the traceback)"
