"""What a prediction says of its inputs: of a recording or a window of a stream, and of the patient."""

from __future__ import annotations

from collections.abc import Sequence

from ecg2lab.contract import Contract
from ecg2lab.features import Features
from ecg2lab.leads import LIMB
from ecg2lab.patient import Patient
from ecg2lab.prediction import PatientNote, RecordingNote
from ecg2lab.preparation import PreparedSignal
from ecg2lab.quality import QualityNote


def recording_note(
    prepared: PreparedSignal,
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
    signal = contract.signal
    unused = prepared.signal.shape[1] - windows * signal.window_samples
    return RecordingNote(
        duration_s=prepared.recorded_samples / prepared.recorded_rate_hz,
        sampling_rate_hz=prepared.recorded_rate_hz,
        windows=windows,
        unused_s=unused / signal.sampling_rate_hz,
        derived_leads=tuple(n.lead for n in prepared.notes if n.derived),
        ignored_channels=(*_unused_leads(leads, prepared, contract), *ignored),
        missing_samples={n.lead: n.missing_samples for n in prepared.notes if n.missing_samples},
        clipped_samples={n.lead: n.clipped_samples for n in prepared.notes if n.clipped_samples},
        quality=quality,
    )


def _unused_leads(leads: Sequence[str], prepared: PreparedSignal, contract: Contract) -> list[str]:
    """Recorded leads that are neither wanted nor the source of a derived one."""
    derived = any(note.derived for note in prepared.notes)
    return [x for x in leads if x not in contract.signal.leads and not (derived and x in LIMB)]


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
