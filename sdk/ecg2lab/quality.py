"""What the quality gate found in a recording; it measures and judges in the native core. See docs/quality.md."""

from __future__ import annotations

from typing import Literal

import msgspec

from ecg2lab._native import _core


class QualityFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of one lead, or of the recording."""

    fault: str
    """One of `FAULTS`."""
    severity: Literal["warning", "refusal"]
    lead: str | None
    """None: of the whole recording."""
    other_lead: str | None
    """The one that a duplicate repeats."""
    measured: float
    limit: float
    message: str


class QualityNote(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a recording, and what it rests on."""

    verdict: Literal["accepted", "warnings", "refused"]
    faults: tuple[QualityFault, ...]
    leads: dict[str, dict[str, float]]
    """What was measured of each lead, by the name of the fault that it would be."""
    recording: dict[str, float]
    """The same of the whole recording."""


FAULTS: tuple[str, ...] = _core.fault_names()
"""In the order in which a refusal names them; the C interface counts them from 1."""


def quality_note(quality: _core.Quality) -> QualityNote:
    """What the native core found."""
    return msgspec.convert(quality, QualityNote, from_attributes=True)
