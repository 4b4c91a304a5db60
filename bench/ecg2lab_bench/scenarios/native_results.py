"""What the scenario `native` found, and its tables."""

from __future__ import annotations

from typing import Literal

from ecg2lab_bench.measuring.results import Record, Struct, Timing
from ecg2lab_bench.report.page import Note, Page, left_out_lines, machine_name, milliseconds, table
from ecg2lab_bench.scenarios import preparation

NETWORK = ("network", "windows", "threads", "p50\nms", "p99 /\np50", "×\nfloor", "floor by", "× one\nthread")
WHOLE = ("whole 10-s ECG, one thread", "p50 ms")
_EXPLANATION = (
    "Network of {hidden} channels and {targets} targets{published}, random weights. Floor: its dense products "
    "alone, weights packed, the same precision and threads, the fastest library of this run. The authors' pipeline: "
    "resampy, kernels computed once per call, their terms added up by KeOps (as published) or PyTorch, four windows as "
    "one batch in PyTorch; our own code of their method."
)
PUBLISHED = (512, 204)
"""Channels and targets."""


class NetworkTime(Struct, frozen=True, kw_only=True):
    """The bare network on the native engine."""

    precision: str
    threads: int
    batch: int
    timing: Timing
    floor_ms: float
    """p50."""
    floor_by: str
    ratio: float
    """p50 over the floor."""
    against_one_thread: float
    """p50 of one thread over this."""


class WholeTime(Struct, frozen=True, kw_only=True):
    """From raw samples to probabilities."""

    implementation: str
    timing: Timing
    faster_than: dict[str, float]
    """p50 of each of the authors' pipelines that were at hand, over this."""


class NativeResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["native"] = "native"
    hidden: int = PUBLISHED[0]
    targets: int = PUBLISHED[1]
    instruction_sets: dict[str, str]
    """By precision."""
    networks: tuple[NetworkTime, ...]
    whole: tuple[WholeTime, ...]
    preparation: preparation.Table
    left_out: dict[str, str]
    """What could not be had, and why."""


def page(results: NativeResults) -> Page:
    """Three tables: the bare network, a whole ECG, preprocessing."""
    peers = list(results.whole[0].faster_than)
    by_peers = (f"× {name}".replace(" pipeline, ", "\npipeline,\n") for name in peers)
    sets = ", ".join(f"{precision} {name}" for precision, name in results.instruction_sets.items())
    return Page(
        "ecg2lab bench: native engine",
        (machine_name(results.machine),),
        (
            table(NETWORK, map(_network, results.networks)),
            table((*WHOLE, *by_peers), (_whole(time, peers) for time in results.whole)),
            table(preparation.COLUMNS, preparation.rows(results.preparation)),
            _explanation(results),
            preparation.EXPLANATION,
            f"Instruction sets: {sets}; of preprocessing {results.preparation.instruction_set}.",
            *left_out_lines({**results.left_out, **results.preparation.left_out}),
        ),
    )


def _explanation(results: NativeResults) -> Note:
    sizes = results.hidden, results.targets
    published = ", the published sizes" if sizes == PUBLISHED else " (a quick run; the published sizes are 512 and 204)"
    return Note(_EXPLANATION.format(hidden=results.hidden, targets=results.targets, published=published))


def _network(time: NetworkTime) -> tuple[str, ...]:
    timing = time.timing
    return (
        time.precision,
        str(time.batch),
        str(time.threads),
        milliseconds(timing.p50_ms),
        f"{timing.p99_ms / timing.p50_ms:.2f}",
        f"{time.ratio:.2f}",
        time.floor_by,
        f"{time.against_one_thread:.2f}",
    )


def _whole(time: WholeTime, peers: list[str]) -> tuple[str, ...]:
    faster = (f"{time.faster_than[name]:.1f}" for name in peers)
    return time.implementation, milliseconds(time.timing.p50_ms), *faster
