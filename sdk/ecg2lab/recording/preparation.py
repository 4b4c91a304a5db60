"""From a recording to the windows that the network takes; the native core does the work."""

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
        With the contract's leads, or leads from which they can be derived.
    contract
        Of the model.
    measure_quality
        Whether to make the measurements that `judge_quality` needs.

    Raises
    ------
    RecordingError
        If leads are missing, samples are infinite, or a filter of the contract is impossible at this rate or length.
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
    """Judge the quality of a recording by the contract's limits.

    Parameters
    ----------
    prepared
        The recording, from `prepare_signal`.
    contract
        Of the model.
    longest_gap_s
        A recording is refused if a lead has no values for so many seconds; None: a window.

    Raises
    ------
    RecordingError
        If it is shorter than a window.
    QualityError
        If a fault refuses it. The message names the leads of the first such fault; `quality` has all faults.
    """
    quality = _core.judge(prepared, contract.native, longest_gap_s)
    note = quality_note(quality)
    if quality.error == RecordingError.__name__:
        raise RecordingError(quality.message)
    if quality.error:
        raise QualityError(quality.message, note)
    return note


def cut_windows(prepared: _core.Prepared, contract: Contract) -> NDArray[np.float32]:
    """Consecutive whole windows, (windows, leads, L), of a recording that `judge_quality` does not refuse."""
    judge_quality(prepared, contract)
    return whole_windows(prepared, contract)


def whole_windows(prepared: _core.Prepared, contract: Contract) -> NDArray[np.float32]:
    """Consecutive whole windows of any recording, whatever its quality; there may be none."""
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
        Of the model; None: the published method (12 leads, clip at 3 mV, 100 Hz).

    Returns
    -------
    ndarray (leads, m) float32
        Millivolt, in the contract's lead order, at its rate; a lead without any value is zero.

    Raises
    ------
    RecordingError
        If the samples are invalid or cannot be converted to the contract's leads and rate.
    ContractError
        If `contract` is no Contract.
    """
    if not isinstance(contract, Contract | None):
        raise ContractError(f"preprocess wants an ecg2lab.Contract, not {type(contract).__name__}")
    form = recording_format(leads, fs, unit)
    native = (contract or _published()).native
    return _core.preprocess(check_samples(samples, len(form.leads)), form, native)


@cache
def _published() -> Contract:
    return published(unnamed_targets(1))
