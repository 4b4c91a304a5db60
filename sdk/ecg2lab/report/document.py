"""The JSON that `predict` writes, its published schema, and the removal of identifying data from an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import msgspec

from ecg2lab._native import _core
from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.quality import QualityNote
from ecg2lab.system.strict_json import schema_of

SCHEMA_FILE = Path(__file__).parent.parent / "prediction.schema.json"
_OLDEST_STATED_AGE = 89


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A record that got no answer."""

    record: str
    error: ErrorNote
    quality: QualityNote | None = None
    """All results of the quality gate; None: it was not reached, or measured nothing."""
    schema_version: Literal[2] = 2

    def to_json(self) -> bytes:
        """One line of JSON."""
        return _core.refusal_json(self)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one line: a prediction or a refusal. Readers must allow fields that it does not name."""
    return schema_of("ecg2lab prediction or refusal", Prediction, Refusal)


def schema_text() -> str:
    """The schema as published."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def deidentified(prediction: Prediction) -> Prediction:
    """Remove the source, the name of the record, and where facts came from; an age above 89 becomes `over 89`.

    All other facts stay: the answer rests on them.
    """
    patient = prediction.patient
    age = patient.given.get("age")
    if age is not None and age > _OLDEST_STATED_AGE:
        facts = {**patient.given, "age": f"over {_OLDEST_STATED_AGE}"}
        patient = msgspec.structs.replace(patient, given=facts)
    patient = msgspec.structs.replace(patient, origins={}, notes=())
    return msgspec.structs.replace(prediction, source=None, record=None, patient=patient)


if __name__ == "__main__":  # `make schema`
    SCHEMA_FILE.write_text(schema_text())
