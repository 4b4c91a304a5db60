"""Everything that ecg2lab refuses, by name.

Every error says in one line what is wrong and what to do about it; none carries patient data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecg2lab._native import _core

if TYPE_CHECKING:
    from ecg2lab.quality import QualityNote


class Ecg2LabError(Exception):
    """Base class of all refusals: the command line turns one into a single line and exit code 1.

    The sentence is printable, whatever a file calls itself: as the core's errors, with `?` for what is not.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_core.printable(message))


class BundleError(Ecg2LabError):
    """A file is not a bundle, is damaged, or lacks what was asked of it."""


class ContractError(Ecg2LabError, ValueError):
    """A contract is malformed, or does not fit the network or the question asked of it."""


class CheckpointError(Ecg2LabError):
    """A checkpoint cannot be read, or is not the network that ecg2lab knows."""


class RecordingError(Ecg2LabError, ValueError):
    """An ECG cannot be read, or cannot be brought to the contract's leads, unit and sampling rate."""


class PatientError(Ecg2LabError, ValueError):
    """A patient's value is implausible, contradictory, missing where needed, or outside the intended population."""


class QualityError(Ecg2LabError):
    """An ECG was understood, but is not good enough to answer from.

    Attributes
    ----------
    quality
        Every fault that was found, and what was measured; None where nothing was.
    """

    def __init__(self, message: str, quality: QualityNote | None = None) -> None:
        super().__init__(message)
        self.quality = quality


class BackendError(Ecg2LabError):
    """The backend or precision that was asked for is not available here, or was given arrays of the wrong shape."""


class DeviceLostError(BackendError):
    """A GPU failed while it computed, or was taken away; the next call makes a new device."""


class MissingExtraError(Ecg2LabError):
    """A command needs an optional dependency that is not installed."""


class DatasetError(Ecg2LabError):
    """A data set (for training or calibration) or training configuration is missing, damaged or inconsistent."""


class ParityError(Ecg2LabError):
    """What computes is not the checkpoint's model within its tolerance: no bundle is written, no engine answers."""


class OutputError(Ecg2LabError):
    """A result cannot be written where it was asked to go."""
