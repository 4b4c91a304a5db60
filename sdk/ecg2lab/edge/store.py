"""What the node must not forget: one SQLite file. What is written is on the disk before `write` returns.

Writes that come together share one commit. A write that fails leaves nothing behind, and no other is lost by it.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ecg2lab.errors import StoreError

T = TypeVar("T")
VERSION = 1
_TOGETHER = 64
"""Writes in one commit."""

_TABLES = """
CREATE TABLE recordings (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  origin TEXT NOT NULL,
  sender TEXT NOT NULL,
  facts TEXT NOT NULL,
  received REAL NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'answered', 'refused', 'set aside')),
  answered REAL,
  answer BLOB,
  source TEXT,
  problem TEXT
);
CREATE INDEX recordings_state ON recordings (state, number);
CREATE INDEX recordings_received ON recordings (received);
CREATE TABLE files (
  recording INTEGER NOT NULL REFERENCES recordings (number) ON DELETE CASCADE,
  place INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (recording, place)
) WITHOUT ROWID;
CREATE INDEX files_digest ON files (digest);
CREATE INDEX files_name ON files (name);
CREATE TABLE deliveries (
  recording INTEGER NOT NULL REFERENCES recordings (number) ON DELETE CASCADE,
  destination TEXT NOT NULL,
  patient TEXT,
  state TEXT NOT NULL CHECK (state IN ('queued', 'acknowledged', 'set aside')),
  message BLOB,
  attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL DEFAULT 0,
  problem TEXT,
  changed REAL NOT NULL,
  PRIMARY KEY (recording, destination)
);
CREATE INDEX deliveries_queued ON deliveries (destination, recording) WHERE state = 'queued';
CREATE INDEX deliveries_state ON deliveries (destination, state, recording);
CREATE TABLE facts (
  patient TEXT NOT NULL,
  authority TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('vital sign', 'body', 'person')),
  name TEXT NOT NULL,
  at REAL NOT NULL,
  value TEXT NOT NULL,
  origin TEXT NOT NULL,
  received REAL NOT NULL,
  PRIMARY KEY (patient, kind, name, at, authority)
) WITHOUT ROWID;
CREATE INDEX facts_authority ON facts (patient, authority, kind);
CREATE INDEX facts_received ON facts (kind, received);
CREATE TABLE audit (
  time REAL NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  which TEXT
);
"""

Row = sqlite3.Row
Work = Callable[[sqlite3.Connection], Any]


class Store:
    """The SQLite file of one node. Safe to share between threads.

    Parameters
    ----------
    path
        Of the file; made if there is none.

    Raises
    ------
    StoreError
        If it is no such file, of a newer version, or another node has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its other files the same rights
            self._writer = self._open()
            self._reader = self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path}: {error}") from None
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any]]] = queue.SimpleQueue()
        self._asked, self._ending = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="ecg2lab-store", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.row_factory = Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_size_limit = 16777216")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(f"{self._path} is of version {version}, and this ecg2lab reads up to {VERSION}")
        if version == 0:
            connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
        return connection

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have `work` done within a transaction; the future is done when the commit is on the disk.

        Its exception is that of `work`, or StoreError if the commit failed: then nothing of it is kept.
        """
        future: Future[T] = Future()
        self._queue.put((work, future))
        self._asked.set()
        return future

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `submit`, and wait.

        Raises
        ------
        StoreError
            If it could not be kept.
        """
        future: Future[T] = Future()
        self._queue.put((work, future))
        while not future.done():  # whoever comes first does the work of all: no other thread need wake up
            with self._writing:
                self._commit_waiting()
        return future.result()

    def read(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """What a query finds; committed work of all threads.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        with self.reading() as store:
            return store.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several queries of one moment: between them nothing changes.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        try:
            with self._reading:
                self._reader.execute("BEGIN")
                try:
                    yield self._reader
                finally:
                    self._reader.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"what was kept cannot be read: {error}") from None

    def close(self) -> None:
        """After what was submitted is done."""
        self._ending = True
        self._asked.set()
        self._thread.join()
        with self._reading, self._writing:  # nobody is within SQLite; who comes later is told that it is closed
            self._reader.close()
            self._writer.close()

    def _run(self) -> None:
        """Do what nobody waits for."""
        while not (self._ending and self._queue.empty()):
            self._asked.wait()
            self._asked.clear()
            with self._writing:
                self._commit_waiting()

    def _commit_waiting(self) -> None:
        batch: list[tuple[Work, Future[Any]]] = []
        while len(batch) < _TOGETHER and not self._queue.empty():
            batch.append(self._queue.get())
        if batch:
            self._commit(batch)
        if not self._queue.empty():
            self._asked.set()

    def _commit(self, batch: list[tuple[Work, Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                self._writer.execute("SAVEPOINT work")
                try:
                    done.append((future, work(self._writer)))
                except Exception as error:
                    self._writer.execute("ROLLBACK TO work")
                    future.set_exception(_told(error))
                self._writer.execute("RELEASE work")
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            for _, future in batch:
                if not future.done():
                    future.set_exception(_told(error))
            return
        for future, result in done:
            future.set_result(result)

    def _roll_back(self) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:  # the transaction is gone already
            pass


def _told(error: Exception) -> Exception:
    return StoreError(f"cannot be kept: {error}") if isinstance(error, sqlite3.Error) else error
