"""What `Engine.stream` is asked for, checked when the stream is opened."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract
from ecg2lab.errors import ContractError, PatientError, RecordingError
from ecg2lab.patient import Patient
from ecg2lab.real_numbers import is_real, to_float
from ecg2lab.recording import Recording, Unit

LONGEST_AVERAGE_S = 3600.0


@dataclass(frozen=True)
class StreamFormat:
    """What the samples will be, and whose they are."""

    fs: float
    leads: tuple[str, ...]
    unit: Unit
    gain: float | Sequence[float] | None
    baseline: float | Sequence[float]
    patient: Patient | None
    source: dict[str, Any] | None
    targets: tuple[int, ...]
    """Positions of the findings that are wanted."""

    def to_millivolt(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Samples of one push, (leads, n), checked as those of a recording are.

        Raises
        ------
        RecordingError
            Naming what is wrong.
        """
        if getattr(samples, "shape", None) == (len(self.leads), 0):
            return np.empty((len(self.leads), 0))
        millivolt = Recording(
            samples, fs=self.fs, leads=self.leads, unit=self.unit, gain=self.gain, baseline=self.baseline
        ).samples
        if np.isinf(millivolt).any():
            raise RecordingError("these samples cannot be used: infinite samples")
        return millivolt


def check_format(
    contract: Contract,
    *,
    fs: float,
    leads: Sequence[str],
    unit: Unit,
    gain: float | Sequence[float] | None,
    baseline: float | Sequence[float],
    patient: Patient | None,
    source: Mapping[str, Any] | None,
    targets: str | Sequence[str] | None,
) -> StreamFormat:
    """Refuse now what `push` would refuse each time.

    Raises
    ------
    RecordingError, PatientError, ContractError
        As `Recording` and `Engine.predict` do.
    """
    if not isinstance(patient, Patient | None):
        raise PatientError(f"stream wants an ecg2lab.Patient, not {type(patient).__name__}")
    if isinstance(leads, Iterable) and not isinstance(leads, str | Set):
        leads = tuple(leads)
    count = len(leads) if isinstance(leads, tuple) else 1
    sample = Recording(np.zeros((count, 1)), fs=fs, leads=leads, unit=unit, gain=gain, baseline=baseline, source=source)
    return StreamFormat(
        sample.fs,
        sample.leads,
        unit,
        gain,
        baseline,
        patient,
        sample.source,
        tuple(contract.target_indices(contract.target_names if targets is None else targets)),
    )


def open_windows(contract: Contract, form: StreamFormat, hop_s: float, longest_gap_s: float) -> _core.WindowStream:
    """Open the core's windows.

    Raises
    ------
    RecordingError
        If leads are missing or the rate cannot be had.
    BackendError
        If the contract filters recordings forwards and backwards.
    ContractError
        If hop or gap cannot be meant.
    """
    numbers_given = _number("hop_s", hop_s), _number("longest_gap_s", longest_gap_s)
    try:
        return _core.WindowStream(contract.native, form.leads, form.fs, *numbers_given)
    except ValueError as error:
        if isinstance(error, RecordingError):
            raise
        raise ContractError(f"stream: {error}") from None


def count_average(average_s: float | None, hop: int, contract: Contract) -> int:
    """Windows, a hop apart, that lie within `average_s`; None: the latest alone.

    Raises
    ------
    ContractError
        If it is shorter than a window or longer than an hour.
    """
    if average_s is None:
        return 1
    signal, seconds = contract.signal, _number("average_s", average_s)
    window_s = signal.window_samples / signal.sampling_rate_hz
    if not window_s <= seconds <= LONGEST_AVERAGE_S:
        raise ContractError(
            f"stream: average_s {seconds:g} is not between a window ({window_s:g} s) and {LONGEST_AVERAGE_S:g} s"
        )
    return (math.floor(seconds * signal.sampling_rate_hz + 1e-6) - signal.window_samples) // hop + 1


def _number(name: str, value: Any) -> float:
    if not is_real(value):
        raise ContractError(f"stream: {name} must be a number of seconds, not {type(value).__name__}")
    return to_float(value)
