"""Where `predict` puts an answer or a refusal: on the screen, or one file for each record."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import typer

from ecg2lab.cli.complaints import complain, printable
from ecg2lab.files import require_folder

if TYPE_CHECKING:
    from ecg2lab.prediction import EngineInfo, Prediction
    from ecg2lab.quality import QualityNote
    from ecg2lab.recording import Recording
    from ecg2lab.report.document import Refusal

Format = Literal["table", "json", "fhir", "html", "pdf"]
PAGES = ("html", "pdf")
"""Formats that are a file of their own for each record."""
_SUFFIX = {"table": ".txt", "json": ".json", "fhir": ".fhir.json", "html": ".html", "pdf": ".pdf"}


class Problem(NamedTuple):
    """Why there is no answer."""

    kind: str
    """Of the error."""
    message: str
    quality: QualityNote | None = None


class Delivery:
    """One for all records of a command.

    Parameters
    ----------
    wanted
        The format.
    out
        Folder; None: the screen, except for pages.
    deidentify
        Whether what identifies is left out; records are then called by their numbers.

    Raises
    ------
    MissingExtraError, OutputError
        If the format's extra is not installed, or the folder is a file: before the first record, not at each.
    """

    def __init__(self, wanted: Format, out: Path | None, deidentify: bool) -> None:
        from ecg2lab.extras import require

        if out is not None:
            require_folder(out)
        if wanted in PAGES:
            require("report", "matplotlib", *(["jinja2"] if wanted == "html" else []))
        self._wanted, self._out, self._deidentify = wanted, out, deidentify

    def answer(self, prediction: Prediction, recording: Recording, record: Path, stem: str) -> None:
        """Write an answer; `stem` is the record's own file name."""
        from ecg2lab.report.document import deidentified

        if self._deidentify:
            prediction = deidentified(prediction)
        prediction = msgspec.structs.replace(prediction, record=stem if self._deidentify else _text(record))
        if self._wanted == "table" and self._out is None:
            _show(prediction, stem)
        else:
            self._write(_WRITERS[self._wanted](prediction, recording, stem), stem)

    def refusal(self, error: Problem, record: Path, stem: str, engine: EngineInfo, recording: Recording | None) -> None:
        """Say why there is no answer: one line on stderr, and a file or a line in the formats that are one a record."""
        kind, message, quality = error
        where = "" if str(record) in message else f"{record}: "
        if self._wanted != "table" and kind != "OutputError":
            from ecg2lab.prediction import ErrorNote
            from ecg2lab.report.document import Refusal

            said = _without_names(message, record, stem) if self._deidentify else message
            name = stem if self._deidentify else _text(record)
            refused = Refusal(record=name, error=ErrorNote(type=kind, message=printable(said)), quality=quality)
            source = None if self._deidentify or recording is None else recording.source
            self._write(_REFUSERS[self._wanted](refused, recording, engine, stem, source), stem)
        complain(f"{kind}: {where}{message}")

    def _write(self, content: bytes, stem: str) -> None:
        from ecg2lab.files import write_atomically

        if self._out is None:
            typer.echo(content, nl=False)
        else:
            path = write_atomically(self._out / f"{stem}{_SUFFIX[self._wanted]}", content)
            typer.echo(f"wrote {path}")


def stems(records: list[Path], deidentify: bool) -> list[str]:
    """A file name for each record, never one twice, also where letter case does not count."""
    if deidentify:
        return [f"recording-{number}" for number in range(1, len(records) + 1)]
    taken: set[str] = set()
    names = []
    for record in records:
        name = record.stem if record.suffix in (".hea", ".dat", ".mat") else record.name
        number, candidate = 1, name
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(candidate.casefold())
        names.append(candidate)
    return names


def _text(path: Path) -> str:
    """A path as text, also where its bytes are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def _without_names(message: str, record: Path, stem: str) -> str:
    """A refusal with the record's name, and those of its folders and sister files, replaced."""
    names = {
        str(record),
        str(record.with_suffix("")) if record.name else "",
        str(record.parent),
        record.name,
        record.stem,
    }
    for name in sorted(names - {"", ".", "/"}, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", stem, message)
    return message


def _show(prediction: Prediction, title: str) -> None:
    from rich.console import Console

    from ecg2lab.report import terminal

    terminal.show(prediction, title, Console(highlight=False))


def _as_table(prediction: Prediction, recording: Recording, title: str) -> bytes:
    del recording
    from rich.console import Console

    from ecg2lab.report import terminal

    text = io.StringIO()
    terminal.show(prediction, title, Console(highlight=False, width=80, file=text))
    return text.getvalue().encode()


def _as_json(prediction: Prediction, recording: Recording, title: str) -> bytes:
    del recording, title
    return prediction.to_json() + b"\n"


def _as_fhir(prediction: Prediction, recording: Recording, title: str) -> bytes:
    del recording, title
    from ecg2lab.report import fhir

    return fhir.encode(fhir.bundle(prediction)) + b"\n"


def _as_html(prediction: Prediction, recording: Recording, title: str) -> bytes:
    from ecg2lab.report import page

    return page.html(prediction, recording, title).encode("utf-8", "replace")


def _as_pdf(prediction: Prediction, recording: Recording, title: str) -> bytes:
    from ecg2lab.report import pdf

    return pdf.pdf(prediction, recording, title)


def _refused_html(refused: Refusal, *about: Any) -> bytes:
    from ecg2lab.report import page

    return page.refusal_html(refused, *about).encode("utf-8", "replace")


def _refused_pdf(refused: Refusal, *about: Any) -> bytes:
    from ecg2lab.report import pdf

    return pdf.refusal_pdf(refused, *about)


def _refused_json(refused: Refusal, *about: Any) -> bytes:
    del about
    return refused.to_json() + b"\n"


def _refused_fhir(refused: Refusal, recording: Recording | None, engine: EngineInfo, *more: Any) -> bytes:
    del recording, more
    from ecg2lab.report import fhir

    return fhir.encode(fhir.refusal(refused, engine)) + b"\n"


_REFUSERS: dict[Format, Callable[..., bytes]] = {
    "json": _refused_json,
    "fhir": _refused_fhir,
    "html": _refused_html,
    "pdf": _refused_pdf,
}
_WRITERS: dict[Format, Callable[..., bytes]] = {
    "table": _as_table,
    "json": _as_json,
    "fhir": _as_fhir,
    "html": _as_html,
    "pdf": _as_pdf,
}
