"""An ECG as samples, with everything that is needed to understand them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab import leads as lead_names
from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient

Unit = Literal["uV", "mV", "V", "adc"]
_MILLIVOLT: dict[str, float] = {"uV": 1e-3, "mV": 1.0, "V": 1e3}
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 100.0, 2000.0


class Recording:
    """A multi-lead ECG.

    Parameters
    ----------
    samples
        (leads, n) numbers; NaN marks a missing sample.
    fs
        Sampling rate, Hz, 100 to 2000.
    leads
        A name for each row, in any order; letter case does not matter.
    unit
        Of the samples: "uV", "mV", "V", or "adc" with a gain.
    gain
        ADC counts per millivolt, for unit "adc": one number, or one for each lead.
    baseline
        ADC count of zero volt, for unit "adc".
    source
        Whatever identifies the recording (patient id, order, device): carried to the result untouched, never logged.
    subject
        What the recording's own file says about the patient.
    ignored
        Names of channels of the file that were left out because they are no ECG leads.

    Attributes
    ----------
    samples
        (leads, n) float64, millivolt.
    fs, leads, source, subject, ignored
        As given; lead names in their usual spelling.

    Raises
    ------
    RecordingError
        Naming what is wrong.
    """

    __slots__ = ("fs", "ignored", "leads", "samples", "source", "subject")

    def __init__(
        self,
        samples: ArrayLike,
        *,
        fs: float,
        leads: Sequence[str],
        unit: Unit,
        gain: float | Sequence[float] | None = None,
        baseline: float | Sequence[float] = 0.0,
        source: Mapping[str, Any] | None = None,
        subject: Patient | None = None,
        ignored: Sequence[str] = (),
    ) -> None:
        if isinstance(leads, (str, Set)) or not isinstance(leads, Iterable):
            raise RecordingError("leads must be a list of names, one for each row of samples")
        self.leads = lead_names.canonical_all(leads)
        self.fs = _check_rate(fs)
        self.samples = _to_millivolt(_check_samples(samples, len(self.leads)), unit, gain, baseline)
        if source is not None and not isinstance(source, Mapping):
            raise RecordingError("source must be a mapping of names to values")
        self.source = dict(source) if source is not None else None
        self.subject = subject
        self.ignored = tuple(ignored)

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return float(self.samples.shape[1] / self.fs)

    def __repr__(self) -> str:
        return f"Recording({len(self.leads)} leads, {self.duration_s:g} s at {self.fs:g} Hz)"


def _check_rate(fs: float) -> float:
    try:
        rate = float(fs)
    except OverflowError:
        rate = math.inf
    except (TypeError, ValueError):
        raise RecordingError(f"fs must be a sampling rate in Hz, not {type(fs).__name__}") from None
    if not (math.isfinite(rate) and LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ):
        raise RecordingError(f"sampling rate {rate:g} Hz is outside {LOWEST_RATE_HZ:g} to {HIGHEST_RATE_HZ:g} Hz")
    return rate


def _check_samples(samples: ArrayLike, lead_count: int) -> NDArray[np.float64]:
    try:
        # Nobody has a masked array who did not import its module, which takes as long as loading a model.
        masked = "numpy.ma" in sys.modules and np.ma.isMaskedArray(samples)
        array = np.ma.filled(np.ma.asarray(samples, dtype=np.float64), np.nan) if masked else np.asarray(samples)
    except ValueError:
        raise RecordingError("samples must be one (leads, n) array: its rows have different lengths") from None
    if array.dtype.kind not in "fiu":
        raise RecordingError(f"samples must be real numbers, not {array.dtype}")
    if array.ndim != 2:
        raise RecordingError(f"samples must be a (leads, n) array, not one of shape {array.shape}")
    if array.shape[0] != lead_count:
        hint = "; transpose it" if array.shape[1] == lead_count else ""
        raise RecordingError(f"samples of shape {array.shape} do not have a row for each of {lead_count} leads{hint}")
    if array.shape[1] == 0:
        raise RecordingError("the recording has no samples")
    return np.array(array, dtype=np.float64, order="C")


def _to_millivolt(
    samples: NDArray[np.float64],
    unit: str,
    gain: float | Sequence[float] | None,
    baseline: float | Sequence[float],
) -> NDArray[np.float64]:
    if unit == "adc":
        if gain is None:
            raise RecordingError("unit 'adc' needs the gain in counts per millivolt: gain=…")
        per_millivolt = _per_lead("gain", gain, len(samples))
        if not (per_millivolt > 0).all():
            raise RecordingError("gain must be positive and finite, in counts per millivolt")
        return (samples - _per_lead("baseline", baseline, len(samples))) / per_millivolt
    if not isinstance(unit, str) or unit not in _MILLIVOLT:
        raise RecordingError(f"unknown unit {unit!r}; one of {', '.join((*_MILLIVOLT, 'adc'))}")
    if gain is not None or np.any(np.asarray(baseline) != 0):
        raise RecordingError(f"gain and baseline belong to unit 'adc', not to {unit!r}")
    return samples * _MILLIVOLT[unit] if unit != "mV" else samples


def _per_lead(name: str, value: float | Sequence[float], count: int) -> NDArray[np.float64]:
    try:
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        raise RecordingError(f"{name} must be a number or a list of numbers") from None
    if array.shape not in {(1,), (count,)}:
        raise RecordingError(f"{name} must be one number or one for each of {count} leads")
    if not np.isfinite(array).all():
        raise RecordingError(f"{name} has values that are not finite")
    return array[:, None]
