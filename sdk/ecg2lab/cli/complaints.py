"""Refusals and internal errors as one line on stderr."""

from __future__ import annotations

import sys

from ecg2lab.system.names import shown

REFUSED, INTERNAL = 1, 3
"""Exit codes."""
DEBUG = "ECG2LAB_DEBUG"
"""Environment variable that lets tracebacks through."""


def complain(message: str) -> None:
    """Print one line, whatever the width of the terminal and whatever a file name holds."""
    sys.stderr.write(f"error: {shown(message)}\n")


def internal(error: Exception) -> str:
    """Name an error that should not have happened; its text may hold data of a patient and stays out."""
    return f"internal error, {type(error).__name__}: please report it ({DEBUG}=1 shows the traceback)"
