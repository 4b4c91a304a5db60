"""The errors of ecg2lab.

Every error says in one line what is wrong and what to do about it; none carries patient data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecg2lab._native import _core

if TYPE_CHECKING:
    from ecg2lab.quality import QualityNote


class Ecg2LabError(Exception):
    """Base class of all errors; the command line prints one as a single line and ends with exit code 1.

    The message contains only printable characters, whatever the name of a file: all others become `?`.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_core.printable(message))


class BundleError(Ecg2LabError):
    """A file is not a bundle, is damaged, or lacks a part that is needed."""


class ContractError(Ecg2LabError, ValueError):
    """A contract is malformed, does not fit the network, or does not allow the arguments of a call."""


class CheckpointError(Ecg2LabError):
    """A checkpoint cannot be read, or is not of a network that ecg2lab knows."""


class RecordingError(Ecg2LabError, ValueError):
    """An ECG cannot be read, or cannot be brought to the contract's leads, unit and sampling rate."""


class PatientError(Ecg2LabError, ValueError):
    """A fact about the patient is implausible, contradictory, missing, or outside the intended population."""


class QualityError(Ecg2LabError):
    """An ECG was read, but its quality is too poor for an answer.

    Attributes
    ----------
    quality
        All faults and measurements of the quality gate; None if nothing was measured.
    """

    def __init__(self, message: str, quality: QualityNote | None = None) -> None:
        super().__init__(message)
        self.quality = quality


class BackendError(Ecg2LabError):
    """A backend or precision is not available here, cannot run, or got invalid inputs, such as a wrong shape."""


class DeviceLostError(BackendError):
    """A GPU failed during a computation, or was removed; the next call opens the device again."""


class MissingExtraError(Ecg2LabError):
    """A call or a command needs an optional dependency that is not installed."""


class DatasetError(Ecg2LabError):
    """A data set (for training or calibration) or a training configuration is missing, damaged or inconsistent."""


class ParityError(Ecg2LabError):
    """Outputs differ from the reference by more than their limit: no bundle is written, no engine answers."""


class OutputError(Ecg2LabError):
    """A result cannot be written to the requested place."""


class ConfigurationError(Ecg2LabError):
    """The configuration of the edge node cannot be read, or says what the node cannot do; it names the field."""


class StoreError(Ecg2LabError):
    """The edge node cannot keep something: its disk is full or read-only, or its file is another program's."""


class OverloadError(Ecg2LabError):
    """The edge node takes no more for now: too much waits for its answer, or the disk is nearly full."""
