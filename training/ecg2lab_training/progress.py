"""How work tells how far it is, and how much there was."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and a remark."""


def silent(done: int, total: int, remark: str) -> None:
    """Tell nothing."""


def counted(number: int, noun: str) -> str:
    """`1 patient`, `2 patients`."""
    return f"{number} {noun}{'s' * (number != 1)}"
