"""What a command leaves: folders that appear whole or not at all, indented JSON, digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ecg2lab.errors import Ecg2LabError, OutputError
from ecg2lab.system.aside import aside


def require_text(path: str | Path, error: type[Ecg2LabError]) -> Path:
    """Check that Polars, which takes UTF-8 alone, can read and write below `path`; raise `error` if not."""
    try:
        str(Path(path).absolute()).encode()
    except UnicodeEncodeError:
        raise error(f"the path of {path} is no UTF-8 text, as tables need it; rename its folders, or move it") from None
    return Path(path)


def require_free(path: str | Path) -> Path:
    """Check that a folder may be written at `path`: nothing is there, or an empty folder.

    Raises
    ------
    OutputError
        If something else is there, or the path is no text.
    """
    target = require_text(path, OutputError)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file; name a new folder")
    if target.is_dir() and any(target.iterdir()):
        raise OutputError(f"{target} is not empty; name a new folder, or empty this one first")
    return target


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that takes its place at success and is removed at failure.

    Raises
    ------
    OutputError
        If `path` is taken or cannot be written.
    """
    target = require_free(path)
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with aside(parent) as place:
            new = place / "new"
            new.mkdir()
            yield new
            replace_empty(new, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from None


def parts(folder: Path) -> list[Path]:
    """Of a table that was written in pieces; Polars would take brackets in the folder's own name for a pattern."""
    return sorted(folder.glob("*.parquet"))


def replace_empty(folder: Path, target: Path) -> None:
    """Move a folder to where nothing is, or an empty folder."""
    if target.is_dir():
        target.rmdir()
    os.replace(folder, target)


def indented(value: Any) -> bytes:
    """JSON that people can read, too; equal values give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def file_sha256(path: Path) -> str:
    """Digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
