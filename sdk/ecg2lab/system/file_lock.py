"""A lock between processes that dies with its holder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ecg2lab.errors import OutputError


@contextmanager
def file_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an exclusive lock on a file; the operating system frees it when the process ends, however it ends.

    Parameters
    ----------
    path
        Of the lock file, which stays: removing it would let two processes hold two files of one name.
    waiting
        Called once when another process, or another thread of this one, holds the lock.

    Raises
    ------
    OutputError
        If the file cannot be made or locked.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    try:
        if not _lock(descriptor, path, wait=False):
            waiting()
            _lock(descriptor, path, wait=True)
        yield
    finally:
        os.close(descriptor)  # also unlocks


def _lock(descriptor: int, path: Path, wait: bool) -> bool:
    try:
        _lock_file(descriptor, wait)
    except BlockingIOError:
        return False
    except OSError as error:
        raise OutputError(f"cannot lock {path}: {error.strerror}") from None
    return True


if sys.platform == "win32":
    import msvcrt
    import time

    def _lock_file(descriptor: int, wait: bool) -> None:
        while True:  # LK_LOCK gives up after ten seconds, so waiting is done here
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if not wait:
                    raise BlockingIOError from None
                time.sleep(0.2)

else:
    import fcntl

    def _lock_file(descriptor: int, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
