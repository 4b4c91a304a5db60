"""Names of ECG leads."""

from __future__ import annotations

from collections.abc import Iterable

from ecg2lab.errors import RecordingError

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
STANDARD = (*LIMB, "V1", "V2", "V3", "V4", "V5", "V6")
_OTHER = ("Vx", "Vy", "Vz", "V3R", "V4R", "V5R", "V6R", "V7", "V8", "V9")
_CANONICAL = {name.casefold(): name for name in (*STANDARD, *_OTHER)}


def canonical(name: str) -> str | None:
    """The usual spelling of a lead name (`avr` → `aVR`), or None if it is no known lead."""
    return _CANONICAL.get(name.strip().casefold())


def canonical_all(names: Iterable[str]) -> tuple[str, ...]:
    """Usual spellings of names that a caller gave.

    Raises
    ------
    RecordingError
        Naming an unknown or repeated lead.
    """
    found: list[str] = []
    for name in names:
        lead = canonical(name) if isinstance(name, str) else None
        if lead is None:
            raise RecordingError(f"unknown lead {name!r}; the standard twelve are {', '.join(STANDARD)}")
        if lead in found:
            raise RecordingError(f"lead {lead} appears twice")
        found.append(lead)
    return tuple(found)
