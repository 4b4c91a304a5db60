"""The table `facts` of the ledger: what messages said of patients, until it is too old."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ecg2lab.edge.config import Facts
from ecg2lab.edge.facts.matching import Fact, Held, Number, Statement
from ecg2lab.edge.store import Row, Store
from ecg2lab.edge.vital_signs import QUANTITIES

_HOUR_S, _DAY_S = 3600.0, 86_400.0
_KEEP = """
INSERT INTO facts (patient, authority, kind, name, at, value, origin, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value, origin = excluded.origin, received = excluded.received
"""
_VITAL_SIGNS = [name for name, quantity in QUANTITIES.items() if quantity.kind == "vital sign"]
_AUTHORITIES = """
WITH RECURSIVE known (authority) AS (
  SELECT min(authority) FROM facts WHERE patient = :patient
  UNION ALL
  SELECT (SELECT min(authority) FROM facts WHERE patient = :patient AND authority > known.authority) FROM known
  WHERE known.authority IS NOT NULL
) SELECT authority FROM known WHERE authority IS NOT NULL
"""
"""One after the other by the index; DISTINCT would look at every fact of a long stay."""
_HELD = f"""
SELECT * FROM facts WHERE patient = :patient AND kind IN ('body', 'person')
UNION ALL
SELECT * FROM facts WHERE patient = :patient AND kind = 'vital sign' AND name IN ({", ".join(map(repr, _VITAL_SIGNS))})
  AND at BETWEEN :first AND :last
"""
_ANY = "SELECT * FROM facts WHERE patient = :patient AND authority = :authority AND kind = 'vital sign' LIMIT 1"
_FORGET = "DELETE FROM facts WHERE patient = ? AND authority = ?"
_LONGEST_S = {"vital sign": "vital_signs", "body": "body", "person": "person"}


class Age(NamedTuple):
    """Before which moments of arrival facts are erased."""

    vital_signs: float
    body: float
    person: float


def oldest(told: Facts, now: float) -> Age:
    """What came earlier is too old."""
    return Age(now - told.keep_hours * _HOUR_S, now - told.body_days * _DAY_S, now - told.person_days * _DAY_S)


class FactTable:
    """Facts of one node. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, statements: Sequence[Statement], who: str) -> tuple[int, int]:
        """Keep what a message says, all of it or nothing; what it corrects is replaced.

        Parameters
        ----------
        statements
            In the order of the message.
        who
            Sent it, for the audit log.

        Returns
        -------
        kept, withdrawn
            How many facts, once they are on the disk.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        now = time.time()

        def work(store: Any) -> tuple[int, int]:
            counts = [_keep(store, statement, now) for statement in statements]
            kept, withdrawn = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
            if kept or withdrawn:
                what = f"kept {kept} facts" + f", withdrew {withdrawn}" * bool(withdrawn)
                store.execute("INSERT INTO audit (time, who, what, which) VALUES (?, ?, ?, NULL)", (now, who, what))
            return kept, withdrawn

        return self._store.write(work)

    def of(self, number: str, between: tuple[float, float] | None = None) -> list[Held]:
        """What is kept under a patient's number.

        Parameters
        ----------
        between
            When vital signs were measured; None: ever. Of each authority one is there in any case.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        first, last = between or (float("-inf"), float("inf"))
        asked = {"patient": number, "first": first, "last": last}
        authorities = [row["authority"] for row in self._store.read(_AUTHORITIES, asked)]
        if not authorities:
            return []
        rows = self._store.read(_HELD, asked)
        for authority in {*authorities}.difference(row["authority"] for row in rows if row["kind"] == "vital sign"):
            rows += self._store.read(_ANY, {**asked, "authority": authority})
        return sorted(map(_held, rows), key=lambda held: (held.authority, held.fact.name, held.fact.at))

    def count(self) -> int:
        """How many there are."""
        count: int = self._store.read("SELECT count(*) AS n FROM facts")[0]["n"]
        return count

    def expire(self, before: Age) -> int:
        """Erase what came earlier; returns how many facts. What seems to come later than now came now."""
        now = time.time()

        def work(store: Any) -> int:
            store.execute("UPDATE facts SET received = ? WHERE received > ?", (now, now))  # the clock was put back
            gone = 0
            for kind, field in _LONGEST_S.items():
                old = (kind, getattr(before, field))
                gone += store.execute("DELETE FROM facts WHERE kind = ? AND received < ?", old).rowcount
            if gone:
                said = f"erased {gone} facts by age"
                store.execute("INSERT INTO audit (time, who, what, which) VALUES (?, 'node', ?, NULL)", (now, said))
            return gone

        return self._store.write(work)


def _keep(store: Any, statement: Statement, now: float) -> tuple[int, int]:
    gone = 0
    for number in statement.numbers:
        if statement.forgotten:
            gone += store.execute(_FORGET, number).rowcount
        for withdrawn in statement.withdrawn:
            gone += store.execute(f"{_FORGET} AND name = ? AND at = ?", (*number, *withdrawn)).rowcount
        store.executemany(_KEEP, _rows(number, statement, now))
    return len(statement.facts), gone


def _held(row: Row) -> Held:
    fact = Fact(row["name"], row["at"], msgspec.json.decode(row["value"]))
    return Held(row["authority"], fact, row["origin"])


def _rows(number: Number, said: Statement, now: float) -> list[tuple[Any, ...]]:
    return [
        (*number, fact.kind, fact.name, fact.at, msgspec.json.encode(fact.value).decode(), said.origin, now)
        for fact in said.facts
    ]
