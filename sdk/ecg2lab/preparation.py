"""From a recording to the windows that the network takes; the work is done by the native core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract, Preprocessing, published, unnamed_targets
from ecg2lab.errors import RecordingError
from ecg2lab.quality import QualityNote, judge
from ecg2lab.recording import Recording, Unit


class LeadNote(NamedTuple):
    """What happened to one lead."""

    lead: str
    missing_samples: int
    clipped_samples: int
    derived: bool
    empty: bool
    flat: bool
    peak_to_peak_mv: float
    longest_gap: int
    """Missing samples without a break, at the recording's rate."""


class PreparedSignal(NamedTuple):
    """A recording at the contract's leads, unit and rate."""

    signal: NDArray[np.float32]  # (leads, n) mV
    recorded_rate_hz: float
    recorded_samples: int
    notes: tuple[LeadNote, ...]
    figures: _core.QualityFigures | None = None
    """What the quality gate measured; None: it was not asked."""


def prepare_signal(recording: Recording, contract: Contract, *, measure_quality: bool = True) -> PreparedSignal:
    """Map leads, interpolate missing samples, filter, clip, resample; a lead without any value becomes zero.

    Parameters
    ----------
    recording
        With leads from which the contract's follow.
    contract
        Says what is wanted.
    measure_quality
        Whether to measure what `judge_quality` judges.

    Raises
    ------
    RecordingError
        If leads are missing, samples are infinite, or rate or length allow no filter that the contract wants.
    """
    wanted, steps = contract.signal, contract.preprocessing
    require_leads(recording, contract)
    try:
        signal, reports, *figures = _core.prepare(
            recording.samples,
            recording.leads,
            recording.fs,
            wanted.leads,
            wanted.sampling_rate_hz,
            steps.clip_mv,
            *_filters(steps),
            measure_quality=measure_quality,
        )
    except ValueError as error:
        raise RecordingError(f"this recording cannot be used: {error}") from None
    notes = tuple(LeadNote(name, **report) for name, report in zip(wanted.leads, reports, strict=True))
    return PreparedSignal(signal, recording.fs, recording.samples.shape[1], notes, *figures)


def _filters(steps: Preprocessing) -> tuple[_core.BandPass | None, _core.Notch | None]:
    band, notch = steps.band_pass, steps.notch
    return (
        None if band is None else _core.BandPass(band.low_hz, band.high_hz, band.order),
        None if notch is None else _core.Notch(notch.frequency_hz, notch.quality),
    )


def require_leads(recording: Recording, contract: Contract) -> None:
    """Refuse a recording that lacks leads which cannot be derived from others.

    Raises
    ------
    RecordingError
        Naming the leads that are missing, and those that are there.
    """
    missing = _core.missing_leads(recording.leads, contract.signal.leads)
    if missing:
        present = ", ".join((*recording.leads, *recording.ignored)) or "none"
        raise RecordingError(
            f"missing lead{'s' if len(missing) > 1 else ''}: {', '.join(missing)} (the recording has {present})"
        )


def judge_quality(prepared: PreparedSignal, contract: Contract, longest_gap_s: float | None = None) -> QualityNote:
    """Say what is wrong with a recording, by the contract's limits.

    Parameters
    ----------
    prepared
        The recording.
    contract
        Of the model.
    longest_gap_s
        A lead without values for so long is refused; None: for a window.

    Raises
    ------
    RecordingError
        If it is shorter than a window.
    QualityError
        Naming the leads of the first fault that refuses it; all faults are in the error's `quality`.
    """
    return judge(
        prepared.notes,
        prepared.figures,
        prepared.signal.shape[1],
        prepared.recorded_samples,
        prepared.recorded_rate_hz,
        contract,
        longest_gap_s,
    )


def cut_windows(
    prepared: PreparedSignal, contract: Contract, longest_gap_s: float | None = None
) -> NDArray[np.float32]:
    """Whole windows side by side, (windows, leads, L), of a recording that `judge_quality` does not refuse."""
    judge_quality(prepared, contract, longest_gap_s)
    return whole_windows(prepared, contract)


def whole_windows(prepared: PreparedSignal, contract: Contract) -> NDArray[np.float32]:
    """The same, of any recording; there may be none."""
    return _core.windows(prepared.signal, contract.signal.window_samples)


def preprocess(
    samples: ArrayLike, *, fs: float, leads: Sequence[str], unit: Unit, contract: Contract | None = None
) -> NDArray[np.float32]:
    """Preprocess samples exactly as the training data were.

    Parameters
    ----------
    samples
        (leads, n); NaN marks a missing sample.
    fs
        Sampling rate, Hz.
    leads
        A name for each row.
    unit
        "uV", "mV" or "V".
    contract
        Says what is wanted; None: the published method (12 leads, clip at 3 mV, 100 Hz).

    Returns
    -------
    ndarray (12, m) float32
        Millivolt, in the contract's lead order, at its rate; a lead without any value is zero.

    Raises
    ------
    RecordingError
        If the samples cannot be understood or brought to the contract.
    """
    contract = published(unnamed_targets(1)) if contract is None else contract
    recording = Recording(samples, fs=fs, leads=leads, unit=unit)
    return prepare_signal(recording, contract, measure_quality=False).signal
