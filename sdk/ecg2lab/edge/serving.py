"""Runs a node until it is told to stop."""

from __future__ import annotations

import faulthandler
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from ecg2lab.edge.config import Configuration, Http
from ecg2lab.edge.inputs.folder import Watcher
from ecg2lab.edge.node import Node
from ecg2lab.engine import Engine


class _Server(uvicorn.Server):
    """Leaves signals as it found them: after one, the node still has to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def address(configuration: Configuration) -> str:
    """Where a browser finds the node."""
    http = configuration.http
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"http{'s' if http.tls else ''}://{host}:{http.port}"


def serve(engine: Engine, configuration: Configuration, base: Path) -> None:
    """Serve until SIGTERM or SIGINT; what is being answered is ended first.

    Parameters
    ----------
    engine
        Answers; closed at the end.
    configuration, base
        As `ecg2lab.edge.config.read` gives them.
    """
    node = Node(engine, configuration, base)
    watcher = None if configuration.folder is None else Watcher(configuration.folder, base, node)
    with open(node.ledger.crash, "wb") as crash:
        faulthandler.enable(crash)
        try:
            node.start()
            if watcher is not None:
                watcher.start()
            _Server(_settings(node, base)).run()
        finally:
            if watcher is not None and watcher.ident is not None:
                watcher.stop()
            node.stop()
            faulthandler.disable()


def _settings(node: Node, base: Path) -> uvicorn.Config:
    from ecg2lab.edge.inputs.http import application

    http, limits = node.configuration.http, node.configuration.limits
    return uvicorn.Config(
        application(node),
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=int(limits.read_s),
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
