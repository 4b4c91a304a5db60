"""Ends with 0 if the node of a configuration answers on this machine: for a container's HEALTHCHECK."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from pathlib import Path

_TIMEOUT_S = 5.0


def answers(configuration: Path) -> bool:
    """Whether it lives. One that asks callers for a certificate must accept a connection, no more."""
    told = json.loads(configuration.read_text()).get("http", {})
    host, port, tls = told.get("host", "127.0.0.1"), told.get("port", 8080), told.get("tls")
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    line = http.client.HTTPConnection(near, port, timeout=_TIMEOUT_S)
    if tls is not None:
        # Its certificate names the address by which carts call it; this asks whether it lives, and sends nothing.
        line = http.client.HTTPSConnection(near, port, timeout=_TIMEOUT_S, context=ssl._create_unverified_context())
    try:
        line.connect()
        if tls is not None and tls.get("clients"):
            return True
        line.request("GET", "/v2/health/live", headers={"Host": "localhost"})
        return line.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


if __name__ == "__main__":
    sys.exit(0 if answers(Path(sys.argv[1])) else 1)
