"""An ECG in memory: samples, and everything that is needed to interpret them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.recording.leads import as_utf8
from ecg2lab.system.names import quoted
from ecg2lab.system.strict_json import encode_plainly

Unit = Literal["uV", "mV", "V", "adc"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_READ_BY_CORE = (np.float64, np.float32, np.int16, np.int32)


class Recording:
    """A multi-lead ECG.

    Parameters
    ----------
    samples
        (leads, n) numbers; NaN marks a missing sample.
    fs
        Sampling rate, Hz, 100 to 2000.
    leads
        The name of each row, in any order; letter case does not matter.
    unit
        Unit of the samples: "uV", "mV", "V", or "adc" with a gain.
    gain
        ADC counts per millivolt, for unit "adc": one number, or one for each lead.
    baseline
        ADC count of zero volt, for unit "adc".
    source
        Whatever identifies the recording (patient id, order, device), as values of JSON: copied unchanged into the
        result, never logged.
    subject
        What the recording's own file says about the patient.
    ignored
        Names of the file's channels that were left out because they are no ECG leads.
    notes
        Sentences on what the reader of the file left out or moved; copied into the result.

    Attributes
    ----------
    samples
        (leads, n) float64, millivolt.
    fs, leads, source, subject, ignored, notes
        As passed; lead names in their usual spelling.

    Raises
    ------
    RecordingError
        If an argument is invalid; the message names it.
    """

    __slots__ = ("fs", "ignored", "leads", "notes", "samples", "source", "subject")

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
        notes: Sequence[str] = (),
    ) -> None:
        form = recording_format(leads, fs, unit, gain, baseline)
        self._describe(form, source, subject, ignored, notes)
        self.samples = form.to_millivolt(check_samples(samples, len(self.leads)))

    @classmethod
    def adopt(
        cls,
        millivolts: NDArray[np.float64],
        *,
        fs: float,
        leads: Sequence[str],
        source: Mapping[str, Any] | None = None,
        subject: Patient | None = None,
        ignored: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Recording:
        """Make a recording from samples without copying them; the caller must not use them afterwards.

        Parameters
        ----------
        millivolts
            (leads, n), C-contiguous.
        fs, leads, source, subject, ignored, notes
            As for `Recording`.

        Raises
        ------
        RecordingError
            As for `Recording`.
        """
        recording = cls.__new__(cls)
        recording._describe(recording_format(leads, fs, "mV"), source, subject, ignored, notes)
        recording.samples = check_samples(millivolts, len(recording.leads))
        return recording

    def _describe(
        self,
        form: _core.RecordingFormat,
        source: Mapping[str, Any] | None,
        subject: Patient | None,
        ignored: Sequence[str],
        notes: Sequence[str],
    ) -> None:
        self.leads = form.leads
        self.fs = form.sampling_rate_hz
        self.source = check_source(source)
        self.subject = _check_subject(subject)
        self.ignored = check_names(ignored, "ignored must be a list of the names of channels")
        self.notes = check_names(notes, "notes must be a list of sentences")

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return float(self.samples.shape[1] / self.fs)

    def __repr__(self) -> str:
        return f"Recording({len(self.leads)} leads, {self.duration_s:g} s at {self.fs:g} Hz)"


def check_source(source: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Copy what identifies a recording.

    Raises
    ------
    RecordingError
        If it is no mapping, or cannot be written as JSON.
    """
    if source is None:
        return None
    if not isinstance(source, Mapping):
        raise RecordingError("source must be a mapping of names to values")
    copied = {_whole(name): _whole(value) for name, value in source.items()}
    try:
        encode_plainly(copied)
    except Exception as error:  # of any type: values of the caller's own types are asked for their text
        raise RecordingError(f"source cannot be written as JSON ({type(error).__name__})") from None
    return copied


def _whole(value: Any) -> Any:
    """A text without halves of characters, such as names of files have that are no UTF-8."""
    return as_utf8(value) if isinstance(value, str) else value


def _check_subject(subject: Patient | None) -> Patient | None:
    if not isinstance(subject, Patient | None):
        raise RecordingError(f"subject must be an ecg2lab.Patient, not {type(subject).__name__}")
    return subject


def check_names(names: Any, otherwise: str) -> tuple[str, ...]:
    """Check that names are a sequence of strings.

    Raises
    ------
    RecordingError
        With the message `otherwise`, if they are anything else.
    """
    if isinstance(names, (str, Set, Mapping)) or not isinstance(names, Iterable):
        raise RecordingError(otherwise)
    listed = tuple(names)
    if not all(isinstance(name, str) for name in listed):
        raise RecordingError(otherwise)
    return tuple(as_utf8(name) for name in listed)


def recording_format(
    leads: Sequence[str],
    fs: float,
    unit: str,
    gain: float | Sequence[float] | None = None,
    baseline: float | Sequence[float] = 0.0,
) -> _core.RecordingFormat:
    """Rate, leads and unit of samples, checked by the native core.

    Parameters
    ----------
    leads, fs, unit, gain, baseline
        As for `Recording`.

    Raises
    ------
    RecordingError
        Naming what is wrong.
    """
    names = check_names(leads, "leads must be a list of names, one for each row of samples")
    if not (isinstance(unit, str) and unit in UNITS):
        raise RecordingError(f"unknown unit {quoted(unit)}; one of {', '.join(UNITS)}")
    if gain is None and isinstance(baseline, float) and baseline == 0:
        return _voltage_format(names, _to_rate(fs), unit)
    counts = [] if gain is None else _per_lead("gain", gain)
    return _core.RecordingFormat(list(names), _to_rate(fs), unit, counts, _per_lead("baseline", baseline))


@lru_cache(maxsize=16)
def _voltage_format(names: tuple[str, ...], rate_hz: float, unit: str) -> _core.RecordingFormat:
    """Of samples without gain and baseline: who has one recording of a device has the next."""
    return _core.RecordingFormat(list(names), rate_hz, unit, [], [0.0])


def _to_rate(fs: float) -> float:
    try:
        return float(fs)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        raise RecordingError(f"fs must be a sampling rate in Hz, not {type(fs).__name__}") from None


def check_samples(samples: ArrayLike, lead_count: int) -> NDArray[Any]:
    """Convert samples to a (leads, n) array that the native core reads; not copied if they already are one.

    Raises
    ------
    RecordingError
        Naming what is wrong.
    """
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
    return array if array.dtype in _READ_BY_CORE and array.flags.aligned else array.astype(np.float64)


def _per_lead(name: str, value: float | Sequence[float]) -> list[float]:
    try:
        numbers: list[float] = np.asarray(value, dtype=np.float64).ravel().tolist()
    except (TypeError, ValueError, OverflowError):
        raise RecordingError(f"{name} must be a number or a list of numbers") from None
    return numbers
