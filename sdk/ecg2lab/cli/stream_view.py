"""What the verb `stream` shows: JSON lines, text lines, or a table that is drawn anew for each answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ecg2lab.answer.prediction import Finding
from ecg2lab.report import grid, words
from ecg2lab.report.grid import Row
from ecg2lab.stream import Position, StreamPrediction

_STEPS = "▁▂▃▄▅▆▇█"
_TREND = 10
"""Answers that a trend shows."""
_LEAST_WIDTH = 70
"""Of a terminal that a table is drawn on: so that no figure is torn apart."""
_FRAME_LINES = 9
"""Of the table, beside its rows."""
_UNKNOWN = f"?: {words.UNKNOWN_POINT}"


@contextmanager
def view(as_json: bool) -> Iterator[Callable[[StreamPrediction], None]]:
    """What shows a prediction; the last table stays."""
    console = Console(highlight=False)
    if as_json or not console.is_terminal or console.width < _LEAST_WIDTH:
        yield lambda prediction: typer.echo(prediction.to_json() if as_json else _line(prediction))
        return
    with Live(console=console, auto_refresh=False) as live:
        yield _Drawing(live).show


class _Drawing:
    """A table with the latest answers and the way there."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._trends: dict[str, deque[float | None]] = {}

    def show(self, prediction: StreamPrediction) -> None:
        for finding in prediction.findings:
            self._trends.setdefault(finding.target, deque(maxlen=_TREND)).append(finding.probability)
        if prediction.refusal:
            for trend in self._trends.values():
                trend.append(None)
        self._live.update(self._table(prediction), refresh=True)

    def _table(self, prediction: StreamPrediction) -> Table:
        status = Text(_where(prediction.position), style="dim")
        status.append("\n")
        for verdict, look in words.LOOKS.items():
            status.append(f"{look.mark} {verdict}  ", style=look.style)
        status.append(f"\nRight: how often such a flag is; {_UNKNOWN}", style="dim")
        if prediction.refusal:
            status.append(f"\nrefused: {prediction.refusal.message}", style="bold yellow")
        title = Text(prediction.notice.upper(), style="bold yellow")
        table = Table(title=title, caption=status, box=None, expand=True, padding=(0, 1, 0, 0))
        table.title_justify = table.caption_justify = "left"
        shown = grid.grid(prediction.findings)
        table.add_column(shown.noun.capitalize(), no_wrap=True, overflow="ellipsis", ratio=1)
        for moment in shown.moments:
            table.add_column(moment.replace("within ", "within\n") or "Now", no_wrap=True)
        table.add_column("Trend", no_wrap=True, width=_TREND)
        table.add_column("Right", no_wrap=True, justify="right")
        rows = sorted(shown.rows, key=lambda row: not row.flags)
        room = max(1, self._live.console.height - _FRAME_LINES)
        for row in rows[:room]:
            table.add_row(*self._cells(row))
        if len(rows) > room:
            table.add_row(Text(f"… and {len(rows) - room} more: a higher window shows them", style="dim"))
        return table

    def _cells(self, row: Row) -> list[Text]:
        """Probabilities with their marks, the way to the first of them, and how often the first flag is right."""
        first = row.findings[0]
        return [
            Text(row.name, style=words.LOOKS[row.verdict].style),
            *(_cell(finding) if finding else Text() for finding in row.cells),
            Text(_trend(self._trends[first.target])),
            Text(_right(row.flags[0]) if row.flags else ""),
        ]


def _where(position: Position) -> str:
    """The window that an answer is of."""
    since = "" if position.since_s == position.begin_s else f" (since {position.since_s:.2f} s)"
    return f"{position.begin_s:.2f} to {position.end_s:.2f} s{since}, {position.behind_s:.2f} s behind"


def _line(prediction: StreamPrediction) -> str:
    span = _where(prediction.position)
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


def _cell(finding: Finding) -> Text:
    look = words.look(finding)
    return Text(f"{look.mark} {words.percent(finding.probability):>3}", style=look.style)


def _trend(probabilities: deque[float | None]) -> str:
    return "".join("·" if p is None else _STEPS[min(int(p * len(_STEPS)), len(_STEPS) - 1)] for p in probabilities)
