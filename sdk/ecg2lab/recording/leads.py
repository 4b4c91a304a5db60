"""Names of ECG leads; the native core has their spellings."""

from __future__ import annotations

from ecg2lab._native import _core

STANDARD: tuple[str, ...] = _core.standard_leads()
"""The six limb leads, then V1 to V6."""
LIMB = STANDARD[:6]


def canonical(name: str) -> str | None:
    """The usual spelling of a lead name (`avr` → `aVR`), or None if it is no known lead.

    Letter case and surrounding ASCII whitespace do not matter.
    """
    return _core.canonical_lead(as_utf8(name)) or None


def as_utf8(name: str) -> str:
    """The name with `?` for each lone surrogate, which UTF-8 cannot encode."""
    return name.encode("utf-8", "replace").decode()
