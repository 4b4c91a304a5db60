"""A place beside a result, in which it is made; what a killed process left of one is removed by the next run."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ecg2lab.errors import OutputError
from ecg2lab.system.file_lock import file_lock

_NAME = re.compile(r"\.ecg2lab-[0-9a-f]{12}\.partial")
_LOCK = "lock"
"""In the place; held by the process that made it, and freed by the system however that process ends."""
_cleared: set[Path] = set()
"""Folders that this process has looked through: once is enough, they may hold many files."""
_CLEARING = threading.Lock()


class _InUseError(Exception):
    """The place is another process's, or another thread's."""


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A new hidden folder in `folder`, which must be there; it goes at the end, with all that was not moved out of it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    _clear(folder)
    with ExitStack() as held:
        yield _new_place(folder, held)


def _new_place(folder: Path, held: ExitStack) -> Path:
    """One that is locked; not one that another process took for a left-over before it was."""
    while True:
        place = folder / f".ecg2lab-{os.urandom(6).hex()}.partial"
        place.mkdir(mode=0o700)
        with ExitStack() as attempt:
            attempt.callback(shutil.rmtree, place, ignore_errors=True)
            with suppress(OutputError, _InUseError):  # a file system without locks: then nothing is taken for left
                attempt.enter_context(file_lock(place / _LOCK, waiting=_refuse))
            if (place / _LOCK).exists():
                held.push(attempt.pop_all())
                return place


def _clear(folder: Path) -> None:
    """Remove the places of processes that are no more."""
    real = Path(os.path.realpath(folder))
    with _CLEARING:
        if real in _cleared:
            return
        _cleared.add(real)
        with suppress(OSError), os.scandir(real) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    _remove_unless_held(Path(entry.path))


def _remove_unless_held(place: Path) -> None:
    with suppress(OutputError, _InUseError):
        with file_lock(place / _LOCK, waiting=_refuse):
            shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)  # Windows keeps a file that is open


def _refuse() -> None:
    raise _InUseError
