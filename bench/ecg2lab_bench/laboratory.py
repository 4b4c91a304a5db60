"""A run of the bench, from bundles to results."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ecg2lab_bench import machine, subjects, synthetic
from ecg2lab_bench.results import Machine, Measurement, Results, ScenarioName, Timing, now
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
    quick: bool = False
    """Rough figures, soon."""

    @property
    def budget_s(self) -> float:
        """Of timing."""
        return QUICK_BUDGET_S if self.quick else BUDGET_S


def run(plan: Plan, tell: Tell | None = None) -> Results:
    """Time engines beside their floors.

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
        return measure("engine", plan, host, models, timed, left_out, tell)


def measure(
    scenario: ScenarioName,
    plan: Plan,
    host: Machine,
    models: Sequence[LoadedModel],
    timed: Sequence[Subject],
    left_out: Mapping[str, str],
    tell: Tell | None,
) -> Results:
    """Time subjects in turns, and put down what was found; a scenario gathers the rest.

    Parameters
    ----------
    scenario
        That asks.
    plan
        For its budget.
    host
        As it was before anything was loaded.
    models
        To which the subjects belong.
    timed
        In an order that keeps each beside its floor.
    left_out
        What could not be had, and why.
    tell
        Told after each round.
    """
    rounds = _Count(tell)
    samples = interleave(timed, plan.budget_s, rounds)
    measurements = compare_with_floors(timed, [summarise(x) for x in samples])
    return Results(
        scenario=scenario,
        created=now(),
        threads=plan.threads,
        budget_s=plan.budget_s,
        rounds=rounds.rounds,
        machine=host,
        models=tuple(model.describe() for model in models),
        measurements=measurements,
        left_out=dict(left_out),
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
    models = [load_given(plan, undo)]
    if plan.full_size:
        models.append(load_full_size(plan, undo))
    return models


def load_given(plan: Plan, undo: ExitStack) -> LoadedModel:
    """The bundle that was named, or the packaged demo model."""
    if plan.bundle is not None:
        return subjects.load_model("bundle", plan.bundle, plan.threads, undo)
    from ecg2lab.demo import bundle_path

    return subjects.load_model("demo", bundle_path(), plan.threads, undo)


def load_full_size(plan: Plan, undo: ExitStack) -> LoadedModel:
    """A network of the published sizes."""
    with tempfile.TemporaryDirectory() as folder:
        path = synthetic.full_size_bundle(folder)
        return subjects.load_model("full-size", path, plan.threads, undo, random_weights=True)


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
            graph_mb=subject.graph_mb,
            error=subject.error,
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
