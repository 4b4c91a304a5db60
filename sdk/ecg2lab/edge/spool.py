"""Files as they came, each under the SHA-256 of its content: on the disk before anybody hears that they were taken."""

from __future__ import annotations

import os
from pathlib import Path

from ecg2lab.system.files import make_folder, sync_folder

_NEW = ".new"


class Spool:
    """A folder of contents. Safe to share between threads; one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder, 0o700)
        for first in range(256):
            (folder / f"{first:02x}").mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder)
        for unfinished in folder.glob(f"*/*{_NEW}*"):
            unfinished.unlink()

    def put(self, content: bytes, digest: str) -> None:
        """Keep content; returns once it is on the disk.

        Parameters
        ----------
        content
            As it came.
        digest
            Its SHA-256.

        Raises
        ------
        OSError
            If it cannot be written: nothing of it is kept.
        """
        path = self.path(digest)
        if path.exists():  # whole: it was renamed, perhaps by another thread just now
            sync_folder(path.parent)
            return
        aside = path.with_name(f"{path.name}{_NEW}{os.urandom(4).hex()}")
        try:
            with open(aside, "xb", opener=private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def path(self, digest: str) -> Path:
        """Where content lies, or would."""
        return self._folder / digest[:2] / digest

    def digests(self) -> list[str]:
        """Of all contents."""
        return [path.name for path in self._folder.glob("??/*") if _NEW not in path.name]

    def erase(self, digest: str) -> None:
        """Forget content, if it is there."""
        self.path(digest).unlink(missing_ok=True)


def private(path: str, flags: int) -> int:
    """For `open`: nobody else may read what is made."""
    return os.open(path, flags, 0o600)
