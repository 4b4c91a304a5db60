"""The recordings of a folder and of all folders in it, in the order of their paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ecg2lab.readers.formats import WFDB_SUFFIXES
from ecg2lab.readers.grouping import HEADER, every_file, parts_of
from ecg2lab.system.names import shown

_ABSENT = -1
"""In place of the size of what is no file."""


class File(msgspec.Struct, frozen=True, array_like=True):
    """One file of a recording, as it was when it was listed."""

    path: bytes
    """Below the archive. Bytes, since a name may be no text; `os.fsdecode` makes it a path."""
    size: int
    changed_ns: int


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """What gets a row."""

    path: bytes
    """By which it is read, below the archive."""
    files: tuple[File, ...]
    facts: dict[str, str | float | None] = {}
    refusal: str | None = None
    """Why it is not even read."""


def walk(root: Path, left_out: Path) -> Iterator[Listed]:
    """Every file, folder by folder; within one, by name. Hidden files and folders are left out.

    What cannot be listed, and a link to a folder, which might lead in a circle, is listed as refused.

    Parameters
    ----------
    root
        The archive.
    left_out
        A folder that is no part of it.
    """
    around = [_within(root, "", left_out)]
    while around:
        entry = next(around[-1], None)
        if entry is None:
            around.pop()
        elif isinstance(entry, str):
            around.append(_within(root, entry, left_out))
        else:
            yield entry


def named(root: Path, paths: Iterable[tuple[str, dict[str, str | float | None]]]) -> Iterator[Listed]:
    """What a table names: paths below its folder, or whole ones, each with facts."""
    for path, facts in paths:
        try:
            folder, name = os.path.split(_header_of(root / path, path))
            files = [name, *sorted(parts_of(root / folder, name))] if name.endswith(HEADER) else [name]
            listed = _listed(root, path, folder, files)
        except ValueError:  # a zero byte
            listed = _refused(path, f"{shown(path)} is no path")
        yield msgspec.structs.replace(listed, facts=facts)


def _header_of(path: Path, asked: str) -> str:
    """The header, where `ecg2lab.read` would take it for what was asked."""
    suffix = path.suffix if path.suffix in WFDB_SUFFIXES else ""
    header = f"{asked.removesuffix(suffix)}{HEADER}"
    return header if (suffix or not path.exists()) and path.with_name(os.path.basename(header)).is_file() else asked


def _within(root: Path, folder: str, left_out: Path) -> Iterator[Listed | str]:
    """What a folder has: recordings, and paths of folders."""
    files, folders, refused = set(), set(), {}
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (entry.name == left_out.name and Path(entry.path) == left_out):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    refused[entry.name] = "is a link to a folder, which is not followed: score that folder for itself"
                else:
                    files.add(entry.name)
    except OSError as error:
        yield _refused(folder, f"cannot read folder {shown(folder or root)}: {error.strerror}")
        return
    recordings = {names[0]: names for names in every_file(root / folder, files)}
    for name in sorted({*folders, *refused, *recordings}, key=os.fsencode):
        path = os.path.join(folder, name)
        if name in folders:
            yield path
        elif name in refused:
            yield _refused(path, f"{shown(path)} {refused[name]}")
        else:
            yield _listed(root, path, folder, recordings[name])


def _listed(root: Path, path: str, folder: str, names: list[str]) -> Listed:
    return Listed(os.fsencode(path), tuple(_file(root, os.path.join(folder, name)) for name in names))


def _refused(path: str, why: str) -> Listed:
    return Listed(os.fsencode(path), (), refusal=why)


def _file(root: Path, path: str) -> File:
    try:
        status = os.stat(root / path)
    except OSError:
        return File(os.fsencode(path), _ABSENT, 0)
    size = status.st_size if stat.S_ISREG(status.st_mode) else _ABSENT
    return File(os.fsencode(path), size, status.st_mtime_ns)
