"""Standard input, output and error of a process, whatever its caller left of them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NAMES = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class _Unheard(io.TextIOWrapper):
    """Of standard error: a complaint or a bar that cannot be written costs nobody an answer."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


@contextmanager
def usable_streams() -> Iterator[None]:
    """Within, every stream can be used; a terminal that lacks a letter shows a substitute.

    A stream that the caller closed is the null device, as programs expect it: else a file that is opened next would get
    its number, and what is printed would be written into that file.
    """
    for number, (name, mode) in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    before = sys.stderr
    if not isinstance(before, io.TextIOWrapper):
        yield
        return
    sys.stderr = _Unheard(before.buffer, before.encoding, "replace", line_buffering=True)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr.detach()  # else its end would close what is underneath
        sys.stderr = before
