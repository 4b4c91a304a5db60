"""The batches of an archive: what one worker takes at once, and what is kept or done anew after an interruption."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from ecg2lab.archive.listing import Listed

_FEWEST, _MORE, _MOST = 64, 128, 512
"""Recordings of a batch: at least, about so many more, and at most."""
_MOST_BYTES = 1 << 28
"""Of all files of a batch; one of a single recording may have more."""
Batch = list[Listed]


def batches(listed: Iterable[Listed]) -> Iterator[Batch]:
    """Divide a listing where paths say so: what is added or goes changes the batch around it alone."""
    batch: Batch = []
    size = 0
    for recording in listed:
        batch.append(recording)
        size += sum(max(file.size, 0) for file in recording.files)
        last = len(batch) >= _FEWEST and zlib.crc32(recording.path) % _MORE == 0
        if last or len(batch) >= _MOST or size >= _MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Place(NamedTuple):
    key: str
    offset: int
    size: int
    recordings: int


class Plan:
    """All batches in their order, kept in a file: only where each stands is in memory.

    Parameters
    ----------
    path
        Of the file, which is made anew.
    """

    def __init__(self, path: Path, listed: Iterable[Listed]) -> None:
        self._path = path
        self._places: list[_Place] = []
        with path.open("wb") as file:
            for batch in batches(listed):
                content = msgspec.msgpack.encode(batch)
                self._places.append(_Place(_key(content), file.tell(), len(content), len(batch)))
                file.write(content)
        self.recordings = sum(place.recordings for place in self._places)

    @property
    def keys(self) -> list[str]:
        """Of the batches: the digest of paths, sizes, times of change and facts."""
        return [place.key for place in self._places]

    def sizes(self) -> dict[str, int]:
        """Recordings of each batch, by key."""
        return {place.key: place.recordings for place in self._places}

    def read(self, keys: set[str]) -> Iterator[tuple[str, Batch]]:
        """These batches, with their keys."""
        with self._path.open("rb") as file:
            for place in self._places:
                if place.key in keys:
                    file.seek(place.offset)
                    yield place.key, msgspec.msgpack.decode(file.read(place.size), type=Batch)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
