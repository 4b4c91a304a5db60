"""`ecg2lab stream`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from ecg2lab.cli.complaints import REFUSED, complain
from ecg2lab.patient import OutOfRange

if TYPE_CHECKING:
    from ecg2lab.cli.stream_view import View
    from ecg2lab.engine import Engine
    from ecg2lab.patient import Patient
    from ecg2lab.stream import Stream

STDIN = "-"
_RAW_PANEL = "Raw samples, for SOURCE -"
SampleType = Literal["int16", "float32", "float64"]
RawUnit = Literal["uV", "mV", "V", "adc"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("stream")(run)


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise typer.BadParameter("a number above 0, or max")
    return speed


def run(
    bundle: Annotated[Path, typer.Argument(help="The model, X.ecg2lab.")],
    source: Annotated[Path, typer.Argument(help="A record to replay, or - for raw samples on standard input.")],
    hop: Annotated[float, typer.Option(help="Seconds from one answer to the next.")] = 1.0,
    average: Annotated[float | None, typer.Option(help="Seconds to average over; default: the latest window.")] = None,
    longest_gap: Annotated[
        float | None, typer.Option(help="Seconds without values after which a lead is off; default: a window.")
    ] = None,
    speed: Annotated[Any, typer.Option(parser=_speed, metavar="X", help="Of a replay: times real time, or max.")] = "1",
    patient: Annotated[Path | None, typer.Option(help="JSON file with the patient's facts.")] = None,
    out_of_range: Annotated[
        OutOfRange, typer.Option(help="What a fact that is no measurement does: refuse, or count as not given.")
    ] = "refuse",
    target: Annotated[list[str] | None, typer.Option(help="Only this target; may be repeated.")] = None,
    backend: Annotated[str, typer.Option(help="auto, native, onnxruntime, tensorrt or torch.")] = "auto",
    threads: Annotated[int, typer.Option(help="Of one call.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each answer.")] = False,
    fs: Annotated[float | None, typer.Option(help="Sampling rate, Hz.", rich_help_panel=_RAW_PANEL)] = None,
    leads: Annotated[
        str | None, typer.Option(help="Names in their order: I,II,V1 …", rich_help_panel=_RAW_PANEL)
    ] = None,
    unit: Annotated[RawUnit | None, typer.Option(help="Of a sample.", rich_help_panel=_RAW_PANEL)] = None,
    gain: Annotated[
        float | None, typer.Option(help="Counts per millivolt, for adc.", rich_help_panel=_RAW_PANEL)
    ] = None,
    sample_type: Annotated[
        SampleType, typer.Option("--type", help="Little-endian.", rich_help_panel=_RAW_PANEL)
    ] = "int16",
) -> None:
    """Answer every hop for a signal that is still coming in.

    A record is replayed at real time. Raw samples come on standard input, one of every lead after another. In a
    terminal the answers are a table; elsewhere a line each. A refused window is an answer, too; the exit code is 1 if
    no window could be answered.

    For example:

    - `ecg2lab stream model.ecg2lab record.hea --hop 1`

    - `ecg2lab stream model.ecg2lab record.hea --speed max --json`

    - `acquire | ecg2lab stream model.ecg2lab - --fs 500 --leads I,II,V1,V2,V3,V4,V5,V6 --unit uV`
    """
    options = Options(hop, average, longest_gap, target or None)
    raw = {"--fs": fs, "--leads": leads, "--unit": unit, "--gain": gain}
    if str(source) != STDIN and any(value is not None for value in raw.values()):
        raise typer.BadParameter("a record says its own rate, leads and unit", param_hint="SOURCE")

    import ecg2lab

    facts = _patient(patient)
    with ecg2lab.load(bundle, backend=backend, threads=threads, out_of_range=out_of_range) as engine:
        if str(source) != STDIN:
            stream, parts = _replay(engine, source, speed, facts, options)
        elif fs is None or leads is None or unit is None:
            absent = next(name for name, value in raw.items() if value is None)
            raise typer.BadParameter("raw samples do not say it themselves", param_hint=absent)
        else:
            stream, parts = _raw(
                engine, RawFormat(fs, tuple(leads.split(",")), unit, gain), sample_type, facts, options
            )
        with _view(as_json) as view:
            answered, refused = _show_all(stream, parts, view)
    _judge(stream, answered, refused)


class Options(NamedTuple):
    """Of every stream, as `Engine.stream` names them."""

    hop_s: float
    average_s: float | None
    longest_gap_s: float | None
    targets: list[str] | None


class RawFormat(NamedTuple):
    """What samples without a header are, as `Engine.stream` names it."""

    fs: float
    leads: tuple[str, ...]
    unit: RawUnit
    gain: float | None


def _replay(
    engine: Engine, source: Path, speed: float, facts: Patient, options: Options
) -> tuple[Stream, Iterable[Any]]:
    from ecg2lab.cli import stream_source
    from ecg2lab.readers import read

    recording = read(source)
    stream = engine.stream(
        fs=recording.fs,
        leads=recording.leads,
        unit="mV",
        patient=facts.with_defaults(recording.subject),
        source=recording.source,
        **options._asdict(),
    )
    return stream, stream_source.replay(recording, speed)


def _raw(
    engine: Engine, form: RawFormat, sample_type: str, facts: Patient, options: Options
) -> tuple[Stream, Iterable[Any]]:
    from ecg2lab.cli import stream_source

    stream = engine.stream(**form._asdict(), patient=facts, **options._asdict())
    return stream, stream_source.raw(sys.stdin.fileno(), sample_type, len(form.leads), form.fs)


def _patient(file: Path | None) -> Patient:
    from ecg2lab.patient import Patient, read_patient

    return read_patient(file) if file else Patient()


@contextmanager
def _view(as_json: bool) -> Iterator[View]:
    from rich.console import Console

    from ecg2lab.cli import stream_view

    console = Console(highlight=False)
    if as_json or not console.is_terminal or console.width < stream_view.LEAST_WIDTH:
        yield stream_view.Lines(as_json)
        return
    with stream_view.Live(console).opened() as live:
        yield live


def _show_all(stream: Stream, parts: Iterable[Any], view: View) -> tuple[int, int]:
    """Windows answered, and refused."""
    counts = [0, 0]
    for part in parts:
        _show(stream.push(part), view, counts)
    _show(stream.finish(), view, counts)
    return counts[0], counts[1]


def _show(predictions: Iterable[Any], view: View, counts: list[int]) -> None:
    for prediction in predictions:
        counts[prediction.refusal is not None] += 1
        view.show(prediction)
    sys.stdout.flush()  # who reads a pipe waits for each answer


def _judge(stream: Stream, answered: int, refused: int) -> None:
    """Complain where there was nothing to answer from."""
    if answered:
        return
    seconds = stream.samples_received / stream.fs
    why = f"all {refused} windows were refused" if refused else f"{seconds:g} s of signal hold no whole window"
    complain(f"RecordingError: no answer: {why}")
    raise typer.Exit(REFUSED)
