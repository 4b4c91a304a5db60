"""The streams of a node: how many there may be, who may go on with which, and when one is forgotten."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from ecg2lab.edge.streams.bed import Bed, Opening
from ecg2lab.engine import Engine
from ecg2lab.errors import OverloadError, RecordingError


class Beds:
    """Of one event loop.

    Parameters
    ----------
    engine
        Answers.
    most
        Streams at the same time; as many that have ended are remembered.
    kept_s
        Seconds after which one without a connection is forgotten, and the longest gap that is filled.
    count
        Is told how many there are.
    """

    def __init__(self, engine: Engine, most: int, kept_s: float, count: Callable[[int], None]) -> None:
        self._engine, self._most, self._kept_s, self._count = engine, most, kept_s, count
        self._beds: dict[str, Bed] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def require_room(self) -> None:
        """Refuse while there are as many as there may be.

        Raises
        ------
        OverloadError
            If so.
        """
        if sum(not bed.ended for bed in self._beds.values()) >= self._most:
            raise OverloadError(f"there are {self._most} streams, as many as there may be: open it later")

    async def open(self, opening: Opening, who: str, work: Callable[..., Awaitable[Any]]) -> Bed:
        """Open a stream.

        Parameters
        ----------
        opening
            What its samples are.
        who
            Asks, and alone may go on with it.
        work
            Does a call beside the event loop.

        Raises
        ------
        OverloadError
            If there are too many.
        Ecg2LabError
            As `Engine.stream`.
        """
        self.require_room()
        bed: Bed = await work(Bed, self._engine, opening, secrets.token_hex(16), who, self._kept_s)
        self.require_room()  # others came meanwhile
        self._beds[bed.identity] = bed
        self._count(len(self._beds))
        return bed

    def find(self, identity: str, who: str) -> Bed:
        """A stream that somebody opened before, held no more by a timer.

        Raises
        ------
        RecordingError
            If there is none, or another one's.
        """
        bed = self._beds.get(identity)
        if bed is None or bed.owner != who:
            raise RecordingError("there is no such stream, or no longer: open another one")
        self._stop_timer(identity)
        return bed

    def release(self, bed: Bed, holder: object) -> None:
        """A connection is over: if it held the stream, it is forgotten after a while."""
        if bed.holder is not holder:
            return
        bed.holder = None
        self._stop_timer(bed.identity)
        loop = asyncio.get_running_loop()
        self._timers[bed.identity] = loop.call_later(self._kept_s, self._forget, bed.identity)
        ended = [identity for identity, other in self._beds.items() if other.ended and other.holder is None]
        for identity in ended[: max(0, len(ended) - self._most)]:
            self._forget(identity)

    def _stop_timer(self, identity: str) -> None:
        if (timer := self._timers.pop(identity, None)) is not None:
            timer.cancel()

    def _forget(self, identity: str) -> None:
        self._stop_timer(identity)
        self._beds.pop(identity, None)
        self._count(len(self._beds))
