"""What a service manager is told, by the protocol of systemd's `sd_notify`: ready, stopping, and that work is done."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

from ecg2lab.edge.node import Node

_MICROSECOND_S = 1e-6


def notify(state: str) -> None:
    """Tell the service manager, if there is one; that it does not listen is no reason to stop serving.

    Parameters
    ----------
    state
        Such as `READY=1`.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):  # a name without a file
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(1)
            manager.sendto(state.encode(), address)
    except OSError:
        return


def watchdog_s() -> float | None:
    """Seconds within which the service manager must hear that work is done; None: it does not ask."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        period = int(os.environ.get("WATCHDOG_USEC", "0")) * _MICROSECOND_S
    except ValueError:
        return None
    return period if period > 0 else None


class Watchdog(threading.Thread):
    """Says twice in each period that work is done, and nothing while it is not: then the node is started anew.

    Parameters
    ----------
    node
        Its threads must run, and its store must take work.
    loop
        Of the HTTP server: it must turn.
    period_s
        As `watchdog_s` gives it.
    """

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop, period_s: float) -> None:
        super().__init__(name="ecg2lab-watchdog", daemon=True)
        self._node, self._loop, self._period_s = node, loop, period_s
        self._ending = threading.Event()

    def stop(self) -> None:
        """End soon; not waited for."""
        self._ending.set()

    def run(self) -> None:
        """Until it is stopped."""
        while not self._ending.is_set():
            if self.works():
                notify("WATCHDOG=1")
            self._ending.wait(self._period_s / 2)

    def works(self) -> bool:
        """Whether all of it does."""
        turned = threading.Event()
        try:
            self._loop.call_soon_threadsafe(turned.set)
        except RuntimeError:  # closed
            return False
        return turned.wait(self._period_s) and self._node.works()
