"""`ecg2lab stream`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ecg2lab.cli.complaints import REFUSED, complain
from ecg2lab.cli.options import Computing, Facts, Model

if TYPE_CHECKING:
    from ecg2lab.engine import Engine
    from ecg2lab.patient import Patient
    from ecg2lab.stream import Stream, StreamPrediction

STDIN = "-"
_RAW_PANEL = "Raw samples, for SOURCE -"
SampleType = Literal["int16", "float32", "float64"]
RawUnit = Literal["uV", "mV", "V", "adc"]


def _speed(text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise typer.BadParameter("a number above 0, or max")
    return speed


@dataclass(frozen=True)
class Answers:
    """When one is wanted, and of what."""

    hop: Annotated[float, typer.Option(help="Seconds from one answer to the next.")] = 1.0
    average: Annotated[float | None, typer.Option(help="Seconds to average over; default: the latest window.")] = None
    longest_gap: Annotated[
        float | None, typer.Option(help="Seconds without values after which a lead is off; default: a window.")
    ] = None
    target: Annotated[list[str] | None, typer.Option(help="Only this target; may be repeated.")] = None

    def open(self, engine: Engine, **form: Any) -> Stream:
        """A stream of samples of this form, as `Engine.stream` takes it."""
        return engine.stream(
            hop_s=self.hop,
            average_s=self.average,
            longest_gap_s=self.longest_gap,
            targets=self.target or None,
            **form,
        )


@dataclass(frozen=True)
class RawFormat:
    """What samples without a header are."""

    fs: Annotated[float | None, typer.Option(help="Sampling rate, Hz.", rich_help_panel=_RAW_PANEL)] = None
    leads: Annotated[
        str | None, typer.Option(help="Lead names in their order: I,II,V1 …", rich_help_panel=_RAW_PANEL)
    ] = None
    unit: Annotated[RawUnit | None, typer.Option(help="Unit of the samples.", rich_help_panel=_RAW_PANEL)] = None
    gain: Annotated[float | None, typer.Option(help="Counts per millivolt, for adc.", rich_help_panel=_RAW_PANEL)] = (
        None
    )
    sample_type: Annotated[
        SampleType, typer.Option("--type", help="Type of the samples, little-endian.", rich_help_panel=_RAW_PANEL)
    ] = "int16"

    def check(self, source: str) -> None:
        """Refuse statements about a record, which makes its own.

        Raises
        ------
        typer.BadParameter
            If there are any.
        """
        stated = any(value is not None for value in (self.fs, self.leads, self.unit, self.gain))
        if source != STDIN and stated:
            raise typer.BadParameter("a record says its own rate, leads and unit", param_hint="SOURCE")


def run(
    bundle: Model,
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A record to replay, or - for raw samples on standard input.")
    ],
    answers: Answers,
    facts: Facts,
    raw: RawFormat,
    computing: Computing,
    speed: Annotated[
        Any, typer.Option(parser=_speed, metavar="X", help="Speed of a replay: a multiple of real time, or max.")
    ] = "1",
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each answer.")] = False,
) -> None:
    """Answer every hop for a signal that is still coming in.

    A record is replayed at real time. Raw samples come on standard input, one of every lead after another. A terminal
    shows a table, which is compact below 70 columns. A pipe or a file gets a line for each answer, with its notice and
    its moments. A refused window is an answer, too. The exit code is 1 if no window could be answered.

    For example:

    - `ecg2lab stream model.ecg2lab record.hea --hop 1`

    - `ecg2lab stream model.ecg2lab record.hea --speed max --json`

    - `acquire | ecg2lab stream model.ecg2lab - --fs 500 --leads I,II,V1,V2,V3,V4,V5,V6 --unit uV`
    """
    raw.check(str(source))

    patient = facts.read()
    with computing.load(bundle, facts.out_of_range, threads=1) as engine:
        if str(source) == STDIN:
            stream, parts = _from_stdin(engine, raw, patient, answers)
        else:
            stream, parts = _from_record(engine, source, speed, patient, answers)
        _show_all(stream, parts, as_json)


def _from_record(
    engine: Engine, source: Path, speed: float, patient: Patient, answers: Answers
) -> tuple[Stream, Iterable[Any]]:
    from ecg2lab.cli import stream_source
    from ecg2lab.readers import read

    recording = read(source)
    stream = answers.open(
        engine,
        fs=recording.fs,
        leads=recording.leads,
        unit="mV",
        patient=patient.with_defaults(recording.subject),
        source=recording.source,
    )
    return stream, stream_source.replay(recording, speed)


def _from_stdin(engine: Engine, raw: RawFormat, patient: Patient, answers: Answers) -> tuple[Stream, Iterable[Any]]:
    from ecg2lab.cli import stream_source

    if raw.fs is None or raw.leads is None or raw.unit is None:
        absent = next(name for name in ("fs", "leads", "unit") if getattr(raw, name) is None)
        raise typer.BadParameter("raw samples do not say it themselves", param_hint=f"--{absent}")
    leads = raw.leads.split(",")
    stream = answers.open(engine, fs=raw.fs, leads=leads, unit=raw.unit, gain=raw.gain, patient=patient)
    return stream, stream_source.raw(sys.stdin.fileno(), raw.sample_type, len(leads), raw.fs)


def _pushed(stream: Stream, parts: Iterable[Any]) -> Iterator[Iterable[StreamPrediction]]:
    """The predictions that each part leads to, and those of the end."""
    yield from map(stream.push, parts)
    yield stream.finish()


def _show_all(stream: Stream, parts: Iterable[Any], as_json: bool) -> None:
    """Show every window; complain where there was nothing to answer from."""
    from ecg2lab.cli.stream_view import view

    answered = refused = 0
    with view(as_json) as show:
        for predictions in _pushed(stream, parts):
            for prediction in predictions:
                answered += prediction.refusal is None
                refused += prediction.refusal is not None
                show(prediction)
            sys.stdout.flush()  # who reads a pipe waits for each answer
    if not answered:
        seconds = stream.samples_received / stream.fs
        why = f"all {refused} windows were refused" if refused else f"{seconds:g} s of signal hold no whole window"
        complain(f"RecordingError: no answer: {why}")
        raise typer.Exit(REFUSED)
