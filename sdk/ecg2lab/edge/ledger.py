"""What the node knows of each recording, and what it owes to each destination: tables, and the files beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from ecg2lab.answer.prediction import Prediction
from ecg2lab.edge.helper import Named
from ecg2lab.edge.spool import Spool
from ecg2lab.edge.store import Store
from ecg2lab.errors import StoreError
from ecg2lab.report.document import Refusal
from ecg2lab.system.file_lock import file_lock

State = Literal["waiting", "answered", "refused", "set aside"]
_CRASHED = "the node ended again and again while it was answering this recording"
_OWED = """
SELECT d.* FROM deliveries d WHERE d.destination = :destination AND d.state = 'queued' AND d.due <= :now
  AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.destination = d.destination AND e.state = 'queued'
                  AND e.patient = d.patient AND e.recording < d.recording)
  AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.state = 'waiting' AND r.number < d.recording)
ORDER BY d.recording LIMIT 1
"""
"""Of one patient nothing overtakes what came before it; what waits for its answer may be that patient's."""
_EXPIRED = """
DELETE FROM recordings WHERE answered < ?
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.recording = number AND d.state = 'queued')
"""


class Kept(NamedTuple):
    """What is known of a recording."""

    id: str
    number: int
    """In the order in which they came."""
    state: State
    facts: dict[str, Any]
    """Given with it."""
    received: float
    answered: float | None
    answer: bytes | None
    """JSON of the answer or of the refusal; None: neither yet."""
    source: dict[str, Any] | None
    """What its file says of its origin."""
    files: list[Named]
    problem: str | None
    """Why it was set aside."""

    @property
    def said(self) -> Prediction | Refusal:
        """The answer or the refusal."""
        assert self.answer is not None
        return msgspec.json.decode(self.answer, type=Refusal if self.state == "refused" else Prediction)


class Result(NamedTuple):
    """What became of a recording."""

    state: State
    answer: bytes | None
    source: dict[str, Any] | None
    problem: str | None


class Counts(NamedTuple):
    """How much there is."""

    recordings: dict[str, int]
    """By state."""
    destinations: dict[str, dict[str, int]]
    """For each destination its messages by state."""


class Owed(NamedTuple):
    """What goes to a destination next."""

    number: int
    message: bytes | None
    """None: it was not written yet."""
    attempts: int


