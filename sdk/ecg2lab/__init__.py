"""ecg2lab: laboratory abnormalities estimated from a 10-second 12-lead ECG.

    engine = ecg2lab.load("model.ecg2lab")
    prediction = engine.predict(ecg2lab.read("record.hea"), ecg2lab.Patient(age=63, sex="female"))

The method is Lopez Alcaraz & Strodthoff, Scientific Reports 2025, doi 10.1038/s41598-025-26715-5. Not a medical device.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecg2lab.answer.prediction import Finding, Prediction
    from ecg2lab.bundle import Bundle
    from ecg2lab.contract import Contract
    from ecg2lab.engine import Engine
    from ecg2lab.errors import (
        BackendError,
        BundleError,
        CheckpointError,
        ConfigurationError,
        ContractError,
        DatasetError,
        DeviceLostError,
        Ecg2LabError,
        MissingExtraError,
        OutputError,
        OverloadError,
        ParityError,
        PatientError,
        QualityError,
        RecordingError,
        StoreError,
    )
    from ecg2lab.loading import load
    from ecg2lab.patient import Patient
    from ecg2lab.readers import read
    from ecg2lab.recording import Recording
    from ecg2lab.recording.preparation import preprocess
    from ecg2lab.stream import Stream, StreamPrediction

    __version__: str

_HOMES = {
    "Bundle": "bundle",
    "Contract": "contract",
    "Engine": "engine",
    "Finding": "answer.prediction",
    "Patient": "patient",
    "Prediction": "answer.prediction",
    "Recording": "recording",
    "Stream": "stream",
    "StreamPrediction": "stream",
    "load": "loading",
    "preprocess": "recording.preparation",
    "read": "readers",
}
"""The module of each public name; names that are not listed are in `errors`."""
__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "CheckpointError",
    "ConfigurationError",
    "Contract",
    "ContractError",
    "DatasetError",
    "DeviceLostError",
    "Ecg2LabError",
    "Engine",
    "Finding",
    "MissingExtraError",
    "OutputError",
    "OverloadError",
    "ParityError",
    "Patient",
    "PatientError",
    "Prediction",
    "QualityError",
    "Recording",
    "RecordingError",
    "StoreError",
    "Stream",
    "StreamPrediction",
    "load",
    "preprocess",
    "read",
]


def __getattr__(name: str) -> Any:
    """Load a name on first use: the command line imports this package before it can handle Ctrl-C."""
    from importlib import import_module

    if name == "__version__":
        return import_module(f"{__name__}._native._core").version
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Include the names that are not loaded yet."""
    return sorted({*globals(), *__all__, "__version__"})
