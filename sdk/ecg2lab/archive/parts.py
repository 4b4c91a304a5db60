"""What is done so far of a table: `X.parquet.parts`, until it becomes `X.parquet`."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ecg2lab.archive.rows import Row, frame
from ecg2lab.errors import OutputError
from ecg2lab.system.file_lock import file_lock
from ecg2lab.system.files import write_atomically
from ecg2lab.system.names import shown

if TYPE_CHECKING:
    import polars

_ROW_GROUP = 1 << 14
_ABOUT, _DONE, _JOINED, _LOCK, _ROWS = "about.json", "done.json", "joined.parquet", "lock", "rows"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What all rows rest on, beside the recordings and their facts."""

    model_digest: str
    ecg2lab: str
    computing: dict[str, Any]
    out_of_range: str
    layout: int = 1
    """Of these folders."""


class Parts:
    """The folder. Made by `open_parts`, which holds its lock."""

    def __init__(self, out: Path, columns: dict[str, Any]) -> None:
        self._out, self._columns = out, columns
        self.folder = folder_of(out)

    def begin(self, about: About) -> None:
        """Go on with what was begun, or begin.

        Raises
        ------
        OutputError
            If what was begun rests on something else.
        """
        (self.folder / _ROWS).mkdir(exist_ok=True)
        path = self.folder / _ABOUT
        if not path.exists():
            write_atomically(path, msgspec.json.encode(about))
            return
        try:
            before = msgspec.json.decode(path.read_bytes(), type=About)
        except msgspec.DecodeError:
            before = None
        if before != about:
            raise OutputError(
                f"{shown(self.folder)} was begun {_difference(before, about)}: go on as it was begun, name another "
                "--out, or remove that folder"
            )

    def done(self) -> set[str]:
        """Keys of the batches that are there."""
        return {path.stem for path in (self.folder / _ROWS).glob("*.parquet")}

    def add(self, key: str, rows: Sequence[Row]) -> None:
        """Keep the rows of a batch: they are on the disk when this returns.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        content = io.BytesIO()
        frame(rows, self._columns).write_parquet(content)
        write_atomically(self.folder / _ROWS / f"{key}.parquet", content.getvalue())

    def join(self, keys: Sequence[str], metadata: dict[str, str]) -> polars.DataFrame:
        """Make the table of these batches; the folder goes.

        Returns
        -------
        polars.DataFrame
            How many rows have each `state` and `error_type`.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        import polars
        from polars.exceptions import PolarsError

        joined = self.folder / _JOINED
        try:
            parts = [self.folder / _ROWS / f"{key}.parquet" for key in keys]
            table = polars.scan_parquet(parts, glob=False)
            table.sink_parquet(joined, row_group_size=_ROW_GROUP, metadata=metadata, sync_on_close="all")
            counts = count(joined)
            status = joined.stat()
            write_atomically(self.folder / _DONE, msgspec.json.encode([status.st_ino, status.st_size]))
            os.replace(joined, self._out)
        except (OSError, PolarsError) as error:
            said = getattr(error, "strerror", None) or "its parts cannot be joined"
            raise OutputError(
                f"cannot write {shown(self._out)}: {said}; {shown(self.folder)} keeps what is done"
            ) from None
        _clear(self.folder)
        return counts


def folder_of(out: Path) -> Path:
    """Where the parts of a table lie."""
    return out.with_name(f"{out.name}.parts")


def count(table: Path) -> polars.DataFrame:
    """How many rows of a table have each `state` and `error_type`."""
    import polars

    kinds = polars.scan_parquet(table, glob=False).group_by("state", "error_type").len()
    return kinds.sort("state", "error_type").collect(engine="streaming")


@contextmanager
def open_parts(out: Path, columns: dict[str, Any]) -> Iterator[Parts]:
    """The folder beside a table that is not there yet.

    Raises
    ------
    OutputError
        If the table is there, its folder cannot be written, or another command is at it.
    """
    folder = folder_of(out)
    if os.path.lexists(out):
        raise OutputError(f"{shown(out)} is there already: remove it, or name another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {shown(folder)}: {error.strerror}") from None
    with file_lock(folder / _LOCK, lambda: _refuse_second(out)):
        try:
            yield Parts(out, columns)
        except OSError as error:
            raise OutputError(f"cannot write {shown(folder)}: {error.strerror}") from None
        finally:
            if not any((folder / _ROWS).glob("*.parquet")):  # nothing to go on with
                _clear(folder)


def finished(out: Path) -> bool:
    """Whether a table is whole that a killed command had not left yet; what was left beside it is removed."""
    folder = folder_of(out)
    try:
        status = out.stat()
        if msgspec.json.decode((folder / _DONE).read_bytes()) != [status.st_ino, status.st_size]:
            return False
    except (OSError, msgspec.DecodeError):
        return False
    _clear(folder)
    return True


def _clear(folder: Path) -> None:
    """Its mark last: killed in between, the next command still knows whose it is."""
    shutil.rmtree(folder / _ROWS, ignore_errors=True)
    for path in folder.glob("*"):
        if path.name != _DONE:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _refuse_second(out: Path) -> None:
    raise OutputError(f"another command writes {shown(out)}")


def _difference(before: About | None, now: About) -> str:
    if before is None or before.layout != now.layout:
        return "by another version of ecg2lab"
    if before.model_digest != now.model_digest:
        return f"with another model ({before.model_digest[:12]}, not {now.model_digest[:12]})"
    if before.ecg2lab != now.ecg2lab:
        return f"by ecg2lab {before.ecg2lab}, not {now.ecg2lab}"
    return "with other options"
