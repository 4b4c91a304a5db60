"""How time is taken: subjects take turns in rounds, so that a drift of the machine hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ecg2lab_bench.results import SubjectName, Timing

FEWEST_ROUNDS = 3
_WARM_UP_CALLS = 3
_VISIT_MS = 20.0
_FEWEST_CALLS, _MOST_CALLS = 2, 50
Tell = Callable[[int, float], None]
"""Called after each round with the number of rounds and the seconds spent."""


@dataclass(frozen=True)
class Subject:
    """One thing to be timed."""

    model: str | None
    """Key of a model; None: belongs to all."""
    name: SubjectName
    implementation: str
    batch: int
    """Windows that one call answers."""
    call: Callable[[], object]
    flops: int | None = None
    """Floating-point operations of one call; None: not counted."""
    graph_mb: float | None = None
    """Size of the graph that is run, 10⁶ bytes."""
    error: float | None = None
    """Of what it computes, against float64."""


def summarise(samples_ns: Sequence[int]) -> Timing:
    """Order statistics of single calls.

    Parameters
    ----------
    samples_ns
        Durations, nanoseconds; at least one.

    Returns
    -------
    Timing
        Milliseconds; percentiles by linear interpolation between order statistics.
    """
    samples = np.asarray(samples_ns, dtype=np.float64) / 1e6
    p50, p90, p99 = (float(x) for x in np.percentile(samples, (50, 90, 99)))
    return Timing(
        calls=len(samples),
        minimum_ms=float(samples.min()),
        mean_ms=float(samples.mean()),
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
    )


def interleave(subjects: Sequence[Subject], budget_s: float, tell: Tell | None = None) -> list[list[int]]:
    """Time all subjects in rounds until the budget is spent.

    A visit is one call that is not timed, which brings the subject's weights back into the cache, and then a few that
    are. Every other round runs backwards, so that no subject always follows the same neighbour. Nothing sleeps; garbage
    collection rests.

    Parameters
    ----------
    subjects
        In an order that keeps each beside its floor.
    budget_s
        Seconds, warm-up included; at least `FEWEST_ROUNDS` rounds are run.
    tell
        Told after each round.

    Returns
    -------
    list
        For each subject the durations of its timed calls, nanoseconds, in the order in which they were taken.
    """
    samples: list[list[int]] = [[] for _ in subjects]
    with _without_garbage_collection():
        start = time.perf_counter()
        calls = [_calls_a_visit(subject) for subject in subjects]
        order = list(range(len(subjects)))
        first_round = time.perf_counter()
        rounds = 0
        while True:
            for index in order if rounds % 2 == 0 else reversed(order):
                _visit(subjects[index].call, calls[index], samples[index])
            rounds += 1
            now = time.perf_counter()
            if tell:
                tell(rounds, now - start)
            one_more = (now - first_round) / rounds
            if rounds >= FEWEST_ROUNDS and now - start + one_more > budget_s:
                return samples


def _visit(call: Callable[[], object], calls: int, samples: list[int]) -> None:
    call()
    for _ in range(calls):
        start = time.perf_counter_ns()
        call()
        samples.append(time.perf_counter_ns() - start)


def _calls_a_visit(subject: Subject) -> int:
    """Warm up, and see how many calls fill a visit."""
    durations: list[int] = []
    _visit(subject.call, _WARM_UP_CALLS, durations)
    return min(max(round(_VISIT_MS * 1e6 / max(1, min(durations))), _FEWEST_CALLS), _MOST_CALLS)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
