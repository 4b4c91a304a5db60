"""Errors of kernels: their file, and their tables for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from ecg2lab.report.tables import print_table
from ecg2lab_bench.report import error_figure, machine_name, markdown_table
from ecg2lab_bench.results import Machine

if TYPE_CHECKING:
    from rich.console import Console

_PAIR = 2
EXPLANATION = (
    "Error of the kernel against the published algorithm in float64, relative to the channel's largest tap: "
    "worst / median over channels; *: shipped. Random C; dt log-uniform in [0.001, 0.1]; both directions, in a step "
    "graph the causal one. > 1: of no use."
)


class FormError(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Over channels, relative to the largest tap of each; None: without bound."""

    worst: float | None
    median: float | None


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One random layer."""

    poles: str
    state_size: int
    window: int
    channels: int
    errors: dict[str, FormError]
    """By form."""


class KernelResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    scenario: Literal["kernel-forms"] = "kernel-forms"
    created: str
    """UTC, ISO 8601."""
    machine: Machine
    cases: tuple[Case, ...]
    left_out: dict[str, str]
    """Forms that could not be measured, and why."""


def encode(results: KernelResults) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def show(results: KernelResults, console: Console) -> None:
    """Print to a terminal: a table for each pair of cases, within 80 columns."""
    from rich.table import Table

    console.print(machine_name(results.machine), highlight=False)
    for cases in _side_by_side(results, _PAIR):
        table = Table(min_width=79)
        table.add_column("")
        for case in cases:
            table.add_column(_title(case).replace("; ", "\n"), justify="right", no_wrap=True)
        for row in _rows(cases):
            table.add_row(*row)
        print_table(table, console)
    console.print(EXPLANATION, style="dim", highlight=False)
    for name, reason in results.left_out.items():
        console.print(f"Left out: {name}: {reason}.", highlight=False)


def markdown(results: KernelResults) -> str:
    """The same as a page of Markdown."""
    parts = ["# ecg2lab bench: forms of a kernel", f"- {machine_name(results.machine)}"]
    for cases in _side_by_side(results, 2 * _PAIR):
        parts.append(markdown_table(("", *map(_title, cases)), list(_rows(cases))))
    parts.append(EXPLANATION)
    parts += [f"Left out: {name}: {reason}." for name, reason in results.left_out.items()]
    return "\n\n".join(parts) + "\n"


def _side_by_side(results: KernelResults, count: int) -> Iterator[tuple[Case, ...]]:
    for start in range(0, len(results.cases), count):
        yield results.cases[start : start + count]


def _title(case: Case) -> str:
    return f"N {case.state_size}, {case.poles}; L {case.window}, H {case.channels}"


def _rows(cases: tuple[Case, ...]) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys(name for case in cases for name in case.errors):
        yield name, *(_cell(case.errors.get(name)) for case in cases)


def _cell(error: FormError | None) -> str:
    return "" if error is None else f"{_figure(error.worst)} / {_figure(error.median)}"


def _figure(x: float | None) -> str:
    return "> 1" if x is None or x > 1 else error_figure(x)
