"""Units of voltage in files."""

from __future__ import annotations

from ecg2lab.errors import RecordingError

_MILLIVOLT = {
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("uv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}


def millivolts(unit: str | None) -> float | None:
    """Millivolts in one unit, or None if it is no voltage. Letter case and the kind of µ do not matter."""
    plain = (unit or "").strip().casefold().replace("\u00b5", "u").replace("\u03bc", "u")
    return _MILLIVOLT.get(plain)


def require_millivolts(unit: str | None, lead: str) -> float:
    """Millivolts in one unit of a lead.

    Raises
    ------
    RecordingError
        If no unit is stated, or it is no voltage.
    """
    if not unit or not unit.strip():
        raise RecordingError(f"the file does not state the unit of lead {printable(lead)}")
    scale = millivolts(unit)
    if scale is None:
        raise RecordingError(f"lead {printable(lead)} is in unit {printable(unit)!r}, which is no voltage")
    return scale


def printable(text: str, most: int = 24) -> str:
    """The start of a text from a file, for a message: at most `most` characters, without control characters."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1].strip())
    return plain if len(plain) <= most else f"{plain[:most]}…"
