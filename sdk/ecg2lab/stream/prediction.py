"""The answer of a stream at each window."""

from __future__ import annotations

import msgspec

from ecg2lab.answer.prediction import ErrorNote, Finding, Prediction
from ecg2lab.errors import QualityError


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the signal a window lies. Samples are numbered at the recorded rate, from 0 when the stream began."""

    window: int
    """Its number k: it begins k hops after the first sample."""
    first_sample: int
    last_sample: int
    begin_s: float
    end_s: float
    """Seconds of signal since the stream began."""
    since_s: float
    """Where the signal begins on which the answer rests; with an average or a state, earlier than `begin_s`."""
    behind_s: float
    """Seconds of signal received after the window's end when it was answered."""
    look_ahead_s: float
    """The part of `behind_s` that the resampler needs."""
    begin_time: float | None
    """Time of the first sample by the caller's clock; None: no times were given."""


class StreamPrediction(Prediction, frozen=True, kw_only=True):
    """The answer at one window; without findings where `refusal` says why."""

    position: Position
    refusal: ErrorNote | None = None
    """Why the window was not answered, in the words of the error that `Engine.predict` would raise."""

    def __getitem__(self, target: str) -> Finding:
        """The finding of a target, by name; for a refused window raises QualityError with the refusal."""
        if self.refusal is not None:
            raise QualityError(self.refusal.message)
        return super().__getitem__(target)
