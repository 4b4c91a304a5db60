"""Errors of kernels, and their tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ecg2lab_bench.measuring.results import Record, Struct
from ecg2lab_bench.report.page import Note, Page, Table, error_figure, left_out_lines, machine_name, table

SIDE_BY_SIDE = 2
"""Cases of a table, so that it fits a terminal."""
EXPLANATION = Note(
    "Error of the kernel against the published algorithm in float64, relative to the channel's largest tap: "
    "worst / median over channels; *: shipped. Random C; dt log-uniform in [0.001, 0.1]; both directions, in a step "
    "graph the causal one. > 1: of no use."
)


class FormError(Struct, frozen=True, kw_only=True):
    """Over channels, relative to the largest tap of each; None: without bound."""

    worst: float | None
    median: float | None


class Case(Struct, frozen=True, kw_only=True):
    """One random layer."""

    poles: str
    state_size: int
    window: int
    channels: int
    errors: dict[str, FormError]
    """By form."""


class KernelResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["kernel-forms"] = "kernel-forms"
    cases: tuple[Case, ...]
    left_out: dict[str, str]
    """Forms that could not be measured, and why."""


def page(results: KernelResults) -> Page:
    """A table for each pair of cases."""
    cases = results.cases
    tables = (_table(cases[start : start + SIDE_BY_SIDE]) for start in range(0, len(cases), SIDE_BY_SIDE))
    lines = left_out_lines(results.left_out)
    return Page("ecg2lab bench: forms of a kernel", (machine_name(results.machine),), (*tables, EXPLANATION, *lines))


def _table(cases: tuple[Case, ...]) -> Table:
    titles = (f"N {case.state_size}, {case.poles};\nL {case.window}, H {case.channels}" for case in cases)
    return table(("", *titles), _rows(cases))


def _rows(cases: tuple[Case, ...]) -> Iterator[tuple[str, ...]]:
    for name in dict.fromkeys(name for case in cases for name in case.errors):
        yield name, *(_cell(case.errors.get(name)) for case in cases)


def _cell(error: FormError | None) -> str:
    return "" if error is None else f"{_figure(error.worst)} / {_figure(error.median)}"


def _figure(x: float | None) -> str:
    return "> 1" if x is None or x > 1 else error_figure(x)
