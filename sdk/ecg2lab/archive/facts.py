"""Facts about the patients of an archive: a table of CSV or Parquet with a row for each recording."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers.grouping import HEADER
from ecg2lab.system.files import regular_size
from ecg2lab.system.names import shown

TABLES = (".csv", ".parquet")
PATH, ID = "path", "id"
Facts = dict[str, str | float | None]
_WORDS = ("sex", "race")
_ROWS = 10_000
"""That are in memory at once."""


class FactsTable:
    """A table, kept in a file that can be asked for one recording; a new one each time.

    Parameters
    ----------
    table
        With a column `path` or `id`, and others by the names of `Patient`. Other columns are left aside.
    store
        The file to make.
    root
        The archive, in which paths begin.

    Raises
    ------
    RecordingError
        If it cannot be read, has no such column, or names a recording twice.
    """

    def __init__(self, table: Path, store: Path, root: Path) -> None:
        self._root, self._table = root, table
        store.unlink(missing_ok=True)
        self._rows = sqlite3.connect(store, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE facts (key TEXT PRIMARY KEY, facts TEXT, used INTEGER) WITHOUT ROWID")
        self.key, self.columns, self.left_aside = self._fill()

    def __len__(self) -> int:
        count: int = self._rows.execute("SELECT count(*) FROM facts").fetchone()[0]
        return count

    def in_order(self) -> Iterator[tuple[str, Facts]]:
        """All rows by path."""
        for key, facts in self._rows.execute("SELECT key, facts FROM facts ORDER BY key"):
            yield key, msgspec.json.decode(facts)

    def of(self, path: str) -> Facts:
        """The facts on a recording; none, if the table does not name it.

        Raises
        ------
        RecordingError
            If two recordings are called so.
        """
        name = path if self.key == PATH else os.path.basename(path)
        shorter = name.removesuffix(HEADER) if self.key == PATH else os.path.splitext(name)[0]
        for key in dict.fromkeys((name, shorter)):
            try:
                row = self._rows.execute("SELECT facts, used FROM facts WHERE key = ?", (key,)).fetchone()
            except UnicodeEncodeError:  # a name that is no text stands in no table
                return {}
            if row is None:
                continue
            if row[1]:
                raise RecordingError(
                    f"{shown(self._table)} has facts on {shown(key)}, and two recordings are called so, {shown(path)} "
                    f"the second: name them in a column {PATH!r}"
                )
            self._rows.execute("UPDATE facts SET used = 1 WHERE key = ?", (key,))
            found: Facts = msgspec.json.decode(row[0])
            return found
        return {}

    def unused(self) -> int:
        """Rows that no recording belonged to."""
        count: int = self._rows.execute("SELECT count(*) FROM facts WHERE used = 0").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def _fill(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        from polars.exceptions import PolarsError

        try:
            table = _scanned(self._table)
            columns = table.collect_schema().names()
            key = next((name for name in (PATH, ID) if name in columns), None)
            if key is None:
                raise RecordingError(f"{shown(self._table)} has no column {PATH!r}, nor {ID!r}")
            facts = tuple(name for name in columns if name in Patient.__struct_fields__)
            self._rows.execute("BEGIN")
            for batch in table.select(key, *facts).collect_batches(chunk_size=_ROWS, maintain_order=True):
                self._add(key, batch.iter_rows(named=True))
            self._rows.execute("COMMIT")
        except (OSError, PolarsError) as error:
            said = getattr(error, "strerror", None) or "it is no table of that form"
            raise RecordingError(f"cannot read {shown(self._table)}: {said}") from None
        return key, facts, tuple(name for name in columns if name not in (key, *facts))

    def _add(self, key: str, rows: Iterator[dict[str, Any]]) -> None:
        for row in rows:
            name = row.pop(key)
            if name is None or name == "":
                raise RecordingError(f"{shown(self._table)} has a row without {key!r}")
            name = self._below_root(str(name)) if key == PATH else str(name)
            facts = {field: value for field, value in map(_plain, row.items()) if value is not None}
            try:
                values = (name, msgspec.json.encode(facts).decode(), 0)
                self._rows.execute("INSERT INTO facts VALUES (?, ?, ?)", values)
            except sqlite3.IntegrityError:
                raise RecordingError(f"{shown(self._table)} names {shown(name)} twice") from None

    def _below_root(self, path: str) -> str:
        path = os.path.normpath(path)
        inside = os.path.join(self._root, "")
        return path.removeprefix(inside)


def _scanned(table: Path) -> Any:
    """Text of CSV stays text: the name of a recording may look like a number."""
    import polars

    regular_size(table)  # Polars would wait for a pipe, and has many words for a file that is missing
    if table.suffix == ".csv":
        return polars.scan_csv(table, infer_schema=False, glob=False)
    return polars.scan_parquet(table, glob=False)


def _plain(fact: tuple[str, Any]) -> tuple[str, str | float | None]:
    """A fact as JSON has it; an empty cell and NaN are none. What is no number stays a word, and is refused later."""
    name, value = fact
    if value is None or value == "":
        return name, None
    if name in _WORDS or isinstance(value, bool):
        return name, str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return name, str(value)
    return name, None if math.isnan(number) else str(number) if math.isinf(number) else number
