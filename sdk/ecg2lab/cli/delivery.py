"""Where `predict` puts an answer or a refusal: on the screen, or one file for each record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
import typer

from ecg2lab.readers.formats import WFDB_SUFFIXES
from ecg2lab.report.formats import FORMATS, show
from ecg2lab.system.extras import require
from ecg2lab.system.files import require_folder, write_atomically
from ecg2lab.system.names import shown

if TYPE_CHECKING:
    from ecg2lab.answer.prediction import EngineInfo, ErrorNote, Prediction
    from ecg2lab.quality import QualityNote
    from ecg2lab.recording import Recording

Format = Literal["table", "json", "fhir", "hl7", "html", "pdf"]


class Case(NamedTuple):
    """A record, and what its own file is called."""

    record: Path
    stem: str


@dataclass(frozen=True)
class Output:
    """What is written, and where."""

    output: Annotated[Format, typer.Option("--format", help="What to write.")] = "table"
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False
    out: Annotated[
        Path | None,
        typer.Option(help="Folder: one file for each record. Needed for html and pdf."),
    ] = None
    deidentify: Annotated[
        bool,
        typer.Option("--deidentify", help="Leave out source, record name and ages above 89; records become numbers."),
    ] = False

    @property
    def format(self) -> Format:
        """Whichever way it was said."""
        return "json" if self.as_json else self.output

    def check(self) -> None:
        """Refuse before the first record, not at each.

        Raises
        ------
        typer.BadParameter
            If there are two formats, or pages and no folder.
        MissingExtraError, OutputError
            If the format's extra is not installed, or the folder is a file.
        """
        if self.as_json and self.output not in ("table", "json"):
            raise typer.BadParameter(f"choose one: --json or --format {self.output}", param_hint="--json")
        modules = FORMATS[self.format].modules
        if modules and self.out is None:
            raise typer.BadParameter(f"{self.format} goes to files: say where with --out FOLDER", param_hint="--format")
        if self.out is not None:
            require_folder(self.out)
        require("report", *modules)

    def answer(self, prediction: Prediction, recording: Recording, case: Case) -> None:
        """Write an answer."""
        from ecg2lab.report.document import deidentified

        if self.deidentify:
            prediction = deidentified(prediction)
        prediction = msgspec.structs.replace(prediction, record=self._name(case))
        if self.format == "table" and self.out is None:
            show(prediction, case.stem)
        else:
            self._write(FORMATS[self.format].answer(prediction, recording, case.stem), case)

    def refusal(
        self, error: ErrorNote, quality: QualityNote | None, case: Case, engine: EngineInfo, recording: Recording | None
    ) -> None:
        """Write why there is no answer: a file or a line in the formats that are one a record."""
        from ecg2lab.report.document import Refusal

        write = FORMATS[self.format].refusal
        if write is None:
            return
        message = _without_names(error.message, case) if self.deidentify else error.message
        note = msgspec.structs.replace(error, message=message)
        refusal = Refusal(record=self._name(case), error=note, quality=quality)
        source = None if self.deidentify or recording is None else recording.source
        self._write(write(refusal, recording, engine, case.stem, source), case)

    def _name(self, case: Case) -> str:
        return case.stem if self.deidentify else shown(case.record)

    def _write(self, content: bytes, case: Case) -> None:
        if self.out is None:
            typer.echo(content, nl=False)
        else:
            path = write_atomically(self.out / f"{case.stem}{FORMATS[self.format].suffix}", content)
            typer.echo(f"wrote {shown(path)}")


def cases(records: list[Path], deidentify: bool) -> list[Case]:
    """A file name for each record, never one twice, also where letter case does not count."""
    if deidentify:
        return [Case(record, f"recording-{number}") for number, record in enumerate(records, 1)]
    taken: set[str] = set()
    named = []
    for record in records:
        name = record.stem if record.suffix in WFDB_SUFFIXES else record.name
        number, stem = 1, name
        while stem.casefold() in taken:
            number += 1
            stem = f"{name}-{number}"
        taken.add(stem.casefold())
        named.append(Case(record, stem))
    return named


def _without_names(message: str, case: Case) -> str:
    """A refusal with the record's name, and those of its folders and sister files, replaced."""
    record = case.record
    paths = (record, record.with_suffix("") if record.name else record, record.parent)
    names = {*map(shown, paths), shown(record.name), shown(record.stem)}
    for name in sorted(names - {"", ".", "/"}, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", case.stem, message)
    return message
