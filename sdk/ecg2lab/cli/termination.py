"""SIGTERM ends a command as an interrupt does, and soon, whatever is being computed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import cache
from typing import NoReturn

GRACE_S = 2.0
"""To clear away what was begun. Python acts on a signal between two of its own steps; one may be a call of minutes."""


@cache
def watch() -> None:
    """Begin; once for a process, in its main thread, where alone Python takes signals."""
    signal.signal(signal.SIGTERM, _terminated)
    if sys.platform == "win32":  # where that signal never asks
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_leave)
    threading.Thread(target=_insist, args=(told,), name="ecg2lab-termination", daemon=True).start()


def leave_alone() -> None:
    """A verb that stops in order may take longer, and takes its signals itself."""
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)


def _terminated(number: int, _: object) -> NoReturn:
    """End as an interrupted command does: what was begun is cleared away."""
    raise SystemExit(128 + number)


def _leave() -> None:
    """A process that was forked off has signals of its own, and nobody who watches."""
    signal.set_wakeup_fd(-1)


def _insist(told: int) -> None:
    while number := os.read(told, 1):
        if number[0] == signal.SIGTERM:
            time.sleep(GRACE_S)
            os._exit(128 + signal.SIGTERM)
