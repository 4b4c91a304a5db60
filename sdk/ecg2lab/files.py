"""Writing results."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ecg2lab.errors import OutputError


def write_atomically(path: str | Path, content: bytes | str) -> Path:
    """Write beside the target and rename, so that no reader ever meets half a file.

    Raises
    ------
    OutputError
        If the folder cannot be made or the file cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    return path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
