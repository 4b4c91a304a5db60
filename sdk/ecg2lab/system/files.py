"""Reading and writing whole files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ecg2lab.errors import OutputError
from ecg2lab.system.aside import aside
from ecg2lab.system.names import shown


def regular_size(path: str | Path) -> int:
    """Size of a file in bytes; asked before reading, since a device or a pipe would be read without end.

    Raises
    ------
    OSError
        If there is none, or it is no regular file.
    """
    try:
        status = os.stat(os.fspath(path))
    except (TypeError, ValueError):  # a number would be a file that is open already; a zero byte ends a name
        raise OSError(errno.EINVAL, "it is no path") from None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return status.st_size


def read_regular(path: str | Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    OSError
        As `regular_size`, or if it cannot be read.
    """
    regular_size(path)
    return Path(path).read_bytes()


def require_folder(path: Path) -> None:
    """Refuse to write files into what is a file.

    Raises
    ------
    OutputError
        If it is there and no folder.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; name a folder")


def _followed(path: str | Path) -> Path:
    """Where a path leads.

    Raises
    ------
    OutputError
        If it is none.
    """
    try:
        return Path(os.path.realpath(path))
    except (TypeError, ValueError):
        raise OutputError(f"cannot write {shown(path)}: it is no path") from None


def write_atomically(path: str | Path, content: bytes | str, mode: int = 0o666) -> Path:
    """Write beside the target and rename, so that no reader ever meets half a file, even after a power cut.

    Parameters
    ----------
    path
        Of the file; missing folders are made. A link is followed; what is no regular file is never replaced.
    content
        Text is written as UTF-8.
    mode
        Permissions of the new file, less the umask.

    Raises
    ------
    OutputError
        If the folder cannot be made or the file cannot be written.
    """
    target = _followed(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        if os.path.lexists(target):
            regular_size(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with aside(target.parent) as place:
            # The kernel applies the umask; exclusive, so that nothing already there is followed or kept.
            with os.fdopen(os.open(place / "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(place / "new", target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    return Path(path)


def sync_folder(folder: Path) -> None:
    """Have the names in it on the disk, so that they outlive a power cut; a system that cannot do that does so itself.

    Raises
    ------
    OSError
        If it cannot be synced.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """If it is not there, and its parents; their names outlive a power cut.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_folder(folder.parent)
