"""Writing results."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ecg2lab.errors import OutputError


def write_atomically(path: str | Path, content: bytes | str, mode: int = 0o666) -> Path:
    """Write beside the target and rename, so that no reader ever meets half a file, even after a power cut.

    Parameters
    ----------
    path
        Of the file; missing folders are made.
    content
        Text is written as UTF-8.
    mode
        Permissions of the new file, less the umask.

    Raises
    ------
    OutputError
        If the folder cannot be made or the file cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "a folder stands there")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The kernel applies the umask; exclusive, so that nothing already there is followed or kept.
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    return path
