"""What stands around an edge node, written from the protocols and not from the node."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, suppress


class Receiver:
    """An MLLP receiver that answers as it is told; written from the protocol, not from the sender."""

    def __init__(self, answer, tls=None):
        self._answer, self._tls = answer, tls
        self.messages = []
        """Every message that came, in order."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        received = b""
        with ExitStack() as closing:
            closing.enter_context(connection)
            try:
                if self._tls is not None:
                    connection = closing.enter_context(self._tls.wrap_socket(connection, server_side=True))
                while part := connection.recv(65536):
                    received += part
                    while b"\x1c\r" in received:
                        block, _, received = received.partition(b"\x1c\r")
                        assert block[:1] == b"\x0b"
                        self.messages.append(block[1:])
                        said = self._answer(len(self.messages), block[1:])
                        if said is None:
                            return
                        for part in [said] if isinstance(said, bytes) else said:
                            connection.sendall(part)
            except OSError:
                return

    def hang_up(self):
        """Close what is open; new connections are taken."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self):
        self._server.close()
        self.hang_up()


def number_of(message):
    """MSH-10."""
    return message.split(b"\r")[0].split(b"|")[9].decode()


def acknowledge(message, code="AA", text="", number=None):
    """An acknowledgement as a record sends it."""
    about = number_of(message) if number is None else number
    return (
        f"\x0bMSH|^~\\&|EHR|H|ecg2lab||20261130||ACK^R01^ACK|{time.monotonic_ns()}|P|2.5.1\r"
        f"MSA|{code}|{about}|{text}\r\x1c\r"
    ).encode()


def free_port():
    """Of a server that is started in a moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def parts(record):
    """The files of a record as parts of a form."""
    return [("file", (name, content)) for name, content in record.items()]
