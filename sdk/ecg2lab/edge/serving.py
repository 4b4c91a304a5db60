"""Runs a node until it is told to stop."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ecg2lab.edge.config import Configuration
from ecg2lab.edge.node import Node
from ecg2lab.edge.spool import private
from ecg2lab.engine import Engine
from ecg2lab.errors import OverloadError

if TYPE_CHECKING:
    from ecg2lab.edge.inference.grpc import Server


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
    from ecg2lab.edge.inputs.http_server import HttpServer, settings

    node = Node(engine, configuration, base)
    with ExitStack() as undo:
        undo.callback(node.stop)
        crash = undo.enter_context(open(node.ledger.crash, "wb", opener=private))
        faulthandler.enable(crash)
        undo.callback(faulthandler.disable)
        node.start()
        for stop in _inputs(node, base):
            undo.callback(stop)
        HttpServer(settings(node, base), node).run()


def _inputs(node: Node, base: Path) -> Iterator[Callable[[], object]]:
    """Open what is configured beside HTTP, and import what it needs only then; yields how each is stopped."""
    told = node.configuration
    if told.folder is not None:
        from ecg2lab.edge.inputs.folder import Watcher

        watcher = Watcher(told.folder, base, node)
        watcher.start()
        yield watcher.stop
    if told.grpc is not None:
        yield partial(open_grpc(node, base).stop, told.limits.read_s)
    if told.dicom is not None:
        from ecg2lab.edge.inputs.dicom import DicomServer

        carts = DicomServer(told.dicom, base, node)
        carts.start()
        yield carts.stop
    if told.mllp is not None:
        from ecg2lab.edge.inputs.mllp import MllpServer

        messages = MllpServer(told.mllp, base, node)
        messages.start()
        yield messages.stop


def open_grpc(node: Node, base: Path) -> Server:
    """Serve the Open Inference Protocol over gRPC, as it is configured."""
    from ecg2lab.edge.inference.grpc import Server

    def ready() -> bool:
        try:
            node.require_room()
        except OverloadError:
            return False
        return True

    return Server(node.configuration, base, node.inference, ready, partial(node.problems.count, "inference"))
