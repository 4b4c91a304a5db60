"""What a stream says at each window."""

from __future__ import annotations

import msgspec

from ecg2lab.answer.prediction import ErrorNote, Finding, Prediction
from ecg2lab.errors import QualityError


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the signal a window lies. Samples are numbered at the recorded rate, from 0 when the stream began."""

    window: int
    """Its number: it begins `window` hops after the first sample."""
    first_sample: int
    last_sample: int
    begin_s: float
    end_s: float
    """Seconds of signal since the stream began."""
    since_s: float
    """Where the signal begins on which the answer rests: before the window with an average or a state."""
    behind_s: float
    """Signal that had come in beyond the window's end when it was answered."""
    look_ahead_s: float
    """The part of it that the resampler waits for."""
    begin_time: float | None
    """Of the first sample, by the caller's clock; None: no times were given."""


class StreamPrediction(Prediction, frozen=True, kw_only=True):
    """The answer at one window; without findings where `refusal` says why."""

    position: Position
    refusal: ErrorNote | None = None
    """Why the window was not answered, in the words of the error that `Engine.predict` would raise."""

    def __getitem__(self, target: str) -> Finding:
        """The finding of a target, by name; of a refused window the refusal is raised."""
        if self.refusal is not None:
            raise QualityError(self.refusal.message)
        return super().__getitem__(target)
