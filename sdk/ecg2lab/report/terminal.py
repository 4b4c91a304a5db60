"""A prediction as a table for the terminal; fits 80 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecg2lab.answer.prediction import Finding, Prediction
from ecg2lab.report import words
from ecg2lab.report.tables import print_table

_BAR_CELLS = 6


def show(prediction: Prediction, title: str, console: Console) -> None:
    """Print the notice, findings by category, and what was made of the inputs.

    The console may be of any width: an answer never stands apart from its name.
    """
    console.print(Text(prediction.notice.upper(), style="bold yellow"))
    print_table(_findings(prediction, title), console)
    console.print(_notes(prediction))


def _findings(prediction: Prediction, title: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("Abnormality")
    table.add_column("When", no_wrap=True)
    table.add_column("Probability", no_wrap=True)
    table.add_column("Cut-off", justify="right", no_wrap=True)
    table.add_column("Answer", no_wrap=True)
    for category, findings in prediction.by_category().items():
        table.add_row(Text(category.capitalize(), style="bold"))
        for finding in findings:
            table.add_row(*_row(finding))
    return table


def _row(finding: Finding) -> tuple[Text, ...]:
    answer = words.verdict(finding)
    style = words.STYLES[answer]
    filled = round(finding.probability * _BAR_CELLS)
    bar = Text("█" * filled, style=style) + Text("░" * (_BAR_CELLS - filled), style="dim")
    cut_off = finding.decision_threshold
    threshold = "" if cut_off is None else words.percent(cut_off, finding.probability)
    return (
        Text("  " + words.abnormality(finding)),
        Text(words.when(finding), style="dim"),
        bar + Text(f" {words.percent(finding.probability, cut_off):>5}"),
        Text(threshold, style="dim"),
        Text(answer, style=style),
    )


def _notes(prediction: Prediction) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("", "")
    rows = [*words.inputs(prediction), ("Model", words.provenance(prediction.engine))]
    for explanation in prediction.explanations:
        about = words.explained(prediction, explanation)
        rows += [("", ""), ("Explained", about), *words.explanation_rows(explanation), ("", words.EXPLAINED_HOW)]
    for label, sentence in rows:
        table.add_row(label, Text(sentence))
    return table
