"""What the node knows of each recording, and what it owes to each destination: tables, and the files beside them."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from ecg2lab.answer.prediction import Prediction
from ecg2lab.edge.facts.table import FactTable
from ecg2lab.edge.helper import Named
from ecg2lab.edge.identity import identify
from ecg2lab.edge.spool import Spool
from ecg2lab.edge.store import Store
from ecg2lab.edge.survey import Survey
from ecg2lab.errors import StoreError
from ecg2lab.report.document import Refusal
from ecg2lab.system.file_lock import file_lock
from ecg2lab.system.files import make_folder

State = Literal["waiting", "answered", "refused", "set aside"]
_CRASHED = "the node crashed again and again while it was answering this recording; keep it and report it"
_OWED = """
SELECT d.* FROM deliveries d WHERE d.destination = :destination AND d.state = 'queued' AND d.due <= :now
  AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.destination = d.destination AND e.state = 'queued'
                  AND e.patient = d.patient AND e.recording < d.recording)
  AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.state = 'waiting' AND r.number < d.recording)
ORDER BY d.recording LIMIT 1
"""
"""Of one patient nothing overtakes what came before it; what waits for its answer may be that patient's."""
_FILES = "SELECT name, digest FROM files WHERE recording = ? ORDER BY place"
_OTHERS_NAMED_SO = """
SELECT 1 FROM files f JOIN files o ON o.name = f.name AND o.digest != f.digest WHERE f.recording = ? LIMIT 1
"""
_EXPIRED = """
answered < ? AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.recording = number AND d.state = 'queued')
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
    origin: str = ""
    """Which input took it."""

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
            make_folder(folder, 0o700)
            self._held.enter_context(file_lock(folder / "lock", self._refuse_another))
            self._spool = Spool(folder / "spool")
            self.reading = folder / "reading"
            """Where files lie while they are read; empty at the start."""
            shutil.rmtree(self.reading, ignore_errors=True)
            self.reading.mkdir(mode=0o700)
            self._begun = folder / "begun"
            self._begun.mkdir(exist_ok=True, mode=0o700)
            self._crashed = self.crash.exists() and self.crash.stat().st_size > 0
        except OSError as error:
            raise StoreError(f"nothing can be kept in {folder}: {error.strerror}") from None
        self._store = Store(folder / "edge.sqlite")
        self.facts = FactTable(self._store)
        self.survey = Survey(self._store)
        self._taking, self._taken = threading.Lock(), Counter[str]()
        self._erase_contents(self._spool.digests())  # of what was not taken to the end

    def _refuse_another(self) -> None:
        raise StoreError(f"another node keeps its recordings in {self.folder}")

    def take(
        self, files: Mapping[str, bytes], facts: Mapping[str, Any], model: str, origin: str, sender: str
    ) -> tuple[Kept, bool]:
        """Keep a recording; returns it, and whether it is new, once it is on the disk.

        Parameters
        ----------
        files, facts, origin, sender
            As for `Node.accept`.
        model
            Digest of the bundle that answers.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        digests = {name: sha256(content).hexdigest() for name, content in files.items()}
        identity = identify(digests.values(), facts, model)
        with self._being_taken(digests.values()):
            try:
                for name, content in files.items():
                    self._spool.put(content, digests[name])
            except OSError as error:
                raise StoreError(f"the recording cannot be kept: {error.strerror}") from None
            received = time.time()
            number = self._insert(identity, digests, facts, origin, sender, received)
        if number is None:
            found = self.find(identity)
            if found is None:
                raise StoreError("the recording was erased while it came again: send it once more")
            return found, False
        named = [Named(name, self._spool.path(digest)) for name, digest in digests.items()]
        return Kept(identity, number, "waiting", dict(facts), received, None, None, None, named, None, origin), True

    def _insert(
        self,
        identity: str,
        digests: Mapping[str, str],
        facts: Mapping[str, Any],
        origin: str,
        sender: str,
        received: float,
    ) -> int | None:
        """The number of a new recording; None: it is there already."""
        values = (identity, origin, sender, _json(facts), received)

        def work(store: Any) -> int | None:
            cursor = store.execute(
                "INSERT INTO recordings (id, origin, sender, facts, received, state)"
                " VALUES (?, ?, ?, ?, ?, 'waiting') ON CONFLICT DO NOTHING",
                values,
            )
            if not cursor.rowcount:
                return None
            number: int = cursor.lastrowid
            rows = [(number, place, *named) for place, named in enumerate(digests.items())]
            store.executemany("INSERT INTO files VALUES (?, ?, ?, ?)", rows)
            _note(store, sender, "took", identity)
            return number

        return self._store.write(work)

    @contextmanager
    def _being_taken(self, digests: Iterable[str]) -> Iterator[None]:
        """No content that is on its way into the tables is erased."""
        listed = list(digests)
        with self._taking:
            self._taken.update(listed)
        try:
            yield
        finally:
            with self._taking:
                self._taken.subtract(listed)
                self._taken = +self._taken

    @property
    def crash(self) -> Path:
        """Where a process that ends by a fault of its own says so (`faulthandler`); one that is killed does not."""
        return self.folder / "crash"

    def waiting(self, most_crashes: int) -> list[int]:
        """What still waits for its answer; a recording over which so many processes crashed is set aside first."""
        for path in self._begun.iterdir():
            kept = self.kept(int(path.name))
            if kept is None or kept.state != "waiting":
                path.unlink()
            elif self._crashed:
                with open(path, "ab") as crashes:
                    crashes.write(b".")
                if path.stat().st_size >= most_crashes:
                    self.finish(kept, Result("set aside", None, None, _CRASHED), [])
                    path.unlink()
        self._crashed = False
        rows = self._store.read("SELECT number FROM recordings WHERE state = 'waiting' ORDER BY number")
        return [row["number"] for row in rows]

    def find(self, identity: str) -> Kept | None:
        """By name; None: there is none (any more)."""
        return self._one("id = ?", identity)

    def kept(self, number: int) -> Kept | None:
        """By number."""
        return self._one("number = ?", number)

    def _one(self, where: str, value: str | int) -> Kept | None:
        with self._store.reading() as store:
            row = store.execute(f"SELECT * FROM recordings WHERE {where}", (value,)).fetchone()
            if row is None:
                return None
            files = store.execute(_FILES, (row["number"],)).fetchall()
        return Kept(
            id=row["id"],
            number=row["number"],
            state=row["state"],
            facts=msgspec.json.decode(row["facts"]),
            received=row["received"],
            answered=row["answered"],
            answer=row["answer"],
            source=None if row["source"] is None else msgspec.json.decode(row["source"]),
            files=[Named(file["name"], self._spool.path(file["digest"])) for file in files],
            problem=row["problem"],
            origin=row["origin"],
        )

    def has_others_named_as(self, number: int) -> bool:
        """Whether another recording has a file that is called as one of this one, with another content."""
        return bool(self._store.read(_OTHERS_NAMED_SO, (number,)))

    def begin(self, number: int) -> None:
        """Remember that it is being answered: on no disk that outlives a power cut, but beyond the process."""
        try:
            open(self._begun / str(number), "ab").close()
        except OSError as error:
            raise StoreError(f"cannot be kept: {error.strerror}") from None

    def unbegin(self, number: int) -> None:
        """It is not being answered any more."""
        (self._begun / str(number)).unlink(missing_ok=True)

    def finish(self, kept: Kept, result: Result, destinations: Sequence[str]) -> Kept | None:
        """Keep an answer, and with it what is owed; returns the recording as it then is. None: it was erased."""
        now, source = time.time(), result.source
        patient = None if source is None else source.get("patient_id")
        told = None if source is None else _json(source)

        def work(store: Any) -> bool:
            changed: bool = store.execute(
                "UPDATE recordings SET state = ?, answer = ?, answered = ?, source = ?, problem = ?"
                " WHERE number = ? AND state = 'waiting'",
                (result.state, result.answer, now, told, result.problem, kept.number),
            ).rowcount
            if changed and result.answer is not None:
                store.executemany(
                    "INSERT INTO deliveries (recording, destination, patient, state, changed)"
                    " VALUES (?, ?, ?, 'queued', ?)",
                    [(kept.number, name, patient, now) for name in destinations],
                )
            return changed

        changed = self._store.write(work)
        return kept._replace(**result._asdict(), answered=now) if changed else None

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

    def answer_again(self, kept: Kept, who: str) -> bool:
        """Have a recording that was set aside wait for its answer once more; False: it is in another state."""

        def work(store: Any) -> bool:
            update = "UPDATE recordings SET state = 'waiting', answered = NULL, problem = NULL"
            changed: int = store.execute(f"{update} WHERE number = ? AND state = 'set aside'", (kept.number,)).rowcount
            if changed:
                _note(store, who, "had answered again", kept.id)
            return bool(changed)

        changed = self._store.write(work)
        if changed:
            self.unbegin(kept.number)  # its crashes count from none
        return changed

    def send_again(self, kept: Kept, destination: str, who: str) -> bool:
        """Owe a message once more, or at once; if it was written, as it was. False: none was ever owed."""

        def work(store: Any) -> bool:
            changed: int = store.execute(
                "UPDATE deliveries SET state = 'queued', due = 0, attempts = 0, changed = ?"
                " WHERE recording = ? AND destination = ?",
                (time.time(), kept.number, destination),
            ).rowcount
            if changed:
                _note(store, who, f"sent again to {destination}", kept.id)
            return bool(changed)

        return self._store.write(work)

    def send_now(self) -> None:
        """Wait for no appointed time any more: the clock by which it was appointed is another."""
        self._store.write(lambda store: store.execute("UPDATE deliveries SET due = 0 WHERE state = 'queued'"))

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
        return bool(self._erase("id = ?", (identity,), who, identity))

    def expire(self, answered_before: float, noted_before: float) -> int:
        """Erase what is older and owed to nobody, and old lines of the audit log; returns how many recordings."""
        self._store.write(lambda store: store.execute("DELETE FROM audit WHERE time < ?", (noted_before,)))
        return self._erase(_EXPIRED, (answered_before,), "node", None)

    def _erase(self, which: str, values: tuple[Any, ...], who: str, identity: str | None) -> int:
        def work(store: Any) -> tuple[int, list[str]]:
            numbers = f"SELECT number FROM recordings WHERE {which}"
            rows = store.execute(f"SELECT DISTINCT digest FROM files WHERE recording IN ({numbers})", values).fetchall()
            gone: int = store.execute(f"DELETE FROM recordings WHERE {which}", values).rowcount
            if gone:
                _note(store, who, "erased" if identity else f"erased {gone} by age", identity)
            return gone, [row["digest"] for row in rows]

        gone, digests = self._store.write(work)
        self._erase_contents(digests)
        return gone

    def _erase_contents(self, digests: Iterable[str]) -> None:
        """Those of no recording, and of none that is being taken."""
        with self._taking:  # what comes meanwhile waits, and is then written anew
            for digest in digests:
                used = self._store.read("SELECT 1 FROM files WHERE digest = ? LIMIT 1", (digest,))
                if not used and not self._taken[digest]:
                    self._spool.erase(digest)

    def note(self, who: str, what: str, which: str | None = None) -> None:
        """Write into the audit log; without patient data."""
        self._store.submit(lambda store: _note(store, who, what, which))

    def require_store(self) -> None:
        """Wait until the store has taken what came before.

        Raises
        ------
        StoreError
            If it takes nothing.
        """
        self._store.write(lambda _: None)

    def close(self) -> None:
        """After everything is on the disk."""
        self._store.close()
        self._held.close()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _note(store: Any, who: str, what: str, which: str | None) -> None:
    store.execute("INSERT INTO audit (time, who, what, which) VALUES (?, ?, ?, ?)", (time.time(), who, what, which))
