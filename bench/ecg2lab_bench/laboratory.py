"""A run of the bench, from bundles to results."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ecg2lab_bench import machine, subjects, synthetic
from ecg2lab_bench.results import Measurement, Results, Timing
from ecg2lab_bench.subjects import LoadedModel
from ecg2lab_bench.timing import Subject, Tell, interleave, summarise

BUDGET_S, QUICK_BUDGET_S = 50.0, 3.0
"""Of timing; loading comes on top."""
UNSTEADY = 1.25
"""A machine whose floor has a p90 this much above its p50 is doing something else beside."""


@dataclass(frozen=True)
class Plan:
    """What to run."""

    bundle: Path | None = None
    """None: the packaged demo model."""
    full_size: bool = True
    """Whether the network of the published sizes is timed too."""
    threads: int = 1
    budget_s: float = BUDGET_S


def run(plan: Plan, tell: Tell | None = None) -> Results:
    """Time models beside their floors.

    Parameters
    ----------
    plan
        What to run.
    tell
        Told after each round.

    Raises
    ------
    BundleError, BackendError
        If a bundle or the number of threads cannot be had.
    PatientError, RecordingError, QualityError
        If the bundle's contract refuses the bench's adult, twelve-lead recording.
    """
    host = machine.describe()  # first, while the load average still tells of others
    left_out: dict[str, str] = {}
    with ExitStack() as undo:
        models = _load(plan, undo)
        timed = [s for model in models for s in subjects.of_model(model, plan.threads, undo, left_out)]
        timed.append(subjects.preprocessing())
        rounds = _Count(tell)
        samples = interleave(timed, plan.budget_s, rounds)
    measurements = compare_with_floors(timed, [summarise(x) for x in samples])
    return Results(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        threads=plan.threads,
        budget_s=plan.budget_s,
        rounds=rounds.rounds,
        machine=host,
        models=tuple(model.describe() for model in models),
        measurements=measurements,
        left_out=left_out,
        warnings=warnings_of(measurements),
    )


class _Count:
    """Counts rounds on their way to the listener."""

    def __init__(self, tell: Tell | None) -> None:
        self.rounds = 0
        self._tell = tell

    def __call__(self, rounds: int, seconds: float) -> None:
        self.rounds = rounds
        if self._tell:
            self._tell(rounds, seconds)


def _load(plan: Plan, undo: ExitStack) -> list[LoadedModel]:
    if plan.bundle is not None:
        models = [subjects.load_model("bundle", plan.bundle, plan.threads, undo)]
    else:
        from ecg2lab.demo import bundle_path

        models = [subjects.load_model("demo", bundle_path(), plan.threads, undo)]
    if plan.full_size:
        with tempfile.TemporaryDirectory() as folder:
            path = synthetic.full_size_bundle(folder)
            models.append(subjects.load_model("full-size", path, plan.threads, undo, random_weights=True))
    return models


def compare_with_floors(timed: Sequence[Subject], timings: Sequence[Timing]) -> tuple[Measurement, ...]:
    """Put every time over the fastest floor of the same model and batch, p50 over p50."""
    floors: dict[tuple[str | None, int], float] = {}
    for subject, timing in zip(timed, timings, strict=True):
        if subject.name == "floor":
            key = subject.model, subject.batch
            floors[key] = min(floors.get(key, timing.p50_ms), timing.p50_ms)
    return tuple(
        Measurement(
            model=subject.model,
            subject=subject.name,
            implementation=subject.implementation,
            batch=subject.batch,
            timing=timing,
            ratio=timing.p50_ms / floor if (floor := floors.get((subject.model, subject.batch))) else None,
            gflops=subject.flops / timing.p50_ms / 1e6 if subject.flops else None,
        )
        for subject, timing in zip(timed, timings, strict=True)
    )


def warnings_of(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """What a reader must know before believing the figures."""
    floors = [m for m in measurements if m.subject == "floor" and m.ratio == 1]
    if not floors:
        return ()
    longest = max(floors, key=lambda m: m.timing.p50_ms).timing  # one of microseconds varies anyway
    spread = longest.p90_ms / longest.p50_ms
    if spread <= UNSTEADY:
        return ()
    return (f"the machine was busy: p90 of the floor is {spread:.2f} times its p50; stop other programs, run again",)
