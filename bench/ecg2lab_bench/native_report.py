"""What the scenario `native` found: its file, and its tables for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from ecg2lab.report.tables import print_table
from ecg2lab_bench import preparation
from ecg2lab_bench.report import machine_name, markdown_table, milliseconds
from ecg2lab_bench.results import Machine, Timing

if TYPE_CHECKING:
    from rich.console import Console

Rows = list[tuple[str, ...]]
NETWORK = ("network", "windows", "threads", "p50 ms", "p99 / p50", "× floor", "floor by", "× one thread")
WHOLE = ("whole 10-s ECG, one thread", "p50 ms")
EXPLANATION = (
    "Network of the published sizes (512 channels, 4 layers, 204 targets), random weights. Floor: its dense products "
    "alone, weights packed, the same precision and threads, the fastest library of this run. The authors' pipeline: "
    "resampy, kernels computed once per call, their terms added up by KeOps (as published) or PyTorch, four windows as "
    "one batch in PyTorch; our own code of their method."
)


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Strict and immutable."""


class NetworkTime(_Struct, frozen=True, kw_only=True):
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


class WholeTime(_Struct, frozen=True, kw_only=True):
    """From raw samples to probabilities."""

    implementation: str
    timing: Timing
    faster_than: dict[str, float]
    """p50 of each of the authors' pipelines that were at hand, over this."""


class NativeResults(_Struct, frozen=True, kw_only=True):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    scenario: Literal["native"] = "native"
    created: str
    """UTC, ISO 8601."""
    machine: Machine
    instruction_sets: dict[str, str]
    """By precision."""
    networks: tuple[NetworkTime, ...]
    whole: tuple[WholeTime, ...]
    preparation: preparation.Table
    left_out: dict[str, str]
    """What could not be had, and why."""


def encode(results: NativeResults) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def show(results: NativeResults, console: Console) -> None:
    """Print to a terminal."""
    from rich.table import Table

    console.print(machine_name(results.machine), highlight=False)
    for columns, rows in _tables(results):
        table = Table(min_width=79)
        for index, name in enumerate(columns):
            table.add_column(name, justify="right" if index else "left")
        for row in rows:
            table.add_row(*row)
        print_table(table, console)
    for line in (EXPLANATION, preparation.EXPLANATION):
        console.print(line, style="dim", highlight=False)
    for line in _remarks(results):
        console.print(line, highlight=False)


def markdown(results: NativeResults) -> str:
    """The same as a page of Markdown."""
    parts = ["# ecg2lab bench: native engine", f"- {machine_name(results.machine)}"]
    parts += [markdown_table(columns, rows) for columns, rows in _tables(results)]
    parts += [EXPLANATION, preparation.EXPLANATION, *_remarks(results)]
    return "\n\n".join(parts) + "\n"


def _tables(results: NativeResults) -> Iterator[tuple[tuple[str, ...], Rows]]:
    yield NETWORK, [_network(found) for found in results.networks]
    peers = list(results.whole[0].faster_than)
    yield (*WHOLE, *(f"× {name}" for name in peers)), [_whole(found, peers) for found in results.whole]
    yield preparation.COLUMNS, preparation.rows(results.preparation)


def _network(found: NetworkTime) -> tuple[str, ...]:
    timing = found.timing
    return (
        found.precision,
        str(found.batch),
        str(found.threads),
        milliseconds(timing.p50_ms),
        f"{timing.p99_ms / timing.p50_ms:.2f}",
        f"{found.ratio:.2f}",
        found.floor_by,
        f"{found.against_one_thread:.2f}",
    )


def _whole(found: WholeTime, peers: list[str]) -> tuple[str, ...]:
    faster = (f"{found.faster_than[name]:.1f}" for name in peers)
    return found.implementation, milliseconds(found.timing.p50_ms), *faster


def _remarks(results: NativeResults) -> Iterator[str]:
    sets = ", ".join(f"{precision} {name}" for precision, name in results.instruction_sets.items())
    yield f"Instruction sets: {sets}; of preprocessing {results.preparation.instruction_set}."
    for name, reason in {**results.left_out, **results.preparation.left_out}.items():
        yield f"Left out: {name}: {reason}."
