"""What people look at: questions to the tables that change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ecg2lab.edge.store import Store

_TOGETHER = 16
"""Answers that are read at once; between them others may read."""


class Answer(NamedTuple):
    """An answer as it is kept."""

    number: int
    received: float
    content: bytes
    """JSON."""


class Survey:
    """Of one node. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest(self) -> int:
        """Number of the recording that came last; 0: none is there."""
        rows = self._store.read("SELECT max(number) AS number FROM recordings")
        return rows[0]["number"] or 0

    def answered(self, after: int, most: int, newest: bool = False) -> list[int]:
        """Numbers of answered recordings beyond `after`: the oldest or the newest, in that order."""
        query = (
            f"SELECT number FROM recordings WHERE state = 'answered' AND number > ? ORDER BY number {_order(newest)}"
        )
        return [row["number"] for row in self._store.read(f"{query} LIMIT ?", (after, most))]

    def answers(self, numbers: Sequence[int]) -> Iterator[Answer]:
        """Those that are (still) there."""
        for start in range(0, len(numbers), _TOGETHER):
            some = numbers[start : start + _TOGETHER]
            marks = ", ".join("?" * len(some))
            query = f"SELECT number, received, answer FROM recordings WHERE state = 'answered' AND number IN ({marks})"
            for row in self._store.read(query, some):
                yield Answer(row["number"], row["received"], row["answer"])

    def latest(self, most: int, state: str | None = None) -> list[dict[str, Any]]:
        """The newest recordings (of a state), newest first, without anything about the patient."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state,))
        query = f"SELECT number, id, origin, state, received, answered, problem FROM recordings {where}"
        return [dict(row) for row in self._store.read(f"{query} ORDER BY number DESC LIMIT ?", (*values, most))]

    def names(self, numbers: Sequence[int]) -> dict[int, str]:
        """By recording, the name of its first file, which may be about the patient."""
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT recording, name FROM files WHERE place = 0 AND recording IN ({marks})"
        return {row["recording"]: row["name"] for row in self._store.read(query, numbers)}

    def seconds(self, most: int) -> list[float]:
        """From arrival to answer, of the newest recordings that are no longer waiting."""
        query = (
            "SELECT answered - received AS s FROM recordings WHERE answered IS NOT NULL ORDER BY number DESC LIMIT ?"
        )
        return [max(row["s"], 0.0) for row in self._store.read(query, (most,))]

    def messages(self, destination: str, state: str, most: int) -> list[dict[str, Any]]:
        """The newest messages of a state to a destination; its reason may be in a receiver's words."""
        query = """SELECT r.id AS id, d.attempts AS attempts, d.problem AS problem, d.changed AS changed, d.due AS due
            FROM deliveries d JOIN recordings r ON r.number = d.recording
            WHERE d.destination = ? AND d.state = ? ORDER BY d.recording DESC LIMIT ?"""
        return [dict(row) for row in self._store.read(query, (destination, state, most))]

    def trouble(self, destination: str) -> dict[str, Any] | None:
        """The message whose attempt failed last among those that are still to be sent; None: there is none."""
        query = """SELECT attempts, problem, changed, due FROM deliveries
            WHERE destination = ? AND state = 'queued' AND problem IS NOT NULL ORDER BY changed DESC LIMIT 1"""
        rows = self._store.read(query, (destination,))
        return dict(rows[0]) if rows else None

    def oldest_queued(self, destination: str) -> float | None:
        """When the recording came whose message has waited longest; None: none waits."""
        query = """SELECT r.received AS received FROM deliveries d JOIN recordings r ON r.number = d.recording
            WHERE d.destination = ? AND d.state = 'queued' ORDER BY d.recording LIMIT 1"""
        rows = self._store.read(query, (destination,))
        return rows[0]["received"] if rows else None


def _order(newest: bool) -> str:
    return "DESC" if newest else "ASC"
