"""Files as they came, each under the SHA-256 of its content: on the disk before anybody hears that they were taken."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_NEW = ".new"


class Spool:
    """A folder of contents. Safe to share between threads; one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for unfinished in folder.glob(f"*/*{_NEW}*"):
            unfinished.unlink()

    def put(self, content: bytes) -> str:
        """Keep content; returns its digest once it is on the disk.

        Raises
        ------
        OSError
            If it cannot be written: nothing of it is kept.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if path.exists():  # whole: it was renamed
            return digest
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._folder)
        aside = path.with_name(f"{path.name}{_NEW}{os.urandom(4).hex()}")
        try:
            with open(aside, "xb", opener=_private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return digest

    def path(self, digest: str) -> Path:
        """Where content lies, or would."""
        return self._folder / digest[:2] / digest

    def digests(self) -> list[str]:
        """Of all contents."""
        return [path.name for path in self._folder.glob("??/*") if _NEW not in path.name]

    def erase(self, digest: str) -> None:
        """Forget content, if it is there."""
        self.path(digest).unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """So that a name outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
