"""Scenario `beds`: how many live signals one core answers every second.

A ward's beds share one engine and take turns in one thread: each pushes a second of signal in parts, as it would come
in, and answers one window. What is counted is CPU time, of all threads: that is what a core has to give, whatever else
runs on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from ecg2lab.report.tables import print_table
from ecg2lab.stream import Stream
from ecg2lab_bench import laboratory, machine, workload
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.report import description, heading, machine_lines, markdown_table, milliseconds
from ecg2lab_bench.results import Machine, Model, Timing, now
from ecg2lab_bench.subjects import LoadedModel
from ecg2lab_bench.timing import Tell, summarise

if TYPE_CHECKING:
    from rich.console import Console

HOP_S, PART_S = 1.0, 0.25
WARD, QUICK_WARD = 64, 4
"""Beds that take turns: more than a cache holds."""
COLUMNS = ("model", "window s", "mean ms", "p50 ms", "p99 ms", "answers", "beds a core", "kB a bed")
EXPLANATION = (
    "CPU times of one bed's second: four parts of 250 ms of 12 leads at 500 Hz pushed, one window prepared, judged, "
    "run and decided. Beds a core: 1 s over the mean. kB a bed: its saved state, which is all that it keeps."
)


class Beds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model."""

    model: Model
    window_s: float
    ward: int
    """Streams that took turns."""
    timing: Timing
    """Of one bed's second."""
    state_bytes: int

    @property
    def beds(self) -> int:
        """That one core answers every second."""
        return int(1000 * HOP_S / self.timing.mean_ms)


class BedsResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    scenario: Literal["beds"] = "beds"
    created: str
    """UTC, ISO 8601."""
    threads: int
    machine: Machine
    models: tuple[Beds, ...]


def run(plan: Plan, tell: Tell | None = None) -> BedsResults:
    """Let the wards of all models run for their share of the budget.

    Parameters
    ----------
    plan
        What to run; `quick` takes a small ward.
    tell
        Told after each second of a ward.
    """
    host = machine.describe()
    with ExitStack() as undo:
        models = [laboratory.load_given(plan, undo)]
        if plan.full_size:
            models.append(laboratory.load_full_size(plan, undo))
        share = plan.budget_s / len(models)
        found = tuple(_measure(model, plan, share, index * share, tell) for index, model in enumerate(models))
    return BedsResults(created=now(), threads=plan.threads, machine=host, models=found)


def _measure(model: LoadedModel, plan: Plan, budget_s: float, spent_s: float, tell: Tell | None) -> Beds:
    ward, samples = _ward(model, QUICK_WARD if plan.quick else WARD), workload.recording().samples
    parts = [np.ascontiguousarray(part) for part in _parts(samples)]
    each = round(HOP_S / PART_S)
    for bed in ward:  # until the first windows are behind it
        bed.push(np.tile(samples, 1 + int(_window_s(model) // workload.DURATION_S)))
    durations: list[int] = []
    start, second = time.perf_counter(), 0
    while second < 3 or time.perf_counter() - start < budget_s:
        for number, bed in enumerate(ward):
            begin = (second + number) * each
            mine = [parts[(begin + i) % len(parts)] for i in range(each)]
            before = time.process_time_ns()
            answers = [answer for part in mine for answer in bed.push(part)]
            durations.append(time.process_time_ns() - before)
            assert len(answers) == 1, "a bed's second has one answer"
        second += 1
        if tell:
            tell(second, spent_s + time.perf_counter() - start)
    return Beds(
        model=model.describe(),
        window_s=_window_s(model),
        ward=len(ward),
        timing=summarise(durations),
        state_bytes=len(ward[0].save()),
    )


def _ward(model: LoadedModel, beds: int) -> list[Stream]:
    recording = workload.recording()
    return [
        model.engine.stream(
            fs=recording.fs,
            leads=recording.leads,
            unit="mV",
            hop_s=HOP_S,
            patient=workload.PATIENT,
        )
        for _ in range(beds)
    ]


def _parts(samples: np.ndarray) -> Iterator[np.ndarray]:
    length = round(PART_S * workload.RATE_HZ)
    for at in range(0, samples.shape[1], length):
        yield samples[:, at : at + length]


def _window_s(model: LoadedModel) -> float:
    signal = model.bundle.contract.signal
    return signal.window_samples / signal.sampling_rate_hz


def encode(results: BedsResults) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def show(results: BedsResults, console: Console) -> None:
    """Print to a terminal, within 80 columns."""
    from rich.table import Table

    for line in machine_lines(results.machine, results.threads):
        console.print(line, highlight=False)
    table = Table()
    for name in COLUMNS:
        table.add_column(name.replace(" ", "\n", 1), justify="right" if name != "model" else "left", no_wrap=True)
    for row in _rows(results):
        table.add_row(*row)
    print_table(table, console)
    for line in _remarks(results):
        console.print(line, style="dim", highlight=False)


def markdown(results: BedsResults) -> str:
    """The same as a page of Markdown."""
    lines = "\n".join(f"- {line}" for line in machine_lines(results.machine, results.threads))
    table = markdown_table(COLUMNS, list(_rows(results)))
    return "\n\n".join(["# ecg2lab bench: beds a core holds", lines, table, *_remarks(results)]) + "\n"


def _rows(results: BedsResults) -> Iterator[tuple[str, ...]]:
    for found in results.models:
        t = found.timing
        times = (milliseconds(x) for x in (t.mean_ms, t.p50_ms, t.p99_ms))
        kilobytes = f"{found.state_bytes / 1e3:.0f}"
        yield found.model.key, f"{found.window_s:g}", *times, str(t.calls), str(found.beds), kilobytes


def _remarks(results: BedsResults) -> Iterator[str]:
    for found in results.models:
        yield f"{heading(found.model)}. {description(found.model)}; {found.ward} beds took turns."
    yield EXPLANATION
