"""The options of `Engine.stream`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab._native import _core
from ecg2lab.errors import ContractError, PatientError
from ecg2lab.patient import Patient
from ecg2lab.recording import Unit, check_samples, check_source, recording_format
from ecg2lab.stream.network import By


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """The arguments of `Engine.stream`, where each is described."""

    fs: float
    leads: Sequence[str]
    unit: Unit
    gain: float | Sequence[float] | None
    baseline: float | Sequence[float]
    hop_s: float
    average_s: float | None
    longest_gap_s: float | None
    patient: Patient | None
    source: Mapping[str, Any] | None
    targets: str | Sequence[str] | None
    by: By | None

    def checked(self) -> StreamOptions:
        """Check the options now, so that not every push fails; rate, leads and source become those of a recording.

        Raises
        ------
        ContractError, RecordingError, PatientError
            As for `Recording` and `Engine.predict`.
        """
        if not isinstance(self.patient, Patient | None):
            raise PatientError(f"stream wants an ecg2lab.Patient, not {type(self.patient).__name__}")
        if not isinstance(self.by, str | None):
            raise ContractError(f"stream: by must be 'windows' or 'state', not {type(self.by).__name__}")
        form = self.format
        return replace(self, fs=form.sampling_rate_hz, leads=form.leads, source=check_source(self.source))

    @cached_property
    def format(self) -> _core.RecordingFormat:
        """Rate, leads and unit of the samples."""
        return recording_format(self.leads, self.fs, self.unit, self.gain, self.baseline)

    def to_millivolt(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Samples of one push, (leads, n), in millivolt, checked like those of a recording.

        Raises
        ------
        RecordingError
            Naming what is wrong.
        """
        if getattr(samples, "shape", None) == (len(self.leads), 0):
            return np.empty((len(self.leads), 0))
        return self.format.to_millivolt(check_samples(samples, len(self.leads)))
