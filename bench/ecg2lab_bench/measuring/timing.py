"""How time is taken: subjects take turns in rounds, so that a drift of the machine hits all of them alike."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ecg2lab_bench.measuring.results import SubjectName, Timing

FEWEST_ROUNDS = 3
_WARM_UP_CALLS = 3
_VISIT_MS = 20.0
_FEWEST_CALLS, _MOST_CALLS = 2, 50
Tell = Callable[[int, float], None]
"""Called after each round with the number of rounds and the seconds spent."""


def silent(rounds: int, seconds: float) -> None:
    """Tell nobody."""
    del rounds, seconds


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


def rounds(budget_s: float, tell: Tell = silent, begin: float | None = None) -> Iterator[int]:
    """Count rounds, from 0, until one more would exceed the budget; at least `FEWEST_ROUNDS`.

    Parameters
    ----------
    budget_s
        Seconds.
    tell
        Told after each round.
    begin
        From when on seconds count, by `time.perf_counter`; None: from now on.
    """
    first = time.perf_counter()
    begin = first if begin is None else begin
    for done in itertools.count():
        now = time.perf_counter()
        if done:
            tell(done, now - begin)
        if done >= FEWEST_ROUNDS and now - begin + (now - first) / done > budget_s:
            return
        yield done


def interleave(subjects: Sequence[Subject], budget_s: float, tell: Tell = silent) -> list[list[int]]:
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
        begin = time.perf_counter()
        calls = [_calls_a_visit(subject) for subject in subjects]
        for number in rounds(budget_s, tell, begin):
            for index in range(len(subjects))[:: 1 if number % 2 == 0 else -1]:
                _visit(subjects[index].call, calls[index], samples[index])
    return samples


def timings(subjects: Sequence[Subject], budget_s: float, tell: Tell = silent) -> list[Timing]:
    """Statistics of what `interleave` measures."""
    return [summarise(samples) for samples in interleave(subjects, budget_s, tell)]


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
