"""The HTTP server of a node: uvicorn, with what it needs to be left alone with strangers."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from ecg2lab.edge.config import Http
from ecg2lab.edge.inputs.connections import impatient
from ecg2lab.edge.inputs.http import application
from ecg2lab.edge.inputs.streams import LARGEST_MESSAGE
from ecg2lab.edge.inputs.websockets import WebSocketProtocol
from ecg2lab.edge.node import Node
from ecg2lab.edge.supervision import Watchdog, notify, watchdog_s

_PING_S = 20.0


class HttpServer(uvicorn.Server):
    """Leaves signals as it found them: after one, the node still has to stop. Tells a service manager how it goes."""

    def __init__(self, config: uvicorn.Config, node: Node) -> None:
        super().__init__(config)
        self._node = node
        self._watchdog: Watchdog | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        notify("READY=1")
        if (period := watchdog_s()) is not None:
            self._watchdog = Watchdog(self._node, asyncio.get_running_loop(), period)
            self._watchdog.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify("STOPPING=1")
        if self._watchdog is not None:
            self._watchdog.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def settings(node: Node, base: Path) -> uvicorn.Config:
    """What uvicorn is told."""
    http, limits = node.configuration.http, node.configuration.limits
    return uvicorn.Config(
        application(node),
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=impatient(limits.idle_s, limits.request_s),
        limit_concurrency=limits.connections,
        ws=WebSocketProtocol,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=min(_PING_S, limits.idle_s),
        ws_ping_timeout=limits.idle_s,
        ws_per_message_deflate=False,
        timeout_keep_alive=math.ceil(limits.idle_s),
        timeout_graceful_shutdown=math.ceil(limits.read_s),
        **_tls(http, base),
    )


def _tls(http: Http, base: Path) -> dict[str, Any]:
    if http.tls is None:
        return {}
    clients = http.tls.clients
    return {
        "ssl_certfile": base / http.tls.certificate,
        "ssl_keyfile": base / http.tls.key,
        "ssl_ca_certs": None if clients is None else str(base / clients),
        "ssl_cert_reqs": ssl.CERT_NONE if clients is None else ssl.CERT_REQUIRED,
    }
