"""Numbers of ECG leads in SCP-ECG, which ISO/IEEE 11073 and DICOM took over."""

from __future__ import annotations

_NAMES = {
    1: "I",
    2: "II",
    **{2 + number: f"V{number}" for number in range(1, 8)},
    11: "V3R",
    12: "V4R",
    13: "V5R",
    14: "V6R",
    16: "Vx",
    17: "Vy",
    18: "Vz",
    61: "III",
    62: "aVR",
    63: "aVL",
    64: "aVF",
    66: "V8",
    67: "V9",
}


def lead_name(code: int) -> str:
    """The lead of a code; another code gives a name that is no lead."""
    return _NAMES.get(code, f"code {code}")
