"""Tables in batches of typed rows, from csv, csv.gz or parquet.

A compressed csv is never decompressed as a whole. The first row of a file, the header of a csv, is row 1; an empty
cell is null; anything else that is not of its column's type is refused with file and row.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl

from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort.tables import Kind, Table
from ecg2lab_training.files import parts

BLOCK = 32 << 20
"""Bytes of text that are parsed at once."""
LONGEST_ROW = 4 * BLOCK
"""Bytes; a longer one is a quotation mark that is never closed."""
ROWS = 500_000
"""Rows of a parquet file that are read at once."""
TYPES: dict[Kind, Any] = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "text": pl.String,
    "time": pl.Datetime("us"),
    "date": pl.Date,
}
TIME, DATE = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"
WORDS: dict[Kind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "time": "a time such as 2180-07-23 14:05:00",
    "date": "a date such as 2180-07-23",
}


def batches(table: Table) -> Iterator[pl.DataFrame]:
    """Read a table's columns, checked and typed, in batches; at least one, which may be empty.

    Yields
    ------
    DataFrame
        `row` (Int64, of the file) and the columns of the table's layout.

    Raises
    ------
    DatasetError
        If the file is damaged, lacks a column, or a cell is not of its column's type.
    """
    read = _parquet if table.path.suffix == ".parquet" else _csv
    for frame in read(table):
        yield _typed(frame, table)


def load(table: Table, keep: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame) -> pl.DataFrame:
    """Read the rows of a table that are kept, into memory."""
    return pl.concat([keep(batch) for batch in batches(table)])


def store(table: Table, folder: Path, keep: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.LazyFrame:
    """Copy the rows of a table that are kept into parquet files, which need not fit into memory."""
    folder.mkdir(parents=True)
    for number, batch in enumerate(batches(table)):
        keep(batch).write_parquet(folder / f"{number:06d}.parquet")
    return pl.scan_parquet(parts(folder), glob=False)


def _csv(table: Table) -> Iterator[pl.DataFrame]:
    path, names, row = table.path, list(table.columns), 2
    blocks = _blocks(path)
    header = next(blocks)
    _require_columns(path, _names(path, header), names)
    for block in blocks:
        try:
            frame = pl.read_csv(header + block, columns=names, infer_schema=False)
        except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise DatasetError(f"{path} cannot be read as csv, from row {row} on: {reason}") from None
        yield frame.with_row_index("row", row).with_columns(pl.col("row").cast(pl.Int64))
        row += frame.height


def _names(path: Path, header: bytes) -> list[str]:
    try:
        return next(csv.reader([header.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        raise DatasetError(f"{path} does not begin with a line of column names") from None


def _require_columns(path: Path, present: list[str], required: list[str]) -> None:
    missing = [name for name in required if name not in present]
    if missing:
        raise DatasetError(f"{path} has no column {missing[0]!r} (its columns: {', '.join(present) or 'none'})")


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the header line, then blocks of whole rows, at least one."""
    try:
        with _open(path) as stream:
            yield stream.readline()
            yield from _whole_rows(stream, path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DatasetError(f"{path} is a truncated or damaged gzip file; copy or download it again") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _whole_rows(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    rest, first = b"", True
    while block := stream.read(BLOCK):
        block = rest + block
        end = _end_of_last_row(block)
        if end == 0 and len(block) > LONGEST_ROW:
            raise DatasetError(f"{path} has a quotation mark that is never closed")
        rest = block[end:]
        if end:
            yield block[:end]
            first = False
    if rest or first:
        yield rest


def _end_of_last_row(block: bytes) -> int:
    """A line break between quotation marks, of which an odd number came before it, ends no row."""
    end = block.rfind(b"\n") + 1
    while end and block.count(b'"', 0, end) % 2:
        end = block.rfind(b"\n", 0, end - 1) + 1
    return end


def _parquet(table: Table) -> Iterator[pl.DataFrame]:
    path, names = table.path, list(table.columns)
    try:
        scan = pl.scan_parquet(path, glob=False)
        _require_columns(path, scan.collect_schema().names(), names)
        height = scan.select(pl.len()).collect().item()
        for start in range(0, max(height, 1), ROWS):
            frame = scan.select(names).slice(start, ROWS).collect().fill_nan(None)
            yield frame.with_row_index("row", start + 1).with_columns(pl.col("row").cast(pl.Int64))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DatasetError(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from None


def _typed(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    schema: Mapping[str, pl.DataType] = frame.schema
    try:
        typed = frame.select("row", *(_cast(name, kind, schema[name]) for name, kind in table.columns.items()))
    except pl.exceptions.PolarsError:
        wrong = {name: str(schema[name]) for name in table.columns}
        raise DatasetError(f"{table.path} has columns of types that cannot be understood: {wrong}") from None
    for name, kind in table.columns.items():
        lost = frame.filter(frame[name].is_not_null() & typed[name].is_null())
        if lost.height:
            raise DatasetError(
                f"{table.path}, row {lost['row'][0]}: {name} {str(lost[name][0])[:40]!r} is not {WORDS[kind]}"
            )
    return typed


def _cast(name: str, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind == "time":
        read = column.str.to_datetime(TIME, strict=False) if dtype == pl.String else column
        return read.cast(TYPES[kind])
    if kind == "date":
        return column.str.to_date(DATE, strict=False) if dtype == pl.String else column.cast(pl.Date)
    read = column.cast(TYPES[kind], strict=False)
    return pl.when(read.is_finite()).then(read) if kind == "number" else read
