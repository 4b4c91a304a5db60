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

from ecg2lab.report import words
from ecg2lab.stream import Position, StreamPrediction

_STEPS = "▁▂▃▄▅▆▇█"
_TREND = 10
"""Answers that a trend shows."""
_WIDTHS = {"When": 14, "Now": 5, "Trend": _TREND, "Answer": 12}
_LEAST_WIDTH = 70
"""Of a terminal that a table is drawn on: so that no figure is torn apart."""
_FRAME_LINES = 6
"""Of the table, beside its findings."""


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
        if prediction.refusal:
            status.append(f"\nrefused: {prediction.refusal.message}", style="bold yellow")
        title = Text(prediction.notice.upper(), style="bold yellow")
        table = Table(title=title, caption=status, box=None, expand=True, padding=(0, 1, 0, 0))
        table.title_justify = table.caption_justify = "left"
        table.add_column("Abnormality", no_wrap=True, overflow="ellipsis", ratio=1)
        for name, width in _WIDTHS.items():
            table.add_column(name, no_wrap=True, width=width, justify="right" if name == "Now" else "left")
        findings = sorted(prediction.findings, key=lambda f: not f.detected)
        room = max(1, self._live.console.height - _FRAME_LINES)
        for finding in findings[:room]:
            answer = words.verdict(finding)
            table.add_row(
                words.abnormality(finding),
                Text(words.when(finding), style="dim"),
                words.percent(finding.probability, finding.decision_threshold),
                _trend(self._trends[finding.target]),
                Text(answer, style=words.STYLES[answer]),
            )
        if len(findings) > room:
            table.add_row(Text(f"… and {len(findings) - room} more: a higher window shows them", style="dim"))
        return table


def _where(position: Position) -> str:
    """The window that an answer is of."""
    since = "" if position.since_s == position.begin_s else f" (since {position.since_s:.2f} s)"
    return f"{position.begin_s:.2f} to {position.end_s:.2f} s{since}, {position.behind_s:.2f} s behind"


def _line(prediction: StreamPrediction) -> str:
    span = _where(prediction.position)
    if prediction.refusal:
        return f"{span}: refused: {prediction.refusal.message}"
    detected = [
        f"{words.abnormality(f)} {words.percent(f.probability, f.decision_threshold)}"
        for f in prediction.findings
        if f.detected
    ]
    return f"{span}: detected: {', '.join(detected) or 'nothing'}"


def _trend(probabilities: deque[float | None]) -> str:
    return "".join("·" if p is None else _STEPS[min(int(p * len(_STEPS)), len(_STEPS) - 1)] for p in probabilities)
