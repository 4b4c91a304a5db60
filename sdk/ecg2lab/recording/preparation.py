"""From a recording to the windows that the network takes; the work is done by the native core."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract, published, unnamed_targets
from ecg2lab.errors import ContractError, QualityError, RecordingError
from ecg2lab.quality import QualityNote, quality_note
from ecg2lab.recording import Recording, Unit, check_samples, recording_format


def prepare_signal(recording: Recording, contract: Contract, *, measure_quality: bool = True) -> _core.Prepared:
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
    return _core.prepare(
        np.ascontiguousarray(recording.samples, np.float64),
        recording.leads,
        recording.fs,
        contract.native,
        recording.ignored,
        measure_quality,
    )


def judge_quality(prepared: _core.Prepared, contract: Contract, longest_gap_s: float | None = None) -> QualityNote:
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
    quality = _core.judge(prepared, contract.native, longest_gap_s)
    note = quality_note(quality)
    if quality.error == RecordingError.__name__:
        raise RecordingError(quality.message)
    if quality.error:
        raise QualityError(quality.message, note)
    return note


def cut_windows(prepared: _core.Prepared, contract: Contract) -> NDArray[np.float32]:
    """Whole windows side by side, (windows, leads, L), of a recording that `judge_quality` does not refuse."""
    judge_quality(prepared, contract)
    return whole_windows(prepared, contract)


def whole_windows(prepared: _core.Prepared, contract: Contract) -> NDArray[np.float32]:
    """The same, of any recording; there may be none."""
    return prepared.windows(contract.signal.window_samples)


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
    ContractError
        If the contract is none.
    """
    if not isinstance(contract, Contract | None):
        raise ContractError(f"preprocess wants an ecg2lab.Contract, not {type(contract).__name__}")
    form = recording_format(leads, fs, unit)
    native = (contract or _published()).native
    return _core.preprocess(check_samples(samples, len(form.leads)), form, native)


@cache
def _published() -> Contract:
    return published(unnamed_targets(1))
