"""Acknowledgements of HL7 v2: of any message that begins with MSH, in the mode that it asks for."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timezone

from ecg2lab.edge.inputs.hl7_segments import Malformed, Segment, escaped, header_of

_CONDITIONS = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "207": "Application internal error",
}
"""Table 0357."""


def acknowledgement(
    content: bytes, code: str, text: str, condition: str = "0", warnings: Sequence[str] = ()
) -> bytes | None:
    """An acknowledgement.

    Parameters
    ----------
    content
        The message, whatever it is.
    code
        `A`: taken, `E`: not now, `R`: never.
    text
        Why, for people; without anything about a patient.
    condition
        Of table 0357.
    warnings
        What of a message that is taken was not.

    Returns
    -------
    bytes or None
        None: the message asks for no acknowledgement at all.
    """
    try:
        header = header_of(content)
    except Malformed:
        return _written(None, f"A{code}", text, condition, warnings)
    mode = _mode(header)
    return None if mode is None else _written(header, mode + code, text, condition, warnings)


def _mode(header: Segment) -> str | None:
    """MSH-15 and MSH-16: by the application, or only that the message arrived; None: not at all."""
    accept, application = header.get(15), header.get(16)
    if accept == "NE" and application == "NE":
        return None
    return "C" if application == "NE" else "A"


def _written(header: Segment | None, code: str, text: str, condition: str, warnings: Sequence[str]) -> bytes:
    def echoed(field: int) -> str:
        return "" if header is None else header.echoed(field)

    event = "" if header is None else header.get(9, 2)
    kind = f"ACK^{event}^ACK" if event.isalnum() and event.isascii() else "ACK"
    now = datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S%z")
    msh = ["MSH", "^~\\&", echoed(5), echoed(6), echoed(3), echoed(4), now, "", kind, secrets.token_hex(10)]
    msh += [echoed(11) or "P", "2.5.1", "", "", "", "", "", echoed(18)]
    segments = ["|".join(msh).rstrip("|"), f"MSA|{code}|{echoed(10)}|{escaped(text)}"]
    if condition != "0":
        segments.append(_error(condition, "E", text))
    segments += [_error("0", "W", warning) for warning in warnings]
    return "".join(f"{segment}\r" for segment in segments).encode("latin-1", "replace")


def _error(condition: str, severity: str, text: str) -> str:
    return f"ERR|||{condition}^{_CONDITIONS[condition]}^HL70357|{severity}||||{escaped(text)}"
