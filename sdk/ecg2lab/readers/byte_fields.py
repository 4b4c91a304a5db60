"""Little-endian numbers at given offsets of a binary file."""

from __future__ import annotations

from ecg2lab.errors import RecordingError


class ByteFields:
    """Bytes that are read by offset; an offset beyond the end is refused, never a shorter result."""

    def __init__(self, content: bytes | memoryview) -> None:
        self._content = memoryview(content)

    def __len__(self) -> int:
        return len(self._content)

    def view(self, offset: int, size: int) -> memoryview:
        """Bytes from `offset` on, without copying.

        Raises
        ------
        RecordingError
            If they are not all there.
        """
        if offset < 0 or size < 0 or offset + size > len(self._content):
            raise RecordingError(
                "one of its fields lies beyond its end: it is cut short, or written wrongly; copy it again"
            )
        return self._content[offset : offset + size]

    def take(self, offset: int, size: int) -> bytes:
        """A copy of the bytes from `offset` on."""
        return bytes(self.view(offset, size))

    def unsigned(self, offset: int, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.view(offset, size), "little")

    def signed(self, offset: int, size: int) -> int:
        """A signed number of `size` bytes."""
        return int.from_bytes(self.view(offset, size), "little", signed=True)

    def text(self, offset: int, size: int) -> str:
        """Latin-1 text up to the first zero byte."""
        return latin_text(self.take(offset, size))


def decoded(raw: bytes) -> str:
    """Decode UTF-8 text or, if it is not valid UTF-8, Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def latin_text(raw: bytes) -> str:
    """Text up to the first zero byte, in Latin-1, where every byte is a character, so that nothing is lost."""
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()
