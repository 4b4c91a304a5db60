"""`ecg2lab predict`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ecg2lab.cli.complaints import DEBUG, INTERNAL, REFUSED, internal
from ecg2lab.cli.delivery import PAGES, Delivery, Format, Problem, stems
from ecg2lab.errors import Ecg2LabError
from ecg2lab.patient import OutOfRange, Race, Sex

if TYPE_CHECKING:
    from ecg2lab.engine import Engine
    from ecg2lab.patient import Patient
    from ecg2lab.prediction import Prediction
    from ecg2lab.recording import Recording

_PATIENT_PANEL = "Patient (all optional; what is missing is imputed, and said)"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("predict")(run)


def _fact(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_PATIENT_PANEL)


def _schema(wanted: bool) -> None:
    if wanted:
        from ecg2lab.report.document import schema_text

        typer.echo(schema_text(), nl=False)
        raise typer.Exit


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
    out_of_range: Annotated[
        OutOfRange,
        typer.Option(
            help="What a number that is no measurement does: refuse the record, or count as not given.",
            rich_help_panel=_PATIENT_PANEL,
        ),
    ] = "refuse",
    target: Annotated[
        list[str] | None,
        typer.Option(help="Only this target; may be repeated. `ecg2lab inspect` lists them."),
    ] = None,
    explain: Annotated[
        list[str] | None,
        typer.Option(help="Say what the answer for this target rests on; may be repeated.", metavar="TARGET"),
    ] = None,
    backend: Annotated[str, typer.Option(help="auto, native, onnxruntime, tensorrt or torch.")] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="Of a TensorRT engine; default: the bundle's.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Of one call; default: all usable.")] = None,
    output: Annotated[Format, typer.Option("--format", help="What to write.")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder: one file for each record. Needed for html and pdf."),
    ] = None,
    deidentify: Annotated[
        bool,
        typer.Option("--deidentify", help="Leave out source, record name and ages above 89; records become numbers."),
    ] = False,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON schema of --json and stop.", callback=_schema, is_eager=True),
    ] = False,
) -> None:
    """Answer for ECG files: WFDB, DICOM, EDF, SCP-ECG, ISHNE, HL7 aECG, GE MUSE, Philips and Mortara XML, CSV.

    JSON is one line for each record, with `findings` or with `error`; FHIR is one R4 bundle for each. A record that is
    refused does not stop the others; the exit code is then 1.

    For example:

    - `ecg2lab predict model.ecg2lab record.hea --age 63 --sex female`

    - `ecg2lab predict model.ecg2lab a.dcm b.xml c.scp d.edf e.hea --patient facts.json --json`

    - `ecg2lab predict model.ecg2lab *.hea --format pdf --out reports/ --explain potassium_high_now`

    - `ecg2lab predict model.ecg2lab record.hea --format fhir --deidentify`
    """
    del schema
    facts = {name: value for name, value in locals().items() if name in _patient_fields()}
    if as_json and output not in ("table", "json"):
        raise typer.BadParameter(f"choose one: --json or --format {output}", param_hint="--json")
    wanted: Format = "json" if as_json else output
    if wanted in PAGES and out is None:
        raise typer.BadParameter(f"{wanted} goes to files: say where with --out FOLDER", param_hint="--format")
    known = _patient(patient, facts)

    import ecg2lab

    delivery = Delivery(wanted, out, deidentify)
    with ecg2lab.load(
        bundle, backend=backend, precision=precision, threads=threads, out_of_range=out_of_range
    ) as engine:
        for name in (*(target or ()), *(explain or ())):
            engine.contract.target_index(name)
        worst = 0
        for record, stem in zip(_progress(records), stems(records, deidentify), strict=True):
            recording = None
            try:
                recording = ecg2lab.read(record)
                prediction = _predict(engine, recording, known, target, explain)
                delivery.answer(prediction, recording, record, stem)
            except Ecg2LabError as error:
                worst = max(worst, REFUSED)
                problem = Problem(type(error).__name__, str(error), getattr(error, "quality", None))
                delivery.refusal(problem, record, stem, engine.info, recording)
            except OSError:  # the output itself cannot be written
                raise
            except Exception as error:  # the other records still have an answer
                if os.environ.get(DEBUG):
                    raise
                worst = max(worst, INTERNAL)
                delivery.refusal(Problem("InternalError", internal(error)), record, stem, engine.info, recording)
    if worst:
        raise typer.Exit(worst)


def _predict(
    engine: Engine, recording: Recording, known: Patient, targets: list[str] | None, explain: list[str] | None
) -> Prediction:
    prediction = engine.predict(recording, known, targets=targets or None)
    if explain:
        prediction = msgspec.structs.replace(prediction, explanations=engine.explain(recording, known, explain))
    return prediction


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
