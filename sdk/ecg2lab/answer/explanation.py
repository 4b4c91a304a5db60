"""What an answer rests on, as a prediction carries it; `explain` finds it."""

from __future__ import annotations

import msgspec

SEGMENT_S = 0.2
"""One large square of ECG paper."""
BATCH = 32
"""Windows that are run together unless the caller says otherwise."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How much higher the answer stands with a part of the input than without it."""

    part: str
    """Name of the lead or of the fact."""
    logit: float
    probability: float


class SegmentEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a stretch of time, in all leads."""

    start_s: float
    end_s: float
    """Seconds from the beginning of the recording."""
    logit: float
    probability: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer for one target rests on."""

    target: str
    logit: float
    probability: float
    """Of the finding: calibrated, over all windows."""
    leads: tuple[Effect, ...]
    """In the contract's order."""
    segments: tuple[SegmentEffect, ...]
    """Side by side over all windows."""
    facts: tuple[Effect, ...]
    """Of the patient: those that were given and that the model uses. What was imputed has no effect."""
    ecg: Effect
    """All leads together."""
    patient: Effect | None
    """All facts together; None: the model cannot do without one of them."""
    not_removable: tuple[str, ...] = ()
    """Facts that the contract cannot impute, whose effect is therefore unknown."""