class Ledger:
    """The folder of one node. Safe to share between threads.

    Raises
    ------
    StoreError
        If the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held.enter_context(file_lock(folder / "lock", self._refuse_another))
            self._spool = Spool(folder / "spool")
            self._attempts = folder / "attempts"
            self._attempts.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"nothing can be kept in {folder}: {error.strerror}") from None
        self._store = Store(folder / "edge.sqlite")

    def _refuse_another(self) -> None:
        raise StoreError(f"another node keeps its recordings in {self.folder}")

    def spool(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Keep the files of a recording; returns the digest of each.

        Raises
        ------
        StoreError
            If they cannot be written.
        """
        try:
            return {name: self._spool.put(content) for name, content in files.items()}
        except OSError as error:
            raise StoreError(f"the recording cannot be kept: {error.strerror}") from None

    def insert(
        self, identity: str, digests: Mapping[str, str], facts: Mapping[str, Any], origin: str, sender: str
    ) -> tuple[int, bool]:
        """Take a recording whose files are kept; returns its number, and whether it is new."""
        values = (identity, origin, sender, _json(digests), _json(facts), time.time())

        def work(store: Any) -> tuple[int, bool]:
            found = store.execute("SELECT number FROM recordings WHERE id = ?", (identity,)).fetchone()
            if found is not None:
                return found["number"], False
            cursor = store.execute(
                "INSERT INTO recordings (id, origin, sender, files, facts, received, state)"
                " VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                values,
            )
            _note(store, sender, "took", identity)
            return cursor.lastrowid, True

        return self._store.write(work)

    def waiting(self, most_attempts: int) -> list[int]:
        """What still waits for its answer; what was tried so often is set aside first."""
        tried = {int(path.name): path.stat().st_size for path in self._attempts.iterdir()}
        for number in (number for number, attempts in tried.items() if attempts >= most_attempts):
            self.finish(number, Result("set aside", None, None, _CRASHED), [])
        rows = self._store.read("SELECT number FROM recordings WHERE state = 'waiting' ORDER BY number")
        return [row["number"] for row in rows]

    def find(self, identity: str) -> Kept | None:
        """By name; None: there is none (any more)."""
        return self._one("id = ?", identity)

    def kept(self, number: int) -> Kept | None:
        """By number."""
        return self._one("number = ?", number)

    def _one(self, where: str, value: str | int) -> Kept | None:
        rows = self._store.read(f"SELECT * FROM recordings WHERE {where}", (value,))
        if not rows:
            return None
        row = rows[0]
        names = msgspec.json.decode(row["files"])
        return Kept(
            id=row["id"],
            number=row["number"],
            state=row["state"],
            facts=msgspec.json.decode(row["facts"]),
            received=row["received"],
            answered=row["answered"],
            answer=row["answer"],
            source=None if row["source"] is None else msgspec.json.decode(row["source"]),
            files=[Named(name, self._spool.path(digest)) for name, digest in names.items()],
            problem=row["problem"],
        )

    def begin(self, number: int) -> None:
        """Count an attempt, before what may end the process. It outlives that, though not a power cut."""
        with open(self._attempts / str(number), "ab") as attempts:
            attempts.write(b".")

    def unbegin(self, number: int) -> None:
        """Count no attempt: what went wrong was not about the recording."""
        (self._attempts / str(number)).unlink(missing_ok=True)

    def finish(self, number: int, result: Result, destinations: Sequence[str]) -> None:
        """Keep an answer, and with it what is owed."""
        now, source = time.time(), result.source
        patient = None if source is None else source.get("patient_id")
        told = None if source is None else _json(source)

        def work(store: Any) -> None:
            changed = store.execute(
                "UPDATE recordings SET state = ?, answer = ?, answered = ?, source = ?, problem = ?"
                " WHERE number = ? AND state = 'waiting'",
                (result.state, result.answer, now, told, result.problem, number),
            ).rowcount
            if changed and result.answer is not None:
                store.executemany(
                    "INSERT INTO deliveries (recording, destination, patient, state, changed)"
                    " VALUES (?, ?, ?, 'queued', ?)",
                    [(number, name, patient, now) for name in destinations],
                )

        self._store.write(work)
        self.unbegin(number)

    def owed(self, destination: str) -> Owed | float | None:
        """What goes there next; how long until something does; None: nothing is owed."""
        now = time.time()
        rows = self._store.read(_OWED, {"destination": destination, "now": now})
        if rows:
            return Owed(rows[0]["recording"], rows[0]["message"], rows[0]["attempts"])
        query = "SELECT min(due) AS due FROM deliveries WHERE destination = ? AND state = 'queued' AND due > ?"
        due = self._store.read(query, (destination, now))[0]["due"]
        return None if due is None else max(due - now, 0.01)

    def settle(self, number: int, destination: str, **fields: Any) -> None:
        """Change columns of what is owed."""
        names = ", ".join(f"{name} = ?" for name in fields)
        update = f"UPDATE deliveries SET {names}, changed = ? WHERE recording = ? AND destination = ?"
        values = (*fields.values(), time.time(), number, destination)
        self._store.write(lambda store: store.execute(update, values))

    def deliveries(self, number: int) -> list[dict[str, Any]]:
        """How a recording stands with each destination."""
        query = "SELECT destination, state, attempts, problem, changed FROM deliveries WHERE recording = ?"
        return [dict(row) for row in self._store.read(query, (number,))]

    def counts(self) -> Counts:
        """How much there is."""
        rows = self._store.read("SELECT state, count(*) AS n FROM recordings GROUP BY state")
        counted = Counts({row["state"]: row["n"] for row in rows}, {})
        query = "SELECT destination, state, count(*) AS n FROM deliveries GROUP BY destination, state"
        for row in self._store.read(query):
            counted.destinations.setdefault(row["destination"], {})[row["state"]] = row["n"]
        return counted

    def erase(self, identity: str, who: str) -> bool:
        """Forget a recording, its answer, and what is still owed of it; False: it is not there."""

        def work(store: Any) -> bool:
            gone: bool = store.execute("DELETE FROM recordings WHERE id = ?", (identity,)).rowcount > 0
            if gone:
                _note(store, who, "erased", identity)
            return gone

        gone = self._store.write(work)
        if gone:
            self.sweep()
        return gone

    def expire(self, answered_before: float, noted_before: float) -> int:
        """Erase what is older and owed to nobody, and old lines of the audit log; returns how many recordings."""

        def work(store: Any) -> int:
            store.execute("DELETE FROM audit WHERE time < ?", (noted_before,))
            gone: int = store.execute(_EXPIRED, (answered_before,)).rowcount
            if gone:
                _note(store, "node", f"erased {gone} by age", None)
            return gone

        gone = self._store.write(work)
        if gone:
            self.sweep()
        return gone

    def sweep(self) -> int:
        """Erase files of no recording; returns how many."""
        rows = self._store.read("SELECT files FROM recordings")
        return self._spool.keep_only(digest for row in rows for digest in msgspec.json.decode(row["files"]).values())

    def note(self, who: str, what: str, which: str | None = None) -> None:
        """Write into the audit log; without patient data."""
        self._store.submit(lambda store: _note(store, who, what, which))

    def close(self) -> None:
        """After everything is on the disk."""
        self._store.close()
        self._held.close()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _note(store: Any, who: str, what: str, which: str | None) -> None:
    store.execute("INSERT INTO audit (time, who, what, which) VALUES (?, ?, ?, ?)", (time.time(), who, what, which))
