"""What is on a disk after the power was cut: what was synced, and of the rest nothing, or any part of it.

A process runs with `disk_journal.c` preloaded, which writes down each change in order. A cut is a place in that
journal. POSIX promises no more than this: the bytes of a file are there once the file was synced, and its name once its
folder was.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from random import Random

_HEAD = struct.Struct("<BQQQII")
SOURCE = Path(__file__).with_name("disk_journal.c")


def library(folder: Path) -> Path:
    """Compile what is preloaded."""
    built = folder / "disk_journal.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", built, SOURCE, "-ldl", "-pthread"], check=True)
    return built


def entries(journal: bytes) -> Iterator[tuple[str, int, int, int, str, str, bytes]]:
    """What it did, file, offset, size, paths, data."""
    at = 0
    while at + _HEAD.size <= len(journal):
        what, file, offset, size, first, second = _HEAD.unpack_from(journal, at)
        at += _HEAD.size
        paths = journal[at : at + first + second]
        at += first + second
        length = size if chr(what) == "w" else 0
        if at + length > len(journal):
            return
        yield (
            chr(what),
            file,
            offset,
            size,
            paths[:first].decode(),
            paths[first:].decode(),
            journal[at : at + length],
        )
        at += length


class Disk:
    """What would be found after a cut.

    Parameters
    ----------
    luck
        Which changes that were not synced are there all the same; None: none of them.
    """

    def __init__(self, root: Path, luck: Random | None) -> None:
        self._root, self._luck = str(root), luck
        self._bytes: dict[int, bytearray] = {}
        self._unsynced: dict[int, list[tuple[int, bytes | None]]] = {}
        """For each file its changes: bytes at an offset, or None: cut to this length."""
        self._live: dict[str, int | None] = {}
        """Names as the process sees them; None: a folder."""
        self._names: dict[str, int | None] = {}
        """Names that are on the disk."""
        self._moved: list[tuple[str, str, int | None]] = []
        """Names that came (+) and went (-), whose folder was not synced yet."""

    def play(self, journal: bytes) -> None:
        """Everything that was written down."""
        for what, file, offset, _, first, second, data in entries(journal):
            if what == "c":
                self._name("+", first, file)
                self._bytes[file], self._unsynced[file] = bytearray(), []
            elif what == "m":
                self._name("+", first, None)
            elif what == "u":
                self._name("-", first, None)
            elif what == "r":
                moved = self._live.get(first)
                self._name("+", second, moved)
                self._name("-", first, None)
            elif what in "wt":
                self._unsynced.setdefault(file, []).append((offset, data if what == "w" else None))
            elif what == "s":
                self._sync(file, first)

    def _name(self, sign: str, path: str, file: int | None) -> None:
        if sign == "+":
            self._live[path] = file
        else:
            self._live.pop(path, None)
        self._moved.append((sign, path, file))

    def _sync(self, file: int, path: str) -> None:
        for change in self._unsynced.pop(file, []):
            self._change(file, change)
        waiting = self._moved
        self._moved = []
        for move in waiting:
            if str(PurePosixPath(move[1]).parent) == path:
                self._keep(move)
            else:
                self._moved.append(move)

    def _keep(self, move: tuple[str, str, int | None]) -> None:
        sign, path, file = move
        if sign == "+":
            self._names[path] = file
        else:
            self._names.pop(path, None)

    def _change(self, file: int, change: tuple[int, bytes | None]) -> None:
        content, (offset, data) = self._bytes.setdefault(file, bytearray()), change
        if data is None:
            del content[offset:]
            content.extend(bytes(offset - len(content)))
        else:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data

    def lay_out(self, folder: Path) -> None:
        """The disk after the cut, below another folder."""
        if self._luck is not None:
            for move in self._moved:
                if self._luck.random() < 0.5:
                    self._keep(move)
            for file, changes in self._unsynced.items():
                for change in changes:
                    if self._luck.random() < 0.5:
                        self._change(file, change)
        folder.mkdir(parents=True, exist_ok=True)
        for path, file in sorted(self._names.items()):
            if path.endswith("-shm"):  # is memory that SQLite shares
                continue
            place = folder / PurePosixPath(path).relative_to(self._root)
            if not place.parent.is_dir():  # its folder is not there
                continue
            if file is None:
                place.mkdir()
            else:
                place.write_bytes(self._bytes.get(file, b""))
