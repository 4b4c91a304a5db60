"""An answer as a message of HL7 v2.5.1, ORU^R01; docs/conformance.md lays it out. The core writes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ecg2lab._native import _core
from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.errors import OutputError
from ecg2lab.report.acquired import acquired
from ecg2lab.report.document import Refusal
from ecg2lab.system.strict_json import encode_plainly


def message(
    prediction: Prediction,
    *,
    fields: Mapping[str, str] | None = None,
    document: bytes = b"",
    sent: datetime | None = None,
) -> bytes:
    """The answer; segments end with a carriage return.

    Parameters
    ----------
    fields
        What the answer does not know, by the names of `ecg2lab_hl7` in the C header: who sends and receives, whose it
        is, what was ordered. Patient, order and time of the ECG are those of the recording's source unless they are
        given.
    document
        A report in PDF that goes with it.
    sent
        Time of the message, with time zone; None: now.

    Raises
    ------
    OutputError
        If the standard has no room for a field, or it is no time or code.
    """
    return _written(
        lambda known: _core.prediction_hl7(prediction, encode_plainly, known, document), prediction.source, fields, sent
    )


def refusal(
    refused: Refusal,
    engine: EngineInfo,
    source: Mapping[str, Any] | None,
    *,
    fields: Mapping[str, str] | None = None,
    document: bytes = b"",
    sent: datetime | None = None,
) -> bytes:
    """That there is no answer, and why; parameters as for `message`."""
    return _written(lambda known: _core.refusal_hl7(refused, engine, known, document), source, fields, sent)


def _written(
    write: Any, source: Mapping[str, Any] | None, fields: Mapping[str, str] | None, sent: datetime | None
) -> bytes:
    when = (sent or datetime.now(timezone.utc)).strftime("%Y%m%d%H%M%S%z")
    try:
        written: bytes = write({"time": when, **_stated(source or {}), **(fields or {})})
    except ValueError as error:
        raise OutputError(f"HL7 has no room for it: {error}") from None
    return written


def _stated(source: Mapping[str, Any]) -> dict[str, str]:
    """Patient, order and time as the recording's file has them."""
    order = str(source.get("order_id") or "")
    moment = acquired(source)
    return {
        "patient_id": str(source.get("patient_id") or ""),
        "placer_order": order,
        # What DICOM orders by is the accession number.
        "accession": order if source.get("format") == "DICOM" else "",
        "observed": moment.hl7 if moment else "",
    }
