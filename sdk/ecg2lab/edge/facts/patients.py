"""Everything that is known of the patient of one recording, by precedence: sent with it, in its file, kept here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ecg2lab.answer.prediction import Prediction
from ecg2lab.contract import Contract
from ecg2lab.edge.config import Facts
from ecg2lab.edge.facts import matching
from ecg2lab.edge.facts.table import FactTable
from ecg2lab.patient import Patient
from ecg2lab.recording import Recording


class Known(NamedTuple):
    """Of one patient."""

    patient: Patient
    """What goes to the engine: without what the recording's own file states."""
    origins: dict[str, str]
    """Of all facts, those of the file included."""
    notes: tuple[str, ...]

    def noted(self, prediction: Prediction) -> Prediction:
        """The answer, with where each of its facts comes from."""
        note = prediction.patient
        origins = {name: self.origins[name] for name in note.given if name in self.origins}
        return msgspec.structs.replace(
            prediction, patient=msgspec.structs.replace(note, origins=origins, notes=self.notes)
        )


def known(
    table: FactTable, told: Facts, contract: Contract, sent: Mapping[str, Any], by: str, recording: Recording
) -> Known:
    """Look up what is kept of a recording's patient, and take what belongs to it.

    Parameters
    ----------
    sent
        Facts that came with the recording.
    by
        The input that took it.

    Raises
    ------
    PatientError
        If what came with the recording contradicts it.
    StoreError
        If it cannot be looked up.
    """
    given = Patient(**sent)
    origins = matching.origins_of(sent, by, recording.subject)
    number = matching.number_in(recording.source)
    held = table.of(number, matching.span(told, recording.source)) if number else []
    if not held:
        return Known(given, origins, ())
    found = matching.match(held, told, recording.source, given.with_defaults(recording.subject), contract)
    return Known(Patient(**sent, **found.facts), {**found.origins, **origins}, found.notes)
