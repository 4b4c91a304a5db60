"""What the quality gate found in a recording; it measures and judges in the native core. See docs/quality.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ecg2lab._native import _core
from ecg2lab.contract import Contract, QualityLimits
from ecg2lab.errors import QualityError, RecordingError


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


LeadTuple = tuple[str, int, int, bool, bool, bool, float, int]
"""A `LeadNote`, field by field."""
FAULTS: tuple[str, ...] = _core.fault_names()
"""In the order in which a refusal names them; the C interface counts them from 1."""


def judge(
    notes: Sequence[LeadTuple],
    figures: _core.QualityFigures | None,
    prepared_samples: int,
    recorded_samples: int,
    recorded_rate_hz: float,
    contract: Contract,
    longest_gap_s: float | None = None,
) -> QualityNote:
    """Judge what was measured.

    Raises
    ------
    RecordingError
        If the recording is shorter than a window.
    QualityError
        Naming the first fault that refuses the recording, and its leads.
    """
    signal = contract.signal
    found = _core.judge_quality(
        notes,
        figures,
        prepared_samples,
        recorded_samples,
        recorded_rate_hz,
        signal.sampling_rate_hz,
        signal.window_samples,
        contract.preprocessing.clip_mv,
        _limits(contract.quality),
        longest_gap_s,
    )
    note = QualityNote(
        verdict=found["verdict"],
        faults=tuple(QualityFault(**fault) for fault in found["faults"]),
        leads={} if figures is None else dict(zip(signal.leads, figures.leads, strict=True)),
        recording={} if figures is None else figures.recording,
    )
    if note.verdict != "refused":
        return note
    if found["of_recording"]:
        raise RecordingError(found["message"])
    raise QualityError(found["message"], note)


def _limits(limits: QualityLimits) -> dict[str, tuple[float | None, float | None]]:
    return {name: (getattr(limits, name).warn, getattr(limits, name).refuse) for name in limits.__struct_fields__}
