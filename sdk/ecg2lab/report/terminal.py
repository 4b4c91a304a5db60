"""A prediction as a table for the terminal; fits 80 columns."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecg2lab.answer.prediction import Finding, Prediction
from ecg2lab.report import grid, words
from ecg2lab.report.grid import Grid, Row

NARROW = 70
"""Columns below which a table is compact."""


def show(prediction: Prediction, title: str, console: Console) -> None:
    """Print the notice, a summary, the findings, and notes on the inputs.

    The console may have any width: an answer is never separated from its name.
    """
    console.print(Text(prediction.notice.upper(), style="bold yellow"))
    console.print(Text(words.clean(title), style="italic"))
    console.print(Text(grid.summary(prediction), style="bold"))
    if rules := words.rules(prediction.findings):
        console.print(Text(rules))
    console.print()
    _print_findings(grid.ranked(prediction.findings), console)
    console.print(_notes(prediction))


def _print_findings(table: Grid, console: Console) -> None:
    """A table, in a narrow terminal a compact one; where a word or a figure of that would be torn apart, a list."""
    narrow = console.width < NARROW
    is_compact = False
    for is_compact in (narrow, True):
        header, *rows = compact(table) if is_compact else _full(table)
        widths = [max(map(_width, column)) for column in zip(header, *rows, strict=True)]
        widths[0] = min(widths[0], console.width - sum(widths[1:]) - len(widths))
        if widths[0] >= max(cell_len(word) for row in rows for word in row[0].plain.split()):
            break
    else:
        for row in table.rows:
            _print_list(row, console)
        return
    _print_line(header, widths, console)
    for row, cells in zip(table.rows, rows, strict=True):
        _print_line(cells, widths, console)
        for moments, sentence in row.worth:
            console.print(Padding(Text(f"{moments}: {sentence}".lstrip(": ")), (0, 0, 0, 4)))
    if is_compact:
        console.print(marks())
        if len(table.moments) > 1:
            console.print(Text(grid.MOMENTS_IN_MINUTES, style="dim"))


def marks() -> Text:
    """A legend of the marks."""
    return Text("  ").join(Text(f"{look.mark} {verdict}", style=look.style) for verdict, look in words.LOOKS.items())


def compact(table: Grid) -> list[list[Text]]:
    """Header and rows for a narrow terminal: names and probabilities with their marks."""
    header = [table.noun.capitalize(), *(moment.replace("within ", "").replace(" ", "\n") for moment in table.moments)]
    rows = ([_name(row), *(cell(finding) if finding else Text() for finding in row.cells)] for row in table.rows)
    return [[Text(text, style="dim") for text in header], *rows]


def _full(table: Grid) -> list[list[Text]]:
    """Header and rows of 80 columns."""
    rated = any(row.ratio is not None for row in table.rows)
    return [_header(table, rated), *(_cells(row, rated) for row in table.rows)]


def _header(table: Grid, rated: bool) -> list[Text]:
    moments = [moment.replace("within ", "within\n") or "Probability" for moment in table.moments]
    columns = [table.noun.capitalize(), *moments, *["× base\nrate"] * rated, "Answer"]
    return [Text(text, style="dim") for text in columns]


def _cells(row: Row, rated: bool) -> list[Text]:
    look = words.LOOKS[row.verdict]
    ratio = "" if row.ratio is None else f"{words.times(row.ratio):>6}"
    return [
        _name(row),
        *(cell(finding) if finding else Text() for finding in row.cells),
        *[Text(ratio)] * rated,
        Text(f"{look.mark} {row.verdict}", style=look.style),
    ]


def _name(row: Row) -> Text:
    return Text(row.name, style=words.LOOKS[row.verdict].style)


def cell(finding: Finding) -> Text:
    """The mark of a finding's verdict, and its probability."""
    look = words.look(finding)
    return Text(f"{look.mark} {words.percent(finding.probability):>3}", style=look.style)


def _width(text: Text) -> int:
    return max(map(cell_len, text.plain.splitlines()), default=0)


def _print_line(cells: list[Text], widths: list[int], console: Console) -> None:
    line = Table.grid(padding=(0, 1, 0, 0))
    for width in widths:
        line.add_column(width=width, overflow="fold", vertical="bottom" if cells[0].style == "dim" else "top")
    line.add_row(*cells)
    console.print(line)


def _print_list(row: Row, console: Console) -> None:
    console.print(Text(row.name, style="bold"))
    for finding in row.findings:
        look = words.look(finding)
        said = f"{words.when(finding)} {words.percent(finding.probability)}, {finding.verdict}".lstrip()
        beside = words.worth(finding) if finding.verdict == "flagged" else words.beside_base_rate(finding)
        text = Text(f"{look.mark} {said}", style=look.style) + Text(f"; {beside}" if beside else "", style="default")
        console.print(Padding(text, (0, 0, 0, 2)))


def _notes(prediction: Prediction) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("", "")
    rows = [*grid.notes(prediction), ("Model", words.provenance(prediction.engine))]
    for explanation in prediction.explanations:
        about = words.explained(prediction, explanation)
        rows += [("", ""), ("Explained", about), *words.explanation_rows(explanation), ("", words.EXPLAINED_HOW)]
    for label, sentence in rows:
        table.add_row(label, Text(sentence))
    return table
