"""MLLP: HL7 messages about patients come in, and are acknowledged once what they say is on the disk."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from ecg2lab.edge.config import Mllp
from ecg2lab.edge.inputs.hl7_acknowledgement import acknowledgement
from ecg2lab.edge.inputs.hl7_facts import Rejected, understand
from ecg2lab.edge.inputs.hl7_segments import Malformed, parse
from ecg2lab.edge.node import Node
from ecg2lab.errors import Ecg2LabError, OverloadError, StoreError

_BEGIN, _END = b"\x0b", b"\x1c\r"
_PART = 65536
_BACKLOG = 16
_MEGABYTE = 1 << 20
_WHERE = "mllp"
_MOST_COMPLAINTS = 5
_MOST_STRANGERS = 1000
_LINGER_S = 2.0


class RejectedMessageError(Ecg2LabError):
    """A message that the node does not take."""


class TooLarge(Exception):
    """A message beyond the limit: what follows it cannot be told from it."""

    def __init__(self, begun: bytes) -> None:
        super().__init__()
        self.begun = begun


class MllpServer:
    """Listens, with a thread for each connection.

    Parameters
    ----------
    told
        The configuration.
    base
        Folder from which relative paths start.
    node
        Keeps what messages say.

    Raises
    ------
    StoreError
        If it cannot listen.
    """

    def __init__(self, told: Mllp, base: Path, node: Node) -> None:
        self._told, self._node = told, node
        self._allowed: list[IPv4Network | IPv6Network] = [ip_network(text) for text in told.allow]
        self._tls = None if told.tls is None else _context(told, base)
        self._ending, self._turn = threading.Event(), threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._strangers: set[str] = set()
        """Noted once each, or whoever knocks would fill the log."""
        try:
            family, *_, address = socket.getaddrinfo(told.host, told.port, type=socket.SOCK_STREAM)[0]
            self._socket = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        except OSError as error:
            raise StoreError(f"mllp: cannot listen on {told.host}:{told.port}: {error.strerror}") from None
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="ecg2lab-mllp", daemon=True)

    def start(self) -> None:
        """Take connections from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End; messages that are being kept are acknowledged first."""
        self._ending.set()
        with suppress(OSError):  # wakes `accept`
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._thread.ident is not None:
            self._thread.join()
        with self._turn:
            waiting = list(self._open.items())
        for connection, _ in waiting:
            with suppress(OSError):  # nothing more is read; that of TLS would go on without it
                socket.socket.shutdown(connection, socket.SHUT_RD)
        for _, thread in waiting:
            thread.join()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, address = self._socket.accept()
            except OSError as error:
                if not self._ending.wait(0.1):  # such as too many open files
                    self._node.problems.count(_WHERE, error)
                continue
            try:
                self._take(connection, address[0])
            except (OSError, RuntimeError) as error:  # it hung up; or no thread can be started
                self._node.problems.count(_WHERE, error)
                connection.close()

    def _take(self, connection: socket.socket, address: str) -> None:
        if not self._is_allowed(address):
            connection.close()
            if address not in self._strangers and len(self._strangers) < _MOST_STRANGERS:
                self._strangers.add(address)
                self._node.ledger.note(f"mllp {address}", "was not let in")
            return
        connection.settimeout(self._node.configuration.limits.idle_s)
        if self._tls is not None:  # shakes hands in its own thread
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=self._serve, args=(connection, address), name="ecg2lab-mllp", daemon=True)
        with self._turn:
            full = len(self._open) >= self._told.connections
            if not full:
                thread.start()
                self._open[connection] = thread
        if full:
            connection.close()
            self._node.problems.count(_WHERE, OverloadError("too many connections: one more was closed"))

    def _is_allowed(self, address: str) -> bool:
        if not self._allowed:
            return True
        place = ip_address(address.partition("%")[0])
        mapped = getattr(place, "ipv4_mapped", None)
        return any((mapped or place) in network for network in self._allowed)

    def _serve(self, connection: socket.socket, address: str) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            for message in self._messages(connection):
                if (said := self._answer(message, address)) is not None:
                    connection.settimeout(self._node.configuration.limits.idle_s)
                    connection.sendall(_BEGIN + said + _END)
        except TooLarge as error:
            self._refuse_rest(connection, error.begun)
        except OSError:  # it hung up, is silent, or is nobody that it should be
            pass
        except Exception as error:
            self._node.problems.count(_WHERE, error)
        finally:
            with self._turn:
                self._open.pop(connection, None)
            connection.close()

    def _messages(self, connection: socket.socket) -> Iterator[bytes]:
        """What stands between begin and end; anything else is left out.

        Raises
        ------
        TooLarge
            If a message is larger than it may be.
        OSError
            If none came in time.
        """
        most, received, searched = int(self._told.message_mb * _MEGABYTE), bytearray(), 0
        ends = time.monotonic() + self._told.idle_s
        begun = False
        while True:
            end = received.find(_END, searched)
            if end >= 0:
                _, mark, message = bytes(received[:end]).rpartition(_BEGIN)
                del received[: end + len(_END)]
                searched, begun = 0, False
                if mark:
                    if len(message) > most:
                        raise TooLarge(message)
                    yield message
                    ends = time.monotonic() + self._told.idle_s
                continue
            start = received.find(_BEGIN)
            del received[: len(received) if start < 0 else start]
            if start >= 0 and not begun:
                begun, ends = True, min(ends, time.monotonic() + self._node.configuration.limits.idle_s)
            if len(received) > most + len(_BEGIN) + len(_END):
                raise TooLarge(bytes(received[1:]))
            searched = max(len(received) - 1, 0)
            connection.settimeout(max(ends - time.monotonic(), 0.001))
            part = connection.recv(_PART)
            if not part:
                return
            received += part

    def _answer(self, content: bytes, address: str) -> bytes | None:
        """Keep what a message says; its acknowledgement, or None where it wants none."""
        try:
            message = parse(content)
            understood = understand(message, self._told, self._node.configuration.facts)
            self._node.require_disk()
            kept, withdrawn = self._node.ledger.facts.keep(understood.statements, f"mllp {address}")
        except (Malformed, Rejected) as error:
            return self._rejected(content, str(error), getattr(error, "code", "100"))
        except Exception as error:
            self._node.problems.count(_WHERE, error)
            ours = isinstance(error, StoreError | OverloadError)
            return acknowledgement(content, "E", str(error) if ours else "a fault; please report it", "207")
        said = f"{kept} facts kept" + f", {withdrawn} withdrawn" * bool(withdrawn)
        warnings, more = understood.complaints[:_MOST_COMPLAINTS], len(understood.complaints) - _MOST_COMPLAINTS
        return acknowledgement(content, "A", said, warnings=warnings + [f"and {more} more"] * (more > 0))

    def _rejected(self, content: bytes, text: str, condition: str) -> bytes | None:
        self._node.problems.count(_WHERE, RejectedMessageError(f"a message was rejected: {text}"))
        return acknowledgement(content, "R", text, condition)

    def _refuse_rest(self, connection: socket.socket, begun: bytes) -> None:
        said = self._rejected(begun, f"it is larger than {self._told.message_mb:g} MB", "207")
        with suppress(OSError):
            if said is not None:
                connection.sendall(_BEGIN + said + _END)
            if not isinstance(connection, ssl.SSLSocket):
                connection.shutdown(socket.SHUT_WR)
            ends = time.monotonic() + _LINGER_S  # else the rest would undo what was sent
            while (left := ends - time.monotonic()) > 0 and not self._ending.is_set():
                connection.settimeout(left)
                if not connection.recv(_PART):
                    return


def _context(told: Mllp, base: Path) -> ssl.SSLContext:
    assert told.tls is not None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(base / told.tls.certificate, base / told.tls.key)
    if told.tls.clients is not None:
        context.load_verify_locations(base / told.tls.clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
