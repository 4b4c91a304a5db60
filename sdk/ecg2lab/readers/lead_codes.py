"""Codes of ECG leads in SCP-ECG, which ISO/IEEE 11073 and DICOM adopted."""

from __future__ import annotations

_NAMES = {
    **dict(enumerate(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "V7"), start=1)),
    **dict(enumerate(("V3R", "V4R", "V5R", "V6R"), start=11)),
    **dict(enumerate(("Vx", "Vy", "Vz"), start=16)),
    **dict(enumerate(("III", "aVR", "aVL", "aVF"), start=61)),
    **dict(enumerate(("V8", "V9"), start=66)),
}


def lead_name(code: int) -> str:
    """The lead of a code; for an unknown code a name that is no lead."""
    return _NAMES.get(code, f"code {code}")
