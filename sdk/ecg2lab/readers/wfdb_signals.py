"""Samples of WFDB records in their storage formats (signal(5))."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers.deferred import Counts, Deferred
from ecg2lab.readers.limits import MOST_BYTES, check_size
from ecg2lab.readers.wfdb_header import Signal
from ecg2lab.system.extras import require
from ecg2lab.system.files import regular_size

Rows = NDArray[np.uint8]
_INFLATED = 2**16
"""Bytes that are asked of a decompressor in one go: it makes room for as many."""
_BLOCK = 2**13
"""Groups of bytes that are unpacked in one go, so that what is wider on the way stays small."""


class Storage(NamedTuple):
    """How samples are stored in bytes."""

    bits: int
    """Bits of one sample, on average."""
    unpack: Callable[[memoryview], NDArray[Any]]
    missing: int | None
    """The count that marks a missing sample."""


def _groups(size: int, unpack: Callable[[Rows], NDArray[Any]]) -> Callable[[memoryview], NDArray[Any]]:
    """Of rows of `size` bytes; a last one that is cut off ends in zeros, which the number of samples leaves out."""

    def unpack_all(data: memoryview) -> NDArray[Any]:
        samples = unpack(np.zeros((1, size), np.uint8))
        counts = np.empty((-(-len(data) // size), len(samples)), samples.dtype)
        for start in range(0, len(counts), _BLOCK):
            part = bytes(data[start * size : (start + _BLOCK) * size])
            rows = np.frombuffer(part + b"\0" * (-len(part) % size), np.uint8).reshape(-1, size)
            counts[start : start + len(rows)] = unpack(rows).reshape(len(rows), -1)
        return counts.ravel()

    return unpack_all


def _signed(counts: NDArray[np.int32], bits: int) -> NDArray[np.int16]:
    return ((counts ^ (1 << (bits - 1))) - (1 << (bits - 1))).astype(np.int16)


def _unpack_212(rows: Rows) -> NDArray[Any]:
    low, middle, high = rows.T.astype(np.int32)
    return _signed(np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1).ravel(), 12)


def _unpack_310(rows: Rows) -> NDArray[Any]:
    first, second = rows.view("<u2").T.astype(np.int32)
    third = (first >> 11 & 0x1F) | (second >> 11 & 0x1F) << 5
    return _signed(np.stack([first >> 1 & 0x3FF, second >> 1 & 0x3FF, third], axis=1).ravel(), 10)


def _unpack_311(rows: Rows) -> NDArray[Any]:
    words = rows.view("<u4").ravel()
    return _signed(np.stack([words >> shift & 0x3FF for shift in (0, 10, 20)], axis=1).ravel().astype(np.int32), 10)


def _unpack_24(rows: Rows) -> NDArray[Any]:
    # Into the upper bytes, so that the shift back extends the sign.
    padded = np.zeros((len(rows), 4), np.uint8)
    padded[:, 1:] = rows
    return padded.view("<i4").ravel() >> 8


def _plain(kind: str) -> Callable[[memoryview], NDArray[Any]]:
    return lambda data: np.frombuffer(data, kind, len(data) // np.dtype(kind).itemsize)


def _offset_binary(bits: int) -> Callable[[memoryview], NDArray[Any]]:
    """The highest bit, turned over, is that of two's complement."""
    unsigned = _plain(f"<u{bits // 8}")
    return lambda data: (unsigned(data) ^ (1 << (bits - 1))).view(f"<i{bits // 8}")


STORAGE = {
    8: Storage(8, _plain("i1"), None),
    16: Storage(16, _plain("<i2"), -(2**15)),
    24: Storage(24, _groups(3, _unpack_24), -(2**23)),
    32: Storage(32, _plain("<i4"), -(2**31)),
    61: Storage(16, _plain(">i2"), -(2**15)),
    80: Storage(8, _offset_binary(8), -(2**7)),
    160: Storage(16, _offset_binary(16), -(2**15)),
    212: Storage(12, _groups(3, _unpack_212), -(2**11)),
    310: Storage(11, _groups(4, _unpack_310), -(2**9)),
    311: Storage(11, _groups(4, _unpack_311), -(2**9)),
}
"""By the number of the format. 310 and 311 hold three samples in 32 bits."""
_DIFFERENCES = 8
_FLAC = {508: 8, 516: 16, 524: 24}
"""Bits of the formats that are FLAC inside."""


