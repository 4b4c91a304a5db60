"""The verdict of the quality gate on a recording; the native core measures and judges. See docs/quality.md."""

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
    """None: the fault concerns the whole recording."""
    other_lead: str | None
    """For a duplicate: the lead that it repeats."""
    measured: float
    limit: float
    message: str


class QualityNote(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a recording, and what it rests on."""

    verdict: Literal["accepted", "warnings", "refused"]
    faults: tuple[QualityFault, ...]
    leads: dict[str, dict[str, float]]
    """By lead: its measurements, each under the name of the fault that it can reveal."""
    recording: dict[str, float]
    """Measurements of the whole recording, named likewise."""


FAULTS: tuple[str, ...] = _core.fault_names()
"""In the order in which a refusal names them; the C interface counts them from 1."""


def quality_note(quality: _core.Quality) -> QualityNote:
    """Convert the result of the native core."""
    return msgspec.convert(quality, QualityNote, from_attributes=True)
