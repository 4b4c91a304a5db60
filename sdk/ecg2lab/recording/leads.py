"""Names of ECG leads; the native core spells them."""

from __future__ import annotations

from ecg2lab._native import _core

STANDARD: tuple[str, ...] = _core.standard_leads()
"""The six limb leads, then V1 to V6."""
LIMB = STANDARD[:6]


def canonical(name: str) -> str | None:
    """The usual spelling of a lead name (`avr` → `aVR`), or None if it is no known lead.

    Letter case and blanks of ASCII around the name do not matter.
    """
    return _core.canonical_lead(as_utf8(name)) or None


def as_utf8(name: str) -> str:
    """The name itself, or one with `?` for each half of a character, which no lead has."""
    return name.encode("utf-8", "replace").decode()
