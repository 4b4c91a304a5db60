"""What a run found as a page: for the terminal, within 80 columns, and in Markdown. Both say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ecg2lab.report.tables import print_table
from ecg2lab_bench.measuring.results import Machine, Model

if TYPE_CHECKING:
    from rich.console import Console


class Row(NamedTuple):
    """One line of a table."""

    cells: tuple[str, ...]
    dim: bool = False
    """On a terminal."""
    group: str = ""
    """Rows of a group stand together: under its name on a terminal, with it after their label in Markdown."""


@dataclass(frozen=True)
class Table:
    """First column to the left, figures to the right."""

    columns: tuple[str, ...]
    """Titles; a terminal breaks them where they say so."""
    rows: Sequence[Row]


class Heading(str):
    """Of what follows."""

    __slots__ = ()


class Note(str):
    """What columns mean; dim on a terminal."""

    __slots__ = ()


@dataclass(frozen=True)
class Page:
    """What is shown of a run."""

    title: str
    setting: tuple[str, ...]
    """On what it was measured, and how."""
    parts: tuple[str | Table, ...]


def show(page: Page, console: Console) -> None:
    """Print to a terminal."""
    for line in page.setting:
        console.print(line, highlight=False)
    for part in page.parts:
        if isinstance(part, Table):
            _print(part, console)
        elif isinstance(part, Heading):
            console.print(f"\n{part}", style="bold", highlight=False)
        else:
            console.print(part, style="dim" if isinstance(part, Note) else None, highlight=False)


def _print(table: Table, console: Console) -> None:
    from rich import table as rich

    drawn = rich.Table(min_width=79)
    for index, title in enumerate(table.columns):
        drawn.add_column(title, justify="right" if index else "left", no_wrap=index > 0)
    group = ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            drawn.add_section()
            drawn.add_row(group, style="bold")
        label = f" {row.cells[0]}" if group else row.cells[0]
        drawn.add_row(label, *row.cells[1:], style="dim" if row.dim else None)
    print_table(drawn, console)


def markdown(page: Page) -> str:
    """The same as a page of Markdown."""
    parts = [f"# {page.title}", "\n".join(f"- {line}" for line in page.setting)]
    for part in page.parts:
        if isinstance(part, Table):
            parts.append(markdown_table(part))
        else:
            parts.append(f"## {part}" if isinstance(part, Heading) else part)
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """As it stands on a page of Markdown."""
    titles = tuple(title.replace("\n", " ") for title in table.columns)
    rows = ((f"{row.cells[0]}, {row.group}" if row.group else row.cells[0], *row.cells[1:]) for row in table.rows)
    lines = [titles, (":--", *["--:"] * (len(titles) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """Of plain rows."""
    return Table(columns, [Row(cells) for cells in rows])


def model_lines(model: Model) -> tuple[Heading, str]:
    """Name and origin of the weights, which are said beside every figure; what the network is, and what runs it."""
    direction = "causal" if model.causal else "bidirectional"
    return Heading(f"{model.key}: {model.weights}"), (
        f"{model.layers} {direction} layers, H {model.hidden}, N {model.state_size}, L {model.window}, "
        f"{model.targets} targets; {model.form}, {model.precision}, {model.bundle_mb:.1f} MB; {model.backend}"
    )


def machine_lines(m: Machine, threads: int | None = None, rounds: int | None = None) -> tuple[str, ...]:
    """A machine, its software, and how it was used."""
    load = "unknown" if m.load_average is None else f"{m.load_average[0]:.2f}"
    used = {"threads": threads, "rounds": rounds, "load average at start": load}
    return (
        f"{m.cpu}, {m.architecture}, {m.usable_cpus} of {m.cpus} CPUs usable; {m.os}",
        f"SIMD: {' '.join(m.simd) or 'unknown'}",
        f"{', '.join(f'{name} {version}' for name, version in m.versions.items())}",
        "; ".join(f"{name}: {value}" for name, value in used.items() if value is not None),
    )


def machine_name(machine: Machine) -> str:
    """Enough to tell two machines apart."""
    return f"{machine.cpu}, {machine.architecture}, {machine.usable_cpus} CPUs"


def left_out_lines(left_out: dict[str, str]) -> Iterator[str]:
    """What could not be had, and why."""
    for name, reason in left_out.items():
        yield f"Left out: {name}: {reason}."


def milliseconds(x: float) -> str:
    """Three or four digits."""
    return f"{x:.3f}" if x < 1 else f"{x:.2f}" if x < 100 else f"{x:.1f}"


def error_figure(x: float) -> str:
    """Two digits, the exponent without a leading zero."""
    return f"{x:.1e}".replace("e-0", "e-")


def ratio_figure(x: float | None) -> str:
    """Two decimals; None: nothing."""
    return "" if x is None else f"{x:.2f}"
