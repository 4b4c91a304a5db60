"""Who may ask: programs by the token that they hold, and no page of another server through a browser."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Set
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from ecg2lab.edge.config import Scope, Token


class Denial(NamedTuple):
    """Why somebody is not answered."""

    status: int
    """Of HTTP."""
    message: str


def deny_stranger(host: str, origin: str | None, names: Set[str]) -> Denial | None:
    """Deny what a page of another server has a browser send: by its origin, or by its own name for this node.

    Parameters
    ----------
    host, origin
        The headers `Host` and `Origin`.
    names
        Of the node, beside its addresses.
    """
    name, called = _parts(f"//{host}")
    if name not in names and not _is_address(name):
        return Denial(421, "the node is not called so: use its address, or http.host")
    if origin is not None and _parts(origin)[1] != called:
        return Denial(403, "a page of another server asks")
    return None


def _parts(address: str) -> tuple[str | None, str | None]:
    """The name alone, and with its port; None: it is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None, None
    return parts.hostname, parts.netloc


def _is_address(name: str | None) -> bool:
    try:
        ip_address(name or "")
    except ValueError:
        return False
    return True


def admit(authorization: str, scope: Scope, tokens: Iterable[Token]) -> Token | Denial:
    """The token that a header `Authorization: Bearer …` holds, if it has the scope."""
    kind, _, given = authorization.partition(" ")
    digest = hashlib.sha256(given.strip().encode()).hexdigest() if kind.lower() == "bearer" else ""
    found = None
    for token in tokens:  # all of them, so that time tells nothing
        if hmac.compare_digest(digest, token.sha256):
            found = token
    if found is None:
        return Denial(401, "this needs a token")
    return found if scope in found.scopes else Denial(403, f"this token does not allow to {scope}")
