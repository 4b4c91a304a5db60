"""`ecg2lab predict`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from ecg2lab.cli.complaints import DEBUG, INTERNAL, REFUSED, complain, internal
from ecg2lab.cli.delivery import Case, Output, cases
from ecg2lab.cli.options import Computing, Facts, Model
from ecg2lab.errors import Ecg2LabError
from ecg2lab.readers.formats import TITLES
from ecg2lab.system.names import shown

if TYPE_CHECKING:
    from ecg2lab.answer.prediction import ErrorNote, Prediction
    from ecg2lab.engine import Engine
    from ecg2lab.patient import Patient
    from ecg2lab.quality import QualityNote
    from ecg2lab.recording import Recording


def _schema(asked: bool) -> None:
    if asked:
        from ecg2lab.report.document import schema_text

        typer.echo(schema_text(), nl=False)
        raise typer.Exit


@dataclass(frozen=True)
class Question:
    """Which targets."""

    target: Annotated[
        list[str] | None,
        typer.Option(help="Answer for this target only; may be repeated. `ecg2lab inspect` lists the targets."),
    ] = None
    explain: Annotated[
        list[str] | None,
        typer.Option(help="Say what the answer for this target rests on; may be repeated.", metavar="TARGET"),
    ] = None

    def check(self, engine: Engine) -> None:
        """Refuse an unknown target once, before the first record."""
        for name in (*(self.target or ()), *(self.explain or ())):
            engine.contract.target_index(name)

    def ask(self, engine: Engine, recording: Recording, patient: Patient) -> Prediction:
        """The answer, explanations in it."""
        prediction = engine.predict(recording, patient, targets=self.target or None)
        if self.explain:
            explanations = engine.explain(recording, patient, self.explain)
            prediction = msgspec.structs.replace(prediction, explanations=explanations)
        return prediction


def run(
    bundle: Model,
    records: Annotated[
        list[Path],
        typer.Argument(metavar="RECORD", help=f"ECG files, told by their content: {TITLES}; of WFDB the header X.hea."),
    ],
    facts: Facts,
    question: Question,
    computing: Computing,
    output: Output,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON schema of --json and stop.", callback=_schema, is_eager=True),
    ] = False,
) -> None:
    """Answer for ECG files.

    JSON is one line for each record, with `findings` or with `error`. FHIR is one R4 bundle for each record. A record
    that is refused does not stop the others; the exit code is then 1.

    For example:

    - `ecg2lab predict model.ecg2lab record.hea --age 63 --sex female`

    - `ecg2lab predict model.ecg2lab a.dcm b.xml c.scp d.edf e.hea --patient facts.json --json`

    - `ecg2lab predict model.ecg2lab *.hea --format pdf --out reports/ --explain potassium_high_now`

    - `ecg2lab predict model.ecg2lab record.hea --format fhir --deidentify`
    """
    del schema
    output.check()
    patient = facts.read()

    with computing.load(bundle, facts.out_of_range) as engine:
        question.check(engine)
        every = _progress(cases(records, output.deidentify))
        worst = max(_answer(engine, question, patient, case, output) for case in every)
    if worst:
        raise typer.Exit(worst)


class Failure(NamedTuple):
    """Why something was not done."""

    note: ErrorNote
    code: int
    quality: QualityNote | None = None


def _answer(engine: Engine, question: Question, patient: Patient, case: Case, output: Output) -> int:
    """Answer for one record; neither its refusal nor one that cannot be written keeps the others from theirs."""
    from ecg2lab.readers import read

    recording = None

    def answer() -> None:
        nonlocal recording
        recording = read(case.record)
        output.answer(question.ask(engine, recording, patient), recording, case)

    failed = _tried(answer, case)
    if failed is None:
        return 0
    if failed.note.type == "OutputError":  # of the very place where its refusal would go
        return failed.code
    unwritten = _tried(lambda: output.refusal(failed.note, failed.quality, case, engine.info, recording), case)
    return max(failed.code, unwritten.code if unwritten else 0)


def _tried(act: Callable[[], None], case: Case) -> Failure | None:
    """What went wrong, said on stderr; None: nothing did."""
    from ecg2lab.answer.prediction import ErrorNote

    try:
        act()
        return None
    except Ecg2LabError as error:
        note = ErrorNote(type=type(error).__name__, message=str(error))
        failed = Failure(note, REFUSED, getattr(error, "quality", None))
    except OSError:  # nobody takes what is printed
        raise
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        failed = Failure(ErrorNote(type="InternalError", message=internal(error)), INTERNAL)
    where = "" if shown(case.record) in failed.note.message else f"{case.record}: "
    complain(f"{failed.note.type}: {where}{failed.note.message}")
    return failed


def _progress(every: list[Case]) -> Iterator[Case]:
    """A bar on stderr when there is something to wait for and somebody to see it."""
    if len(every) < 3 or not sys.stderr.isatty():
        return iter(every)
    from rich.progress import track

    from ecg2lab.report.screen import console

    return iter(track(every, "predicting", console=console(stderr=True), transient=True))
