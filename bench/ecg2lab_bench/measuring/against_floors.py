"""Subjects timed in turns, each put over the fastest floor of its model and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ecg2lab_bench.measuring.models import LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Machine, Measurement, Results, Timing
from ecg2lab_bench.measuring.timing import Subject, Tell, timings

UNSTEADY = 1.25
"""A machine whose floor has a p90 this much above its p50 is doing something else beside."""


def measure(
    scenario: Literal["engine", "graph-forms"],
    plan: Plan,
    host: Machine,
    models: Sequence[LoadedModel],
    timed: Sequence[Subject],
    left_out: Mapping[str, str],
    tell: Tell,
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
    rounds = 0

    def count(done: int, seconds: float) -> None:
        nonlocal rounds
        rounds = done
        tell(done, seconds)

    measurements = compare_with_floors(timed, timings(timed, plan.budget_s, count))
    return Results(
        scenario=scenario,
        threads=plan.threads,
        budget_s=plan.budget_s,
        rounds=rounds,
        machine=host,
        models=tuple(model.describe() for model in models),
        measurements=measurements,
        left_out=dict(left_out),
        warnings=warnings_of(measurements),
    )


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
