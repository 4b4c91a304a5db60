"""What a prediction says of its inputs: of a recording or a window of a stream, and of the patient."""

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
) -> RecordingNote:
    """What was made of a signal.

    Parameters
    ----------
    prepared
        The signal, with what preparation says of it.
    quality
        What the gate says of it.
    leads, ignored
        That were recorded, and channels that are no leads.
    windows
        That were cut out of it.
    contract
        Of the model.
    """
    described = _core.describe_recording(prepared, leads, ignored, windows, contract.native)
    note = msgspec.convert(described, RecordingNote, from_attributes=True)
    return msgspec.structs.replace(note, quality=quality)


def patient_note(patient: Patient | None, known: Patient, features: Features) -> PatientNote:
    """What was made of the patient.

    Parameters
    ----------
    patient
        As the caller gave it.
    known
        With what the recording's own file adds.
    features
        The network's inputs that came of it.
    """
    said = (patient or Patient()).given()
    given = known.given()
    return PatientNote(
        given=given,
        from_recording=tuple(name for name in given if name not in said),
        imputed=features.imputed,
        unused=features.unused,
        out_of_range=features.out_of_range,
    )
