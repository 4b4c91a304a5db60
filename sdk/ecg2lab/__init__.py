"""ecg2lab: laboratory abnormalities estimated from a 10-second 12-lead ECG.

    engine = ecg2lab.load("model.ecg2lab")
    prediction = engine.predict(ecg2lab.read("record.hea"), ecg2lab.Patient(age=63, sex="female"))

The method is Lopez Alcaraz & Strodthoff, Scientific Reports 2025, doi 10.1038/s41598-025-26715-5. Not a medical device.
"""

from ecg2lab.bundle import Bundle
from ecg2lab.contract import Contract
from ecg2lab.engine import Engine, load
from ecg2lab.errors import (
    BackendError,
    BundleError,
    CheckpointError,
    ContractError,
    DatasetError,
    Ecg2LabError,
    MissingExtraError,
    OutputError,
    ParityError,
    PatientError,
    QualityError,
    RecordingError,
)
from ecg2lab.patient import Patient
from ecg2lab.prediction import Finding, Prediction
from ecg2lab.preparation import preprocess
from ecg2lab.readers import read
from ecg2lab.recording import Recording

__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "CheckpointError",
    "Contract",
    "ContractError",
    "DatasetError",
    "Ecg2LabError",
    "Engine",
    "Finding",
    "MissingExtraError",
    "OutputError",
    "ParityError",
    "Patient",
    "PatientError",
    "Prediction",
    "QualityError",
    "Recording",
    "RecordingError",
    "load",
    "preprocess",
    "read",
]