def read_signals(folder: Path, signals: Sequence[Signal], frames: int | None) -> list[Counts]:
    """Counts of the signals of one file, (frames · per_frame,) each.

    Raises
    ------
    OSError
        If the file cannot be read.
    RecordingError
        If its format is unknown, or it has fewer samples than the header announces.
    MissingExtraError
        If it is FLAC and soundfile is not installed.
    """
    first = signals[0]
    if any((signal.format, signal.offset) != (first.format, first.offset) for signal in signals):
        raise RecordingError(f"the header states two formats or offsets for the one file {first.file}")
    in_frame = sum(signal.per_frame for signal in signals)
    check_size((frames or 0) * in_frame)
    data = _bytes_of(folder / first.file, first.offset)
    counts = _flac(data, first, in_frame) if first.format in _FLAC else _unpack(data, first, frames, in_frame)
    have = len(counts) // in_frame
    if have < (frames or 1):
        raise RecordingError(
            f"{first.file} has {have} samples of each signal and the header announces {frames or 'more'}: "
            "it is cut short, or the header is of another file"
        )
    rows = counts[: (frames or have) * in_frame].reshape(-1, in_frame)
    ends = np.cumsum([signal.per_frame for signal in signals]).tolist()
    columns = [rows[:, end - signal.per_frame : end].reshape(-1) for end, signal in zip(ends, signals, strict=True)]
    if first.format == _DIFFERENCES:
        return [_summed(column, signal.initial or 0) for column, signal in zip(columns, signals, strict=True)]
    return list(columns)


def missing_count(signal: Signal) -> int | None:
    """The count that marks a missing sample in the signal's format."""
    return -(2 ** (_FLAC[signal.format] - 1)) if signal.format in _FLAC else STORAGE[signal.format].missing


def _unpack(data: memoryview, signal: Signal, frames: int | None, in_frame: int) -> NDArray[Any]:
    storage = STORAGE.get(signal.format)
    if storage is None:
        known = ", ".join(map(str, [*STORAGE, *_FLAC]))
        raise RecordingError(f"{signal.file} is stored in format {signal.format}; {known} are read")
    samples = len(data) * 8 // storage.bits if frames is None else frames * in_frame
    check_size(samples)
    # Enough for the samples that are read, and for the group of bytes that the last of them belongs to.
    return storage.unpack(data[: samples * storage.bits // 8 + 4])


def _bytes_of(path: Path, offset: int) -> memoryview:
    """The file from its first sample on; one that was compressed as a whole is decompressed."""
    if not path.exists() and path.with_name(path.name + ".gz").exists():
        path = path.with_name(path.name + ".gz")
    size = regular_size(path)
    if size > MOST_BYTES:
        raise RecordingError(
            f"{path.name} is larger than {MOST_BYTES >> 20} MiB, the most that is read: cut the record"
        )
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b" and path.suffix == ".gz"
        file.seek(0 if packed else offset)
        if not packed:
            return memoryview(file.read(size))
        data = bytearray()
        try:
            with gzip.GzipFile(fileobj=file) as inner:
                while len(data) <= MOST_BYTES and (more := inner.read(_INFLATED)):
                    data += more
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise RecordingError(f"{path.name} cannot be decompressed to its end: copy it again") from None
    if len(data) > MOST_BYTES:
        raise RecordingError(f"{path.name} decompresses to more than {MOST_BYTES >> 20} MiB: cut the record")
    return memoryview(data)[offset:]


def _summed(differences: NDArray[Any], initial: int) -> Deferred:
    return Deferred(len(differences), lambda: initial + np.cumsum(differences, dtype=np.int64))


def _flac(data: memoryview, signal: Signal, in_frame: int) -> NDArray[Any]:
    """Signals as the channels of a FLAC stream, one sample of each in a frame."""
    require("formats", "soundfile")
    import soundfile

    if signal.per_frame != 1:
        raise RecordingError(f"{signal.file} is FLAC with several samples in a frame, which is not read")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            check_size(file.frames * file.channels)
            if file.channels != in_frame:
                raise RecordingError(
                    f"{signal.file} has {file.channels} channels and the header describes {in_frame} signals in it"
                )
            bits = _FLAC[signal.format]
            counts = np.empty((file.frames, in_frame), {8: np.int8, 16: np.int16, 24: np.int32}[bits])
            have = 0
            for block in file.blocks(_BLOCK, dtype="int32", always_2d=True):
                np.right_shift(block, 32 - bits, out=counts[have : have + len(block)], casting="same_kind")
                have += len(block)
    except soundfile.SoundFileError:
        raise RecordingError(f"{signal.file} is no FLAC, as which the header describes it") from None
    return counts[:have].ravel()
