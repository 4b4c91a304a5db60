"""The notes of a prediction on its inputs: a recording or a window of a stream, and the patient."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ecg2lab._native import _core
from ecg2lab.answer.prediction import PatientNote, RecordingNote
from ecg2lab.contract import Contract
from ecg2lab.patient import Patient
from ecg2lab.patient.features import Features
from ecg2lab.quality import QualityNote


def recording_note(
    prepared: _core.Prepared,
    quality: QualityNote | None,
    leads: Sequence[str],
    ignored: Sequence[str],
    windows: int,
    contract: Contract,
    file_notes: Sequence[str] = (),
) -> RecordingNote:
    """Describe how a signal was used; `ignored` are the names of channels that are no leads."""
    described = _core.describe_recording(prepared, leads, ignored, windows, contract.native)
    note = msgspec.convert(described, RecordingNote, from_attributes=True)
    return msgspec.structs.replace(note, quality=quality, file_notes=tuple(file_notes))


def patient_note(patient: Patient | None, completed: Patient, features: Features) -> PatientNote:
    """Describe how the facts were used: `patient` from the caller, `completed` with those of the recording's file."""
    stated, facts = (patient or Patient()).given(), completed.given()
    return PatientNote(
        given=facts,
        from_recording=tuple(name for name in facts if name not in stated),
        imputed=features.imputed,
        unused=features.unused,
        out_of_range=features.out_of_range,
    )
