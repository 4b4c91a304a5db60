"""What both sides of a DICOM association share: limits to what a peer may send, and no word of it in logs."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from pydicom.config import IGNORE, settings
from pynetdicom import _config, evt
from pynetdicom.transport import AssociationSocket

_LONGEST_PDU = 1 << 20
"""Bytes; far more than anybody is told to send, for not everybody listens."""
_CHUNK = 1 << 16

# pynetdicom logs data sets, and pydicom warns of values.
settings.reading_validation_mode = settings.writing_validation_mode = IGNORE
_config.LOG_HANDLER_LEVEL = "none"
# A file is sent as it is, not decoded and encoded again.
_config.STORE_SEND_CHUNKED_DATASET = True
for _name in ("pynetdicom", "pydicom"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


class LimitedSocket(AssociationSocket):  # type: ignore[misc]
    """A connection whose peer may be silent, or send too much, only so long.

    pynetdicom reads whatever length a peer announces, waits for ever in the middle of it, and queues what comes before
    it is asked for.
    """

    limits: Limits
    _bytes = 0
    _messages = 0

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes; fewer if the peer hung up.

        Raises
        ------
        OSError
            If a limit is exceeded: the connection is ended.
        """
        self._bytes += nr_bytes
        if nr_bytes > _LONGEST_PDU or self._bytes > self.limits.most_bytes:
            raise self._ended("a peer sent more than is taken")
        if self._messages > 1:
            raise self._ended("a peer did not wait for an answer")
        end = time.monotonic() + self.limits.idle_s
        received = bytearray()
        try:
            while len(received) < nr_bytes:
                self.socket.settimeout(max(end - time.monotonic(), 0.001))
                part = self.socket.recv(min(_CHUNK, nr_bytes - len(received)))
                if not part:
                    break
                received += part
            self.socket.settimeout(self.limits.idle_s)
        except TimeoutError:
            raise self._ended("a peer fell silent in the middle of a message") from None
        except OSError:
            self._shutdown_socket()
            raise
        return received

    def _shutdown_socket(self) -> None:
        """Close it, also where it was never connected."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def end(self) -> None:
        """Close it where pynetdicom left it open."""
        if self.socket is not None:
            with suppress(AttributeError):  # the other thread was faster
                self._shutdown_socket()

    def _ended(self, why: str) -> OSError:
        self._shutdown_socket()
        self.limits.on_limit(why)
        return OSError(why)

    def came(self) -> None:
        """A message is complete."""
        self._messages += 1

    def went(self) -> None:
        """A message is sent: what comes from now on belongs to the next."""
        self._bytes = self._messages = 0


class Limits(NamedTuple):
    """What a peer may do."""

    most_bytes: int
    """Of one message."""
    idle_s: float
    """How long it may be silent in the middle of a protocol data unit."""
    on_limit: Callable[[str], None]
    """Told why a connection was ended."""

    def limit(self, connection: AssociationSocket) -> AssociationSocket:
        """A connection that pynetdicom made, limited."""
        connection.__class__ = LimitedSocket  # it is made where nobody can say of what class
        connection.limits = self
        for thread in (connection.assoc, connection.assoc.dul):
            thread.run = partial(self._run, thread.run, connection)
        return connection

    def _run(self, run: Callable[[], None], connection: AssociationSocket) -> None:
        """Run a thread of pynetdicom, which ends with an error where a peer breaks the protocol."""
        try:
            run()
        except Exception:  # its message may quote the peer
            self.on_limit("a peer did not keep to the protocol")
            connection.end()

    def handlers(self) -> list[tuple[Any, Callable[..., Any]]]:
        """Of the events by which a connection learns what belongs to one message."""
        return [(evt.EVT_DIMSE_RECV, _came), (evt.EVT_DIMSE_SENT, _went)]


def _came(event: Any) -> None:
    if event.assoc.dul.socket is not None:  # not ended meanwhile
        event.assoc.dul.socket.came()


def _went(event: Any) -> None:
    if event.assoc.dul.socket is not None:
        event.assoc.dul.socket.went()
