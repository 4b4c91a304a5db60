"""What `Engine.stream` is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab.errors import PatientError, RecordingError
from ecg2lab.patient import Patient
from ecg2lab.recording import Recording, Unit
from ecg2lab.stream.network import By


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """Named as there, where it says what each of them means."""

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
        """With rate, leads and source as a recording has them; refuses now what `push` would refuse each time.

        Raises
        ------
        RecordingError, PatientError
            As `Recording` and `Engine.predict` do.
        """
        if not isinstance(self.patient, Patient | None):
            raise PatientError(f"stream wants an ecg2lab.Patient, not {type(self.patient).__name__}")
        leads = self.leads
        if isinstance(leads, Iterable) and not isinstance(leads, str | Set):
            leads = tuple(leads)
        rows = len(leads) if isinstance(leads, tuple) else 1
        sample = self._recording(np.zeros((rows, 1)), leads, self.source)
        return replace(self, fs=sample.fs, leads=sample.leads, source=sample.source)

    def to_millivolt(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Samples of one push, (leads, n), checked as those of a recording are.

        Raises
        ------
        RecordingError
            Naming what is wrong.
        """
        if getattr(samples, "shape", None) == (len(self.leads), 0):
            return np.empty((len(self.leads), 0))
        millivolt = self._recording(samples, self.leads).samples
        if np.isinf(millivolt).any():
            raise RecordingError("these samples cannot be used: infinite samples")
        return millivolt

    def _recording(
        self, samples: ArrayLike, leads: Sequence[str], source: Mapping[str, Any] | None = None
    ) -> Recording:
        return Recording(
            samples, fs=self.fs, leads=leads, unit=self.unit, gain=self.gain, baseline=self.baseline, source=source
        )
