"""Results as tables: for the terminal, within 80 columns, and in Markdown. Both say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ecg2lab.report.tables import print_table
from ecg2lab_bench.results import Machine, Measurement, Model, Results

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("", "batch", "p50 ms", "p90 ms", "p99 ms", "calls", "× floor")
EXPLANATION = (
    "Floor: the dense products of the S4 layers alone, weights packed, same threads, same run. End to end: a 10-s "
    "12-lead 500-Hz recording to its prediction, all its windows as one batch. × floor: p50 over the p50 of the "
    "fastest floor of that batch."
)


def show(results: Results, console: Console) -> None:
    """Print to a terminal."""
    from rich.table import Table

    for line in run_lines(results):
        console.print(line, highlight=False)
    for model in (*results.models, None):
        console.print(f"\n[bold]{heading(model)}[/]", highlight=False)
        if model:
            console.print(description(model), highlight=False)
        table = Table(min_width=79)
        for name in COLUMNS:
            table.add_column(name, justify="right" if name else "left", no_wrap=True)
        for measurement in results.of(model.key if model else None):
            table.add_row(*row(measurement), style="dim" if measurement.subject == "floor" else None)
        print_table(table, console)
    console.print(EXPLANATION, style="dim", highlight=False)
    for line in remarks(results):
        console.print(line, highlight=False)


def markdown(results: Results) -> str:
    """The same as a page of Markdown."""
    parts = [
        "# ecg2lab bench",
        "\n".join(f"- {line}" for line in run_lines(results)),
    ]
    for model in (*results.models, None):
        rows = [row(m) for m in results.of(model.key if model else None)]
        parts += [f"## {heading(model)}", *([description(model)] if model else []), markdown_table(COLUMNS, rows)]
    parts += [EXPLANATION, *remarks(results)]
    return "\n\n".join(parts) + "\n"


def markdown_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """First column to the left, figures to the right."""
    lines = [columns, (":--", *["--:"] * (len(columns) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def heading(model: Model | None) -> str:
    """Of a model's table; where the weights come from is part of it."""
    return f"{model.key}: {model.weights}" if model else "all models"


def description(model: Model) -> str:
    """What the network is, and what runs it."""
    direction = "causal" if model.causal else "bidirectional"
    return (
        f"{model.layers} {direction} layers, H {model.hidden}, N {model.state_size}, L {model.window}, "
        f"{model.targets} targets; {model.form}, {model.precision}, {model.bundle_mb:.1f} MB; {model.backend}"
    )


def row(measurement: Measurement) -> tuple[str, ...]:
    """One line of a table."""
    t = measurement.timing
    times = (milliseconds(x) for x in (t.p50_ms, t.p90_ms, t.p99_ms))
    ratio = "" if measurement.ratio is None else f"{measurement.ratio:.2f}"
    label = f"{measurement.subject}, {measurement.implementation}"
    return label, str(measurement.batch), *times, str(t.calls), ratio


def milliseconds(x: float) -> str:
    """Three or four digits."""
    return f"{x:.3f}" if x < 1 else f"{x:.2f}" if x < 100 else f"{x:.1f}"


def error_figure(x: float) -> str:
    """Two digits, the exponent without a leading zero."""
    return f"{x:.1e}".replace("e-0", "e-")


def run_lines(results: Results) -> tuple[str, ...]:
    """What the figures of a run were measured on."""
    return machine_lines(results.machine, results.threads, results.rounds)


def machine_lines(m: Machine, threads: int, rounds: int | None = None) -> tuple[str, ...]:
    """A machine, its software, and how it was used."""
    load = "unknown" if m.load_average is None else f"{m.load_average[0]:.2f}"
    turns = "" if rounds is None else f"rounds: {rounds}; "
    return (
        f"{m.cpu}, {m.architecture}, {m.usable_cpus} of {m.cpus} CPUs usable; {m.os}",
        f"SIMD: {' '.join(m.simd) or 'unknown'}",
        f"{', '.join(f'{name} {version}' for name, version in m.versions.items())}",
        f"threads: {threads}; {turns}load average at start: {load}",
    )


def remarks(results: Results) -> Iterator[str]:
    """What was left out, and warnings."""
    for name, reason in results.left_out.items():
        yield f"Left out: {name}: {reason}."
    for warning in results.warnings:
        yield f"Warning: {warning}."


def machine_name(machine: Machine) -> str:
    """Enough to tell two machines apart."""
    return f"{machine.cpu}, {machine.architecture}, {machine.usable_cpus} CPUs"
