"""`ecg2lab predict`."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from ecg2lab.cli.complaints import DEBUG, INTERNAL, REFUSED, complain, internal, printable
from ecg2lab.errors import Ecg2LabError
from ecg2lab.patient import Race, Sex

if TYPE_CHECKING:
    from ecg2lab.patient import Patient
    from ecg2lab.prediction import Prediction
    from ecg2lab.recording import Recording

Format = Literal["table", "json", "html"]
_PATIENT_PANEL = "Patient (all optional; what is missing is imputed, and said)"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("predict")(run)


def _fact(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_PATIENT_PANEL)


Number = float | None


def run(
    bundle: Annotated[Path, typer.Argument(help="The model, X.ecg2lab.")],
    records: Annotated[
        list[Path], typer.Argument(help="ECG files in any format that is read; of WFDB the header X.hea.")
    ],
    patient: Annotated[
        Path | None,
        typer.Option(help="JSON file with the patient's facts.", rich_help_panel=_PATIENT_PANEL),
    ] = None,
    age: Annotated[Number, _fact("Years.")] = None,
    sex: Annotated[Sex | None, _fact("As entered in the record.")] = None,
    race: Annotated[Race | None, _fact("As grouped in MIMIC-IV.")] = None,
    respiratory_per_min: Annotated[Number, _fact("Breaths per minute.")] = None,
    spo2_percent: Annotated[Number, _fact("Oxygen saturation.")] = None,
    diastolic_mmhg: Annotated[Number, _fact("Blood pressure.")] = None,
    systolic_mmhg: Annotated[Number, _fact("Blood pressure.")] = None,
    heart_rate_bpm: Annotated[Number, _fact("Beats per minute.")] = None,
    temperature_c: Annotated[Number, _fact("Degrees Celsius.")] = None,
    temperature_f: Annotated[Number, _fact("Degrees Fahrenheit.")] = None,
    height_cm: Annotated[Number, _fact("Centimetres.")] = None,
    weight_kg: Annotated[Number, _fact("Kilograms.")] = None,
    bmi: Annotated[Number, _fact("kg/m²; follows from height and weight.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Only this target; may be repeated. `ecg2lab inspect` lists them."),
    ] = None,
    backend: Annotated[str, typer.Option(help="auto, native, onnxruntime or tensorrt.")] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="Of a TensorRT engine; default: the bundle's.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Of one call; default: all usable.")] = None,
    output: Annotated[Format, typer.Option("--format", help="What to write.")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder: one file for each record. Needed for html."),
    ] = None,
) -> None:
    """Answer for ECG files: WFDB, DICOM, EDF, SCP-ECG, ISHNE, HL7 aECG, GE MUSE, Philips and Mortara XML, CSV.

    JSON is one line for each record, with `findings` or with `error`. A record that is refused does not stop the
    others; the exit code is then 1.

    For example:

    - `ecg2lab predict model.ecg2lab record.hea --age 63 --sex female`

    - `ecg2lab predict model.ecg2lab a.dcm b.xml c.scp d.edf e.hea --patient facts.json --json`

    - `ecg2lab predict model.ecg2lab record.hea --format html --out reports/`
    """
    facts = {name: value for name, value in locals().items() if name in _patient_fields()}
    if as_json and output == "html":
        raise typer.BadParameter("choose one: --json or --format html", param_hint="--json")
    wanted: Format = "json" if as_json else output
    if wanted == "html" and out is None:
        raise typer.BadParameter("html goes to files: say where with --out FOLDER", param_hint="--format")
    known = _patient(patient, facts)

    import ecg2lab

    with ecg2lab.load(bundle, backend=backend, precision=precision, threads=threads) as engine:
        for name in target or ():
            engine.contract.target_index(name)
        worst = 0
        for record, stem in zip(_progress(records), _stems(records), strict=True):
            try:
                recording = ecg2lab.read(record)
                prediction = engine.predict(recording, known, targets=target or None)
                _deliver(prediction, recording, record, stem, wanted, out)
            except Ecg2LabError as error:
                worst = max(worst, REFUSED)
                _report_refusal(type(error).__name__, str(error), record, stem, wanted, out)
            except OSError:  # the output itself cannot be written
                raise
            except Exception as error:  # the other records still have an answer
                if os.environ.get(DEBUG):
                    raise
                worst = max(worst, INTERNAL)
                _report_refusal("InternalError", internal(error), record, stem, wanted, out)
    if worst:
        raise typer.Exit(worst)


def _patient_fields() -> tuple[str, ...]:
    from ecg2lab.patient import Patient

    return Patient.__struct_fields__


def _patient(file: Path | None, facts: dict[str, Any]) -> Patient:
    from ecg2lab.patient import Patient, read_patient

    given = {name: value for name, value in facts.items() if value is not None}
    if file and given:
        raise typer.BadParameter(
            f"give --{next(iter(given)).replace('_', '-')} in the file, or no file", param_hint="--patient"
        )
    return read_patient(file) if file else Patient(**given)


def _progress(records: list[Path]) -> Iterator[Path]:
    """A bar on stderr when there is something to wait for and somebody to see it."""
    if len(records) < 3 or not sys.stderr.isatty():
        return iter(records)
    from rich.console import Console
    from rich.progress import track

    return iter(track(records, "predicting", console=Console(stderr=True), transient=True))


def _stems(records: list[Path]) -> list[str]:
    """A file name for each record, never one twice, also where letter case does not count."""
    taken: set[str] = set()
    stems = []
    for record in records:
        name = record.stem if record.suffix in (".hea", ".dat", ".mat") else record.name
        candidates = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
        stem = next(candidate for candidate in candidates if candidate.casefold() not in taken)
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _deliver(
    prediction: Prediction, recording: Recording, record: Path, stem: str, wanted: Format, out: Path | None
) -> None:
    from ecg2lab.files import write_atomically
    from ecg2lab.prediction import plain

    if wanted == "html" and out is not None:
        from ecg2lab.report import page

        path = write_atomically(out / f"{stem}.html", page.html(prediction, recording, title=stem))
        typer.echo(f"wrote {path}")
    elif wanted == "json":
        _emit({"record": _text(record), **msgspec.to_builtins(prediction, enc_hook=plain)}, stem, out)
    else:
        _table(prediction, stem, out)


def _table(prediction: Prediction, stem: str, out: Path | None) -> None:
    from rich.console import Console

    from ecg2lab.files import write_atomically
    from ecg2lab.report import terminal

    if out is None:
        terminal.show(prediction, stem, Console(highlight=False))
        return
    text = io.StringIO()
    terminal.show(prediction, stem, Console(highlight=False, width=80, file=text))
    path = write_atomically(out / f"{stem}.txt", text.getvalue())
    typer.echo(f"wrote {path}")


def _text(path: Path) -> str:
    """A path as text, also where its bytes are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def _emit(content: dict[str, Any], stem: str, out: Path | None) -> None:
    from ecg2lab.files import write_atomically

    line = msgspec.json.encode(content)
    if out is None:
        typer.echo(line)
    else:
        path = write_atomically(out / f"{stem}.json", line + b"\n")
        typer.echo(f"wrote {path}")


def _report_refusal(kind: str, message: str, record: Path, stem: str, wanted: Format, out: Path | None) -> None:
    if wanted == "json" and kind != "OutputError":
        _emit({"record": _text(record), "error": {"type": kind, "message": printable(message)}}, stem, out)
    where = "" if str(record) in message else f"{record}: "
    complain(f"{kind}: {where}{message}")
