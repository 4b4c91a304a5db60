"""Listens for DICOM associations: who may connect at all, and for how long a connection may be silent."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from ecg2lab.edge.association import Limits
from ecg2lab.edge.config import Dicom

_LONGEST_HANDSHAKE_S = 10.0
_POLL_S = 0.05
"""How often it looks whether it is to end."""


class AssociationServer(ThreadedAssociationServer):  # type: ignore[misc]
    """Each connection has a thread of its own from the beginning, so that none holds up another.

    Parameters
    ----------
    entity, address, contexts, handlers
        As pynetdicom takes them.
    told
        Who may associate, and how many at the same time.
    base
        Folder from which the paths of certificates start.
    limits
        Of each connection; told also why one was not taken.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        contexts: Sequence[Any],
        handlers: Sequence[tuple[Any, Callable[..., Any]]],
        *,
        told: Dicom,
        base: Path,
        limits: Limits,
    ) -> None:
        self._callers = [
            (caller.ae_title, [ipaddress.ip_network(place) for place in caller.addresses]) for caller in told.callers
        ]
        self._tls = None if told.tls is None else _context(told, base)
        self._limits = limits
        self._connections = threading.BoundedSemaphore(4 * told.associations)
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_S,), name="ecg2lab-dicom", daemon=True)
        handlers = [*handlers, *limits.handlers(), (evt.EVT_CONN_OPEN, self._limit)]
        super().__init__(entity, address, entity.ae_title, list(contexts), None, handlers)
        entity._servers.append(self)  # where pynetdicom takes it from when it ends

    def _limit(self, event: Any) -> None:
        self._limits.limit(event.assoc.dul.socket)

    def begin(self) -> None:
        """Take connections."""
        self._thread.start()

    def end(self) -> None:
        """Take no more, and end what is open."""
        if self._thread.ident is None:
            self.server_close()
            return
        self.shutdown()
        self._thread.join()
        for association in self.active_associations:
            connection = association.dul.socket
            association.abort(block=False)
            if connection is not None:  # a peer may be silent in the middle of a message
                connection.end()
            association.join()

    def admits(self, address: str, ae_title: str | None = None) -> bool:
        """Whether somebody may associate from an address: anybody, or who has this title."""
        if not self._callers:
            return True
        place = ipaddress.ip_address(address.partition("%")[0])
        place = getattr(place, "ipv4_mapped", None) or place
        return any(
            place in network for title, networks in self._callers for network in networks if ae_title in (None, title)
        )

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection as it comes; a handshake, which may take its time, is made in its own thread."""
        connection, address = self.socket.accept()
        connection.settimeout(self._limits.idle_s)
        return connection, address

    def verify_request(self, _: Any, client_address: Any) -> bool:
        """Hang up on strangers before a word is exchanged, and on what is far too much."""
        if not self.admits(client_address[0]):
            self._limits.on_limit("somebody connected from an address that is not listed")
            return False
        if len(self.active_associations) >= 2 * self.ae.maximum_associations or not self._connections.acquire(False):
            self._limits.on_limit("far too many connections at the same time")
            return False
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin the thread of a connection."""
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._connections.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Secure a connection, and begin the association."""
        try:
            secured = self._secured(request)
            if secured is not None:
                super().process_request_thread(secured, client_address)
        finally:
            self._connections.release()

    def _secured(self, connection: Any) -> Any:
        """The connection after its handshake; None: there was none as it is wanted here."""
        if self._tls is None:
            return connection
        try:
            connection.settimeout(min(_LONGEST_HANDSHAKE_S, self._limits.idle_s))
            secured = self._tls.wrap_socket(connection, server_side=True)
            secured.settimeout(self._limits.idle_s)
        except OSError:
            self._limits.on_limit("somebody connected who does not speak TLS as it is wanted here")
            with suppress(OSError):
                connection.close()
            return None
        return secured

    def service_actions(self) -> None:
        """Nothing: pynetdicom would collect garbage at every so many polls."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Into no log: what goes wrong before an association is the peer's affair."""


def _context(told: Dicom, base: Path) -> ssl.SSLContext:
    assert told.tls is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(base / told.tls.certificate, base / told.tls.key)
    if told.tls.clients is not None:
        context.load_verify_locations(base / told.tls.clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
