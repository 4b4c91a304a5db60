"""One request over HTTP/1.1: no redirect, no proxy, and an end in time however slowly the server answers."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import SplitResult


class Answer(NamedTuple):
    """What a server said."""

    status: int
    location: str
    """Of what was stored; empty: not stated."""
    pause_s: float
    """For how long it wants to be left alone."""
    body: bytes


class TooLargeError(OSError):
    """An answer beyond the limit."""


def ask(
    base: SplitResult,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tls: ssl.SSLContext | None,
    seconds: float,
    most: int,
) -> Answer:
    """Ask a server once, over a connection of its own.

    Parameters
    ----------
    base
        Its address, and where the path starts.
    tls
        None: in the clear.
    seconds
        Until the whole answer must be there.
    most
        Bytes of the answer's body.

    Raises
    ------
    OSError
        If it cannot be reached, its certificate is wrong, or it takes too long or too much.
    HTTPException
        If it does not speak HTTP.
    """
    assert base.hostname is not None
    port = base.port or (80 if tls is None else 443)
    connection = HTTPConnection(base.hostname, port)
    with _in_time(connection, seconds) as guard:
        plain = socket.create_connection((base.hostname, port), seconds)
        connection.sock = guard(plain)
        if tls is not None:
            wrapped = tls.wrap_socket(plain, server_hostname=base.hostname, do_handshake_on_connect=False)
            connection.sock = guard(wrapped)
            wrapped.do_handshake()
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it heard all
            connection.request(method, base.path.rstrip("/") + path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read(most + 1)
    if len(content) > most:
        raise TooLargeError(f"it answered with more than {most >> 20} MB")
    location = answer.getheader("Location") or answer.getheader("Content-Location") or ""
    return Answer(answer.status, location, _pause(answer.getheader("Retry-After") or ""), content)


@contextmanager
def _in_time(connection: HTTPConnection, seconds: float) -> Iterator[Callable[[socket.socket], socket.socket]]:
    """Yields what a socket is given to that must not hold anybody up for longer; closes the connection."""
    guarded: list[socket.socket] = []
    late = threading.Event()

    def end() -> None:
        late.set()
        for one in guarded:  # of a TLS connection the socket beneath is shut down, as another thread uses it
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def guard(one: socket.socket) -> socket.socket:
        guarded.append(one)
        if late.is_set():
            raise TimeoutError
        return one

    clock = threading.Timer(seconds, end)
    clock.daemon = True
    clock.start()
    try:
        yield guard
    except (OSError, ValueError, HTTPException) as error:
        if not late.is_set() and not isinstance(error, TimeoutError):
            raise
        late.set()
    finally:
        clock.cancel()
        connection.close()
    if late.is_set():
        raise TimeoutError(f"no answer within {seconds:g} s")


def _pause(stated: str) -> float:
    """Seconds of a `Retry-After`, which states them or a date; 0: neither."""
    if stated.isascii() and stated.isdigit():
        return float(stated[:9])
    try:
        return max(parsedate_to_datetime(stated).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
