"""Scenario `start`: from a fresh interpreter to the first answer, beside what `import numpy` takes alone.

Every call is a process of its own; the two kinds take turns. Time runs inside the process, from its first statement:
what Python needs for itself is in neither.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from ecg2lab.errors import BackendError
from ecg2lab.report.tables import print_table
from ecg2lab_bench import laboratory, machine, subjects, synthetic, workload
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.report import description, heading, machine_lines, markdown_table, milliseconds
from ecg2lab_bench.results import Machine, Model, Timing, now
from ecg2lab_bench.subjects import LoadedModel
from ecg2lab_bench.timing import FEWEST_ROUNDS, Tell, summarise

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("", "p50 ms", "p90 ms", "calls", "× numpy", "peak MB")
EXPLANATION = (
    "First answer: import ecg2lab, load the bundle, and predict for a 10-s 12-lead 500-Hz recording that is already an "
    "array. × numpy: p50 over that of `import numpy`, which it contains. Peak: resident memory of the whole process."
)
_MEMORY = """
import json, pathlib
status = pathlib.Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peak = [int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")]
print(json.dumps([duration, *peak]))
"""
"""Of Linux; `getrusage` would tell of the process that started this one, too."""
_NUMPY = f"""
import time
begin = time.perf_counter_ns()
import numpy
duration = time.perf_counter_ns() - begin
{_MEMORY}
"""
_ANSWER = f"""
import sys, time
begin = time.perf_counter_ns()
import ecg2lab, numpy
engine = ecg2lab.load(sys.argv[1], threads=int(sys.argv[2]))
recording = ecg2lab.Recording(numpy.load(sys.argv[3]), fs=float(sys.argv[4]), leads=sys.argv[5].split(), unit="mV")
engine.predict(recording, ecg2lab.Patient({", ".join(f"{k}={v!r}" for k, v in workload.PATIENT.given().items())}))
duration = time.perf_counter_ns() - begin
{_MEMORY}
"""


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of process."""

    model: str | None
    """Key; None: `import numpy` alone."""
    timing: Timing
    ratio: float
    """p50 over that of `import numpy`."""
    peak_mb: float | None
    """Resident, 10⁶ bytes, the largest of all calls; None: not told by this system."""


class StartResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    scenario: Literal["start"] = "start"
    created: str
    """UTC, ISO 8601."""
    threads: int
    machine: Machine
    models: tuple[Model, ...]
    starts: tuple[Start, ...]


def run(plan: Plan, tell: Tell | None = None) -> StartResults:
    """Start processes in turns until the budget is spent.

    Parameters
    ----------
    plan
        What to run.
    tell
        Told after each round.

    Raises
    ------
    BackendError
        If a process fails.
    """
    host = machine.describe()
    with ExitStack() as undo, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [laboratory.load_given(plan, undo)]
        if plan.full_size:
            path = synthetic.full_size_bundle(folder)
            models.append(subjects.load_model("full-size", path, plan.threads, undo, random_weights=True))
        commands = [[_NUMPY], *(_answer(model, plan.threads, folder) for model in models)]
        durations: list[list[int]] = [[] for _ in commands]
        peaks: list[float | None] = [None for _ in commands]
        begin, rounds = time.perf_counter(), 0
        while rounds < FEWEST_ROUNDS or time.perf_counter() - begin < plan.budget_s:
            for index, command in enumerate(commands):
                duration, peak = _call(command)
                durations[index].append(duration)
                peaks[index] = None if peak is None else max(peak, peaks[index] or 0.0)
            rounds += 1
            if tell:
                tell(rounds, time.perf_counter() - begin)
        described = tuple(model.describe() for model in models)
    timings = [summarise(samples) for samples in durations]
    starts = [
        Start(model=key, timing=timing, ratio=timing.p50_ms / timings[0].p50_ms, peak_mb=peak)
        for key, timing, peak in zip((None, *(model.key for model in described)), timings, peaks, strict=True)
    ]
    return StartResults(created=now(), threads=plan.threads, machine=host, models=described, starts=tuple(starts))


def _answer(model: LoadedModel, threads: int, folder: Path) -> list[str]:
    """Code and arguments of a process that answers."""
    recording = workload.recording()
    samples = folder / "samples.npy"
    np.save(samples, recording.samples)
    return [_ANSWER, model.bundle.source, str(threads), str(samples), str(recording.fs), " ".join(recording.leads)]


def _call(command: list[str]) -> tuple[int, float | None]:
    """Nanoseconds, and resident megabytes."""
    done = subprocess.run([sys.executable, "-c", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(f"a fresh Python could not answer: {done.stderr.strip().splitlines()[-1]}")
    duration, *peak = json.loads(done.stdout)
    return duration, *(peak or [None])


def encode(results: StartResults) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def show(results: StartResults, console: Console) -> None:
    """Print to a terminal, within 80 columns."""
    from rich.table import Table

    for line in machine_lines(results.machine, results.threads):
        console.print(line, highlight=False)
    table = Table()
    for name in COLUMNS:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in _rows(results):
        table.add_row(*row)
    print_table(table, console)
    for line in _remarks(results):
        console.print(line, style="dim", highlight=False)


def markdown(results: StartResults) -> str:
    """The same as a page of Markdown."""
    lines = "\n".join(f"- {line}" for line in machine_lines(results.machine, results.threads))
    table = markdown_table(COLUMNS, list(_rows(results)))
    return "\n\n".join(["# ecg2lab bench: from a fresh Python to an answer", lines, table, *_remarks(results)]) + "\n"


def _rows(results: StartResults) -> Iterator[tuple[str, ...]]:
    for found in results.starts:
        name = "import numpy" if found.model is None else f"first answer, {found.model}"
        times = (milliseconds(found.timing.p50_ms), milliseconds(found.timing.p90_ms))
        peak = "" if found.peak_mb is None else f"{found.peak_mb:.0f}"
        yield name, *times, str(found.timing.calls), f"{found.ratio:.2f}", peak


def _remarks(results: StartResults) -> Iterator[str]:
    for model in results.models:
        yield f"{heading(model)}. {description(model)}."
    yield EXPLANATION
