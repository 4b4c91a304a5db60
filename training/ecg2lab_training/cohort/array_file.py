"""An array on disk, (rows, leads, samples) float32, that is written row by row and may lose rows at the end.

Rows are written as bytes of a file, not through a memory map: a full disk is then an error, whereas behind a map it
kills the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Row = tuple[int, int]
"""(leads, samples)."""


def new(path: Path, rows: int, row: Row) -> None:
    """Make an array of zeros."""
    with path.open("wb") as stream:
        stream.write(_header(rows, row))
        stream.truncate(size(rows, row))


def size(rows: int, row: Row) -> int:
    """Bytes of the file."""
    return len(_header(rows, row)) + rows * row_size(row)


def row_size(row: Row) -> int:
    """Bytes of one row."""
    return 4 * int(np.prod(row))


def put(stream: BinaryIO, rows: int, number: int, signal: NDArray[np.float32]) -> None:
    """Write one row of an open array of so many rows."""
    row = (signal.shape[0], signal.shape[1])
    stream.seek(len(_header(rows, row)) + number * row_size(row))
    stream.write(np.ascontiguousarray(signal, dtype="<f4").tobytes())


def close_gaps(path: Path, gone: Sequence[int]) -> NDArray[np.int64]:
    """Take rows out of the array: the last rows that stay move into their places.

    Until the file is cut, which comes last, nothing is lost: stopped halfway, it can be done again.

    Returns
    -------
    ndarray (rows that are left)
        For each row that is left, its number before.
    """
    signals = np.load(path, mmap_mode="r+")
    total, out = len(signals), set(gone)
    left = total - len(out)
    order = np.arange(left)
    movers = (row for row in range(total - 1, left - 1, -1) if row not in out)
    for gap in sorted(row for row in out if row < left):
        order[gap] = next(movers)
        signals[gap] = signals[order[gap]]
    signals.flush()
    row = (signals.shape[1], signals.shape[2])
    del signals
    if out:
        cut(path, total, left, row)
    return order


def cut(path: Path, rows: int, left: int, row: Row) -> None:
    """Keep the first rows."""
    header = _header(left, row)
    if len(header) != len(_header(rows, row)):
        raise AssertionError("NumPy pads its headers so that fewer rows need no other length")
    with path.open("r+b") as stream:
        stream.write(header)
        stream.truncate(size(left, row))


def _header(rows: int, row: Row) -> bytes:
    stream = BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (rows, *row)})
    return stream.getvalue()
