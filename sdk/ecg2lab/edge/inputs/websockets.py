"""WebSockets as uvicorn serves them, and a connection whose other end does not read is given up in the end."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_LAST_WORDS_S = 10.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn closes a connection once all was read that was written; that may be never."""

    async def run_asgi(self) -> None:
        """The application, and what was written last has a while."""
        await super().run_asgi()
        self.loop.call_later(self.close_timeout + _LAST_WORDS_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """No pong came."""
        super().keepalive_timeout()
        self.transport.abort()
