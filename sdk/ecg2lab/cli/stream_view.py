"""What the verb `stream` shows: JSON lines, text lines, or a table that is drawn anew for each answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ecg2lab.answer.prediction import Finding
from ecg2lab.report import grid, terminal, words
from ecg2lab.report.grid import Grid, Row
from ecg2lab.report.screen import console
from ecg2lab.stream import Position, StreamPrediction

_STEPS = "▁▂▃▄▅▆▇█"
_TREND = 10
"""Answers that a trend shows."""
_FRAME_LINES = 9
"""Of the table, beside its rows."""
Trends = dict[str, deque[float | None]]
"""By target: its latest probabilities; None: refused."""
_UNKNOWN = f"?: {words.UNKNOWN_POINT}"


@contextmanager
def view(as_json: bool) -> Iterator[Callable[[StreamPrediction], None]]:
    """What shows a prediction; the last table stays."""
    screen = console()
    if as_json or not screen.is_terminal:
        yield lambda prediction: typer.echo(prediction.to_json() if as_json else _line(prediction))
        return
    with Live(console=screen, auto_refresh=False) as live:
        yield _Drawing(live).show


class _Drawing:
    """A table with the latest answers and the way there."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._trends: Trends = {}

    def show(self, prediction: StreamPrediction) -> None:
        for finding in prediction.findings:
            self._trends.setdefault(finding.target, deque(maxlen=_TREND)).append(finding.probability)
        if prediction.refusal:
            for trend in self._trends.values():
                trend.append(None)
        self._live.update(self._table(prediction), refresh=True)

    def _table(self, prediction: StreamPrediction) -> Table:
        shown = grid.grid(prediction.findings)
        rows = sorted(shown.rows, key=lambda row: not row.flags)
        table = Table(title=prediction.notice.upper(), title_style="bold yellow", box=None, padding=(0, 1, 0, 0))
        table.title_justify = table.caption_justify = "left"
        table.expand = True
        wide = self._live.console.width >= terminal.NARROW
        fitting = self._fitting(rows, 0 if wide else len(shown.moments))
        (_fill_wide if wide else _fill_compact)(table, shown._replace(rows=tuple(fitting)), self._trends)
        table.caption = _status(prediction, len(rows) - len(fitting), wide, several=len(shown.moments) > 1)
        return table

    def _fitting(self, rows: list[Row], columns: int) -> list[Row]:
        """Those that the window is high enough for; beside so many narrow columns a name may need several lines."""
        console = self._live.console
        width, room = max(1, console.width - 6 * columns - 1), console.height - _FRAME_LINES
        fitting: list[Row] = []
        for row in rows:
            room -= len(Text(row.name).wrap(console, width)) if columns else 1
            if room < 0 and fitting:
                break
            fitting.append(row)
        return fitting


def _status(prediction: StreamPrediction, more: int, wide: bool, several: bool) -> Text:
    """How many rows are left out, where the window lies, and what marks and columns say."""
    status = Text(f"… and {more} more: a higher window shows them\n" if more else "", style="dim")
    status.append(f"{_where(prediction.position)}\n", style="dim").append(terminal.marks())
    if wide:
        status.append(f"\nRight: how often such a flag is; {_UNKNOWN}", style="dim")
    elif several:
        status.append(f"\n{grid.MOMENTS_IN_MINUTES}", style="dim")
    if prediction.refusal:
        status.append(f"\nrefused: {prediction.refusal.message}", style="bold yellow")
    return status


def _fill_compact(table: Table, shown: Grid, _: Trends) -> None:
    """Names and probabilities alone, no name cut off."""
    (name, *moments), *rows = terminal.compact(shown)
    table.add_column(name, ratio=1)
    for moment in moments:
        table.add_column(moment, no_wrap=True)
    for row in rows:
        table.add_row(*row)


def _fill_wide(table: Table, shown: Grid, trends: Trends) -> None:
    table.add_column(shown.noun.capitalize(), no_wrap=True, overflow="ellipsis", ratio=1)
    for moment in shown.moments:
        table.add_column(moment.replace("within ", "within\n") or "Now", no_wrap=True)
    table.add_column("Trend", no_wrap=True, width=_TREND)
    table.add_column("Right", no_wrap=True, justify="right")
    for row in shown.rows:
        table.add_row(*_cells(row, trends))


def _cells(row: Row, trends: Trends) -> list[Text]:
    """Probabilities with their marks, the way to the first of them, and how often the first flag is right."""
    first = row.findings[0]
    return [
        Text(row.name, style=words.LOOKS[row.verdict].style),
        *(terminal.cell(finding) if finding else Text() for finding in row.cells),
        Text(_trend(trends[first.target])),
        Text(_right(row.flags[0]) if row.flags else ""),
    ]


def _where(position: Position) -> str:
    """The window that an answer is of."""
    since = "" if position.since_s == position.begin_s else f" (since {position.since_s:.2f} s)"
    return f"{position.begin_s:.2f} to {position.end_s:.2f} s{since}, {position.behind_s:.2f} s behind"


def _line(prediction: StreamPrediction) -> str:
    """An answer for a log, of which a line may be cut out: so the notice goes first."""
    span = f"{prediction.notice.upper()}: {_where(prediction.position)}"
    if prediction.refusal:
        return f"{span}: refused: {prediction.refusal.message}"
    flagged = ", ".join(_flagged(row) for row in grid.ranked(prediction.findings).rows if row.flags)
    unknown = f" [{_UNKNOWN}]" if "right in ?" in flagged else ""
    return f"{span}: flagged: {flagged or 'nothing'}{unknown}"


def _flagged(row: Row) -> str:
    """A value and its flags: `Potassium > 5.1 mEq/L (now 45%, right in 38%; …)`."""
    flags = (
        f"{words.when(f)} {words.percent(f.probability, f.decision_threshold)}, right in {_right(f)}".lstrip()
        for f in row.flags
    )
    return f"{row.name} ({'; '.join(flags)})"


def _right(flag: Finding) -> str:
    """How often it is right."""
    ppv = flag.operating_point and flag.operating_point.ppv
    return words.percent(ppv.value) if ppv else "?"


def _trend(probabilities: deque[float | None]) -> str:
    return "".join("·" if p is None else _STEPS[min(int(p * len(_STEPS)), len(_STEPS) - 1)] for p in probabilities)
