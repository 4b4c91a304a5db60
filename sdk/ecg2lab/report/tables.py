"""Tables on terminals of any width."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text


def plain_table(title: str, *columns: str) -> Table:
    """A table without lines, with its title on the left."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table; if a word or number would be split, print row by row with a line for each cell."""
    _, right, _, left = table.padding
    borders = len(table.columns) + 1 if table.box else 0
    least = sum(_least_width(column) + left + right for column in table.columns) + borders
    if least <= console.width:
        console.print(table)
    else:
        _print_rows(table, console)


def _least_width(column: Column) -> int:
    """The longest word, or the longest line where none may be broken."""
    texts = [_text(cell).plain for cell in (column.header, *column.cells)]
    parts = [part for text in texts for part in (text.splitlines() if column.no_wrap else text.split())]
    return max(map(cell_len, parts), default=0)


def _print_rows(table: Table, console: Console) -> None:
    """The first cell of a row, and the others beneath it with their headers."""
    if table.title:
        console.print(Text(str(table.title), style="bold"))
    for first, *others in zip(*(column.cells for column in table.columns), strict=True):
        console.print(_text(first))
        for column, cell in zip(table.columns[1:], others, strict=True):
            if _text(cell):
                header = " ".join(_text(column.header).plain.split())
                console.print(Padding(Text(f"{header} ".lstrip(), style="dim") + _text(cell), (0, 0, 0, 2)))
    if table.caption:
        console.print(table.caption)


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))
