"""A node that listens at ports of its own, in this process."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import msgspec
import uvicorn

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config, serving
from ecg2lab.edge.inputs import http_server
from ecg2lab.edge.node import Node


class Listening:
    """HTTP, WebSockets and, where `grpc` is told, gRPC of a node that was started."""

    def __init__(self, node, base):
        told = node.configuration
        if told.grpc is not None:  # a file of configuration cannot say: whatever is free
            node.configuration = msgspec.structs.replace(told, grpc=msgspec.structs.replace(told.grpc, port=0))
        self.node = node
        http = http_server.settings(node, base)
        http.port = 0
        self._server = uvicorn.Server(http)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self.grpc = None if told.grpc is None else serving.open_grpc(node, base)
        end = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < end, "it does not listen"
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.http_port = self._server.servers[0].sockets[0].getsockname()[1]

    def close(self):
        if self.grpc is not None:
            self.grpc.stop(1)
        self._server.should_exit = True
        self._thread.join(20)


@contextmanager
def listening_node(folder, **fields):
    """A node of its own that listens, for tests that share one."""
    told = config.decode({"workers": 1, "limits": {"least_free_mb": 0}, **fields}, "edge.json")
    node = Node(ecg2lab.load(bundle_path(), threads=1), told, folder)
    node.start()
    server = Listening(node, folder)
    try:
        yield server
    finally:
        server.close()
        node.stop()
