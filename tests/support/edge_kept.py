"""What a ledger holds of recordings, without one."""

from __future__ import annotations

import msgspec

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote
from ecg2lab.edge.ledger import Kept
from ecg2lab.report.document import Refusal


def kept_of(engine, recording, source):
    """`make(number)`: an answered recording; `refused=True`: one that was refused."""
    prediction = engine.predict(recording, ecg2lab.Patient(age=63.0))
    answer = msgspec.structs.replace(prediction, source=source, record="x.hea").to_json()
    refusal = Refusal(record="x.hea", error=ErrorNote(type="QualityError", message="lead V3 is flat")).to_json()

    def make(number=1, refused=False):
        said, state = (refusal, "refused") if refused else (answer, "answered")
        return Kept(f"{number:040x}", number, state, {}, 0.0, 1.7e9, said, source, [], None)

    return make
