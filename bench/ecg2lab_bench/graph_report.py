"""Forms of one network as a table: a line for each form and runtime, batches side by side, within 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from ecg2lab.report.tables import print_table
from ecg2lab_bench.report import description, error_figure, heading, markdown_table, milliseconds, remarks, run_lines
from ecg2lab_bench.results import Measurement, Results

if TYPE_CHECKING:
    from rich.console import Console

Group = tuple[str, list[tuple[str, ...]]]
"""A runtime, and the lines of its forms."""
FLOOR = "floor"
EXPLANATION = (
    "Times: p50 of single calls. × floor: over the fastest floor of that batch, in float32; floor: the dense products "
    "of the S4 layers alone, weights packed, same threads, same run. error: largest of the logits against float64. "
    "depthwise: the kernel as a convolution of each channel, what is exported today; in a graph all else is ours. "
    "PyTorch runs eagerly, kernels computed once. no convolution: what all graphs share, and no network."
)


def show(results: Results, console: Console) -> None:
    """Print to a terminal."""
    from rich.table import Table

    for line in run_lines(results):
        console.print(line, highlight=False)
    for model in results.models:
        console.print(f"\n[bold]{heading(model)}[/]", highlight=False)
        console.print(description(model), highlight=False)
    table = Table(min_width=79)
    for name in columns(results):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, rows in groups(results):
        table.add_row(name, style="bold")
        for row in rows:
            table.add_row(f" {row[0]}", *row[1:], style="dim" if name == FLOOR else None)
        table.add_section()
    print_table(table, console)
    console.print(EXPLANATION, style="dim", highlight=False)
    for line in (*_own_floors(results), *remarks(results)):
        console.print(line, highlight=False)


def markdown(results: Results) -> str:
    """The same as a page of Markdown."""
    parts = [
        "# ecg2lab bench: forms of a network",
        "\n".join(f"- {line}" for line in run_lines(results)),
    ]
    parts += [f"{heading(model)}. {description(model)}" for model in results.models]
    rows = [(f"{row[0]}, {name}", *row[1:]) for name, lines in groups(results) for row in lines]
    titles = tuple(title.replace("\n", " ") for title in columns(results))
    parts += [markdown_table(titles, rows), EXPLANATION, *_own_floors(results), *remarks(results)]
    return "\n\n".join(parts) + "\n"


def columns(results: Results) -> tuple[str, ...]:
    """Titles, a pair for each batch."""
    pairs = ((f"batch {batch}\nms", f"batch {batch}\n× floor") for batch in batches(results))
    return ("", *(title for pair in pairs for title in pair), "MB", "error")


def batches(results: Results) -> list[int]:
    """That were timed, ascending."""
    return sorted({m.batch for m in results.measurements})


def groups(results: Results) -> Iterator[Group]:
    """The floors, then each runtime with its forms."""
    measured = results.measurements
    floors = [m for m in measured if m.subject != "form"]
    yield FLOOR, list(_rows(floors, lambda m: m.implementation))
    forms = sorted((m for m in measured if m.subject == "form"), key=_runtime)
    for runtime, found in groupby(forms, _runtime):
        yield runtime, list(_rows(list(found), form_of))


def form_of(measurement: Measurement) -> str:
    """Without its runtime."""
    return measurement.implementation.rsplit(", ", 1)[0]


def _runtime(measurement: Measurement) -> str:
    return measurement.implementation.rsplit(", ", 1)[-1]


def _rows(measurements: list[Measurement], label: Callable[[Measurement], str]) -> Iterator[tuple[str, ...]]:
    """One line for each label; a measurement of every batch in it."""
    for name in dict.fromkeys(map(label, measurements)):
        found = sorted((m for m in measurements if label(m) == name), key=lambda m: m.batch)
        figures = (f for m in found for f in (milliseconds(m.timing.p50_ms), f"{m.ratio:.2f}" if m.ratio else ""))
        size, errors = found[0].graph_mb, [m.error for m in found if m.error is not None]
        yield name, *figures, f"{size:.1f}" if size else "", error_figure(max(errors)) if errors else ""


def _own_floors(results: Results) -> Iterator[str]:
    """What a form of reduced precision takes of the floor of that precision."""
    for batch in batches(results):
        measured = [m for m in results.measurements if m.batch == batch]
        floors = [m for m in measured if m.subject == "reduced floor"]
        if not floors:
            continue
        fastest = min(floors, key=lambda m: m.timing.p50_ms)
        precision = fastest.implementation.split(", ")[0]
        for form in (m for m in measured if form_of(m).endswith(f" {precision}")):
            ratio = form.timing.p50_ms / fastest.timing.p50_ms
            yield f"{form.implementation}, batch {batch}: {ratio:.2f} × the {precision} floor."
