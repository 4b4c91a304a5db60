"""An answer or a refusal in each format, as bytes; the modules of a format are imported on first use."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ecg2lab.answer.prediction import EngineInfo, Prediction
    from ecg2lab.recording import Recording
    from ecg2lab.report.document import Refusal


class Format(NamedTuple):
    """How the report on one record is written."""

    suffix: str
    answer: Callable[[Prediction, Recording, str], bytes]
    """Called with a prediction, its recording and a title."""
    refusal: Callable[..., bytes] | None
    """Called with a refusal, recording, engine, title and the recording's source; None: a refusal has no file."""
    modules: tuple[str, ...] = ()
    """Modules of the extra `report` that it needs; a format that needs any writes a separate file for each record."""


def show(prediction: Prediction, title: str, on: io.StringIO | None = None) -> None:
    """Print the table to `on`, 80 columns wide, or to the terminal."""
    from ecg2lab.report import terminal
    from ecg2lab.report.screen import console

    terminal.show(prediction, title, console(file=on, width=80 if on else None))


def _table(prediction: Prediction, _: Recording, title: str) -> bytes:
    text = io.StringIO()
    show(prediction, title, text)
    return text.getvalue().encode()


def _json(answer: Prediction | Refusal, *_: object) -> bytes:
    return answer.to_json() + b"\n"


def _fhir(prediction: Prediction, *_: object) -> bytes:
    from ecg2lab.report import fhir

    return fhir.encode(fhir.bundle(prediction)) + b"\n"


def _refused_fhir(refusal: Refusal, _: object, engine: EngineInfo, __: object, source: Any) -> bytes:
    from ecg2lab.report import fhir

    return fhir.encode(fhir.refusal(refusal, engine, source)) + b"\n"


def _hl7(prediction: Prediction, *_: object) -> bytes:
    from ecg2lab.report import hl7

    return hl7.message(prediction)


def _refused_hl7(refusal: Refusal, _: object, engine: EngineInfo, __: object, source: Any) -> bytes:
    from ecg2lab.report import hl7

    return hl7.refusal(refusal, engine, source)


def _html(prediction: Prediction, recording: Recording, title: str) -> bytes:
    from ecg2lab.report import page

    return page.html(prediction, recording, title).encode("utf-8", "replace")


def _refused_html(refusal: Refusal, *about: Any) -> bytes:
    from ecg2lab.report import page

    return page.refusal_html(refusal, *about).encode("utf-8", "replace")


def _pdf(prediction: Prediction, recording: Recording, title: str) -> bytes:
    from ecg2lab.report import pdf

    return pdf.pdf(prediction, recording, title)


def _refused_pdf(refusal: Refusal, *about: Any) -> bytes:
    from ecg2lab.report import pdf

    return pdf.refusal_pdf(refusal, *about)


FORMATS = {
    "table": Format(".txt", _table, None),
    "json": Format(".json", _json, _json),
    "fhir": Format(".fhir.json", _fhir, _refused_fhir),
    "hl7": Format(".hl7", _hl7, _refused_hl7),
    "html": Format(".html", _html, _refused_html, ("matplotlib", "jinja2")),
    "pdf": Format(".pdf", _pdf, _refused_pdf, ("matplotlib",)),
}
