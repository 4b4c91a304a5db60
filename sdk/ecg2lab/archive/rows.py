"""A row of the table: an answer, or why there is none. The columns follow from the targets of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ecg2lab.answer.prediction import EngineInfo, ErrorNote, PatientNote, Prediction, RecordingNote
from ecg2lab.patient import Patient
from ecg2lab.quality import QualityNote

if TYPE_CHECKING:
    import polars

Row = dict[str, Any]
ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
"""States. `failed`: a fault of ours."""
_FAULT = ("fault", "severity", "lead", "message")


def answer(prediction: Prediction) -> Row:
    """What `ecg2lab predict` says of a recording."""
    row: Row = {"state": ANSWERED}
    for finding in prediction.findings:
        row[f"probability_{finding.target}"] = finding.probability
        row[f"verdict_{finding.target}"] = finding.verdict
        row[f"ratio_{finding.target}"] = finding.ratio
    experience = prediction.experience
    if experience is not None:
        row["experience_distance"] = experience.distance
        row["experience_outside"] = experience.outside
    return row | _of_recording(prediction.recording) | _of_patient(prediction.patient)


def refusal(error: ErrorNote, quality: QualityNote | None = None, state: str = REFUSED) -> Row:
    """Why there is no answer."""
    return {"state": state, "error_type": error.type, "error_message": error.message} | _of_quality(quality)


def of_model(info: EngineInfo, notice: str) -> Row:
    """What stands in every row."""
    return {
        "notice": notice,
        "model": info.model,
        "model_digest": info.bundle_digest,
        "ecg2lab": info.versions["ecg2lab"],
        "backend": info.backend,
        "provider": info.provider,
        "precision": info.precision,
    }


def _of_recording(note: RecordingNote) -> Row:
    return {
        "duration_s": note.duration_s,
        "sampling_rate_hz": note.sampling_rate_hz,
        "windows": note.windows,
        "unused_s": note.unused_s,
        "derived_leads": list(note.derived_leads),
        "file_notes": list(note.file_notes),
    } | _of_quality(note.quality)


def _of_quality(note: QualityNote | None) -> Row:
    if note is None:
        return {}
    faults = [{name: getattr(fault, name) for name in _FAULT} for fault in note.faults]
    return {"quality": note.verdict, "quality_faults": faults}


def _of_patient(note: PatientNote) -> Row:
    return {
        **{f"given_{name}": value for name, value in note.given.items()},
        "from_recording": list(note.from_recording),
        "imputed": list(note.imputed),
        "unused_facts": list(note.unused),
        "out_of_range": list(note.out_of_range),
    }


def schema(targets: Sequence[str]) -> dict[str, Any]:
    """Columns and their types, for Polars."""
    import polars as pl

    words = pl.List(pl.String())
    fault = pl.Struct(dict.fromkeys(_FAULT, pl.String()))
    columns: dict[str, Any] = {
        "path": pl.String(),
        "path_bytes": pl.Binary(),
        "sha256": pl.String(),
        "state": pl.String(),
        "error_type": pl.String(),
        "error_message": pl.String(),
        "quality": pl.String(),
        "quality_faults": pl.List(fault),
        "duration_s": pl.Float64(),
        "sampling_rate_hz": pl.Float64(),
        "windows": pl.Int64(),
        "unused_s": pl.Float64(),
        "derived_leads": words,
        "file_notes": words,
    }
    for field in msgspec.structs.fields(Patient):
        columns[f"given_{field.name}"] = pl.String() if field.name in ("sex", "race") else pl.Float64()
    columns |= dict.fromkeys(("from_recording", "imputed", "unused_facts", "out_of_range"), words)
    columns |= {"experience_distance": pl.Float64(), "experience_outside": pl.Boolean()}
    for target in targets:
        columns |= {f"probability_{target}": pl.Float64(), f"verdict_{target}": pl.String()}
        columns[f"ratio_{target}"] = pl.Float64()
    of_model = ("notice", "model", "model_digest", "ecg2lab", "backend", "provider", "precision")
    return columns | dict.fromkeys(of_model, pl.String())


def frame(rows: Sequence[Row], columns: dict[str, Any]) -> polars.DataFrame:
    """Rows as a table; a field that a row lacks is null."""
    import polars

    return polars.DataFrame({name: [row.get(name) for row in rows] for name in columns}, schema=columns, strict=True)
