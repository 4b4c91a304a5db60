"""Connections over which nothing comes, or which bring a request drop by drop, are closed: uvicorn waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_LOOKS = 4
"""How often within the shorter time a connection is looked at."""


def impatient(idle_s: float, request_s: float) -> type[asyncio.Protocol]:
    """A protocol for uvicorn that closes what holds a connection without need.

    Parameters
    ----------
    idle_s
        How long nothing may come while a request is awaited or not whole.
    request_s
        Within which a request must be whole.
    """

    class Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        """One connection."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._heard = self._began = self.loop.time()
            self._coming = True
            """Whether a request began whose head is not whole yet."""
            self._look()

        def data_received(self, data: bytes) -> None:
            self._heard = self.loop.time()
            if not self._coming and (self.cycle is None or self.cycle.response_complete):
                self._coming, self._began = True, self._heard
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._coming = False

        def _look(self) -> None:
            if self.transport.is_closing() or self.transport.get_protocol() is not self:  # or it is a WebSocket now
                return
            now, cycle = self.loop.time(), self.cycle
            if not self._coming and cycle is not None and not cycle.more_body and not cycle.response_complete:
                self._heard = now  # it is the node's turn
            begun = self._coming or (cycle is not None and cycle.more_body)
            if now - self._heard >= idle_s or (begun and now - self._began >= request_s):
                self.transport.close()
                return
            self.loop.call_later(min(idle_s, request_s) / _LOOKS, self._look)

    return cast(type[asyncio.Protocol], Impatient)
