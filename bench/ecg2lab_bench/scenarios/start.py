"""Scenario `start`: from a fresh interpreter to the first answer, beside what `import numpy` takes alone.

Every call is a process of its own; the two kinds take turns. Time runs inside the process, from its first statement:
what Python needs for itself is in neither.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import numpy as np

from ecg2lab.errors import BackendError
from ecg2lab_bench.measuring import machine, models, workload
from ecg2lab_bench.measuring.models import LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Model, Record, Struct, Timing
from ecg2lab_bench.measuring.timing import Tell, rounds, silent, summarise
from ecg2lab_bench.report.page import Note, Page, machine_lines, milliseconds, model_lines, table

COLUMNS = ("", "p50 ms", "p90 ms", "calls", "× numpy", "peak MB")
EXPLANATION = Note(
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


class Start(Struct, frozen=True, kw_only=True):
    """One kind of process."""

    model: str | None
    """Key; None: `import numpy` alone."""
    timing: Timing
    ratio: float
    """p50 over that of `import numpy`."""
    peak_mb: float | None
    """Resident, 10⁶ bytes, the largest of all calls; None: not told by this system."""


class StartResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["start"] = "start"
    threads: int
    models: tuple[Model, ...]
    starts: tuple[Start, ...]


def run(plan: Plan, tell: Tell = silent) -> StartResults:
    """Start processes in turns until the budget is spent.

    Raises
    ------
    BackendError
        If a process fails.
    """
    host = machine.describe()
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        loaded = models.load(plan, undo)
        commands = [[_NUMPY], *(_answer(model, plan.threads, folder) for model in loaded)]
        calls: list[list[_Call]] = [[] for _ in commands]
        for _ in rounds(plan.budget_s, tell):
            for command, made in zip(commands, calls, strict=True):
                made.append(_call(command))
        described = tuple(model.describe() for model in loaded)
    return StartResults(
        threads=plan.threads, machine=host, models=described, starts=tuple(_starts(calls, [m.key for m in described]))
    )


def _answer(model: LoadedModel, threads: int, folder: Path) -> list[str]:
    """Code and arguments of a process that answers."""
    recording = workload.recording()
    samples = folder / "samples.npy"
    np.save(samples, recording.samples)
    return [_ANSWER, model.bundle.source, str(threads), str(samples), str(recording.fs), " ".join(recording.leads)]


_Call = tuple[int, float | None]
"""Nanoseconds, and resident megabytes."""


def _call(command: list[str]) -> _Call:
    done = subprocess.run([sys.executable, "-c", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(f"a fresh Python could not answer: {done.stderr.strip().splitlines()[-1]}")
    duration, *peak = json.loads(done.stdout)
    return duration, *(peak or [None])


def _starts(calls: list[list[_Call]], models: list[str]) -> Iterator[Start]:
    timings = [summarise([duration for duration, _ in made]) for made in calls]
    for key, timing, made in zip((None, *models), timings, calls, strict=True):
        peak = max((megabytes for _, megabytes in made if megabytes is not None), default=None)
        yield Start(model=key, timing=timing, ratio=timing.p50_ms / timings[0].p50_ms, peak_mb=peak)


def page(results: StartResults) -> Page:
    """One table."""
    lines = [line for model in results.models for line in model_lines(model)]
    return Page(
        "ecg2lab bench: from a fresh Python to an answer",
        machine_lines(results.machine, results.threads),
        (*lines, table(COLUMNS, map(_row, results.starts)), EXPLANATION),
    )


def _row(start: Start) -> tuple[str, ...]:
    name = "import numpy" if start.model is None else f"first answer, {start.model}"
    times = (milliseconds(start.timing.p50_ms), milliseconds(start.timing.p90_ms))
    peak = "" if start.peak_mb is None else f"{start.peak_mb:.0f}"
    return name, *times, str(start.timing.calls), f"{start.ratio:.2f}", peak
