"""Scenario `beds`: how many live signals one core answers every second.

A ward's beds share one engine and take turns in one thread: each pushes a second of signal in parts, as it would come
in, and answers one window. What is counted is CPU time, of all threads: that is what a core has to give, whatever else
runs on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

import numpy as np

from ecg2lab.stream import Stream
from ecg2lab_bench.measuring import machine, models, workload
from ecg2lab_bench.measuring.models import LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Model, Record, Struct, Timing
from ecg2lab_bench.measuring.timing import Tell, rounds, silent, summarise
from ecg2lab_bench.report.page import Note, Page, machine_lines, milliseconds, model_lines, table

HOP_S, PART_S = 1.0, 0.25
WARD, QUICK_WARD = 64, 4
"""Beds that take turns: more than a cache holds."""
COLUMNS = ("model", "window\ns", "mean\nms", "p50\nms", "p99\nms", "answers", "beds\na core", "kB\na bed")
EXPLANATION = Note(
    "CPU times of one bed's second: four parts of 250 ms of 12 leads at 500 Hz pushed, one window prepared, judged, "
    "run and decided. Beds a core: 1 s over the mean. kB a bed: its saved state, which is all that it keeps."
)


class Beds(Struct, frozen=True, kw_only=True):
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


class BedsResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["beds"] = "beds"
    threads: int
    models: tuple[Beds, ...]


def run(plan: Plan, tell: Tell = silent) -> BedsResults:
    """Let the wards of all models run for their share of the budget; a quick run takes a small ward."""
    host = machine.describe()
    with ExitStack() as undo:
        loaded = models.load(plan, undo)
        share = plan.budget_s / len(loaded)
        wards = tuple(
            _measure(model, QUICK_WARD if plan.quick else WARD, share, _later(tell, index * share))
            for index, model in enumerate(loaded)
        )
    return BedsResults(threads=plan.threads, machine=host, models=wards)


def _later(tell: Tell, spent_s: float) -> Tell:
    return lambda done, seconds: tell(done, spent_s + seconds)


def _measure(model: LoadedModel, beds: int, budget_s: float, tell: Tell) -> Beds:
    signal, samples = model.bundle.contract.signal, workload.recording().samples
    window_s = signal.window_samples / signal.sampling_rate_hz
    ward, parts = [_bed(model) for _ in range(beds)], list(_parts(samples))
    each = round(HOP_S / PART_S)
    for bed in ward:  # until the first windows are behind it
        bed.push(np.tile(samples, 1 + int(window_s // workload.DURATION_S)))
    durations: list[int] = []
    for second in rounds(budget_s, tell):
        for number, bed in enumerate(ward):
            begin = (second + number) * each
            mine = [parts[(begin + i) % len(parts)] for i in range(each)]
            before = time.process_time_ns()
            answers = [answer for part in mine for answer in bed.push(part)]
            durations.append(time.process_time_ns() - before)
            assert len(answers) == 1, "a bed's second has one answer"
    return Beds(
        model=model.describe(),
        window_s=window_s,
        ward=beds,
        timing=summarise(durations),
        state_bytes=len(ward[0].save()),
    )


def _bed(model: LoadedModel) -> Stream:
    recording = workload.recording()
    return model.engine.stream(fs=recording.fs, leads=recording.leads, unit="mV", hop_s=HOP_S, patient=workload.PATIENT)


def _parts(samples: np.ndarray) -> Iterator[np.ndarray]:
    length = round(PART_S * workload.RATE_HZ)
    for at in range(0, samples.shape[1], length):
        yield np.ascontiguousarray(samples[:, at : at + length])


def page(results: BedsResults) -> Page:
    """One table."""
    lines = [line for beds in results.models for line in (*model_lines(beds.model), f"{beds.ward} beds took turns.")]
    return Page(
        "ecg2lab bench: beds a core holds",
        machine_lines(results.machine, results.threads),
        (*lines, table(COLUMNS, map(_row, results.models)), EXPLANATION),
    )


def _row(beds: Beds) -> tuple[str, ...]:
    t = beds.timing
    times = (milliseconds(x) for x in (t.mean_ms, t.p50_ms, t.p99_ms))
    return beds.model.key, f"{beds.window_s:g}", *times, str(t.calls), str(beds.beds), f"{beds.state_bytes / 1e3:.0f}"
