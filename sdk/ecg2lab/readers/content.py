"""The content of one file, read once and up to a limit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.readers.limits import MOST_BYTES
from ecg2lab.system.files import regular_size

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class Stated(NamedTuple):
    """Properties of the samples that the caller states because the file may not."""

    fs: float | None = None
    unit: str | None = None
    gain: float | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class Content:
    """Name and bytes of a file, the properties that the caller states, and, on request, the XML tree."""

    name: str
    data: bytes
    stated: Stated

    @classmethod
    def of(cls, path: Path, stated: Stated) -> Content:
        """Read a regular file.

        Raises
        ------
        OSError
            If there is none, it is no regular file (reading a pipe would block), or it cannot be read.
        RecordingError
            If it is too large.
        """
        size = regular_size(path)
        if size > MOST_BYTES:
            raise RecordingError(f"it is larger than {MOST_BYTES >> 20} MiB, the most that is read: cut it into parts")
        with path.open("rb") as file:
            return cls(path.name, file.read(size), stated)

    @cached_property
    def tree(self) -> Element:
        """The root of its XML.

        Raises
        ------
        RecordingError
            If it is no XML, or no XML that is accepted here.
        """
        from ecg2lab.readers import xml_tree

        return xml_tree.parse(self.data)
