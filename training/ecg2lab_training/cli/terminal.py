"""What the commands of the training river share: a progress bar, a summary, the option `--json`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ecg2lab.system.names import shown
from ecg2lab_training.progress import silent

if TYPE_CHECKING:
    from ecg2lab_training.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Print a summary for programs on stdout.")]


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Progress on stderr, so that stdout stays for results: a bar on a terminal, a line for each epoch in a log."""
    from ecg2lab.report.screen import console

    if int(os.environ.get("LOCAL_RANK", 0)) > 0:  # Lightning starts the command again for each further device
        yield silent
        return
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _log(title)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with RichProgress(*columns, TimeRemainingColumn(), console=screen) as shown:
        task = shown.add_task("", total=None)

        def progress(done: int, total: int, remark: str) -> None:
            shown.update(task, completed=done, total=total, description=remark)

        yield progress


def _log(title: str) -> Progress:
    said = {""}

    def progress(done: int, total: int, remark: str) -> None:
        if ":" in remark and remark not in said:  # a measurement, which comes once an epoch
            said.add(remark)
            typer.echo(shown(f"{title}: {done} of {total} {remark}"), err=True)

    return progress


def report(summary: dict[str, object], sentence: str, as_json: bool) -> None:
    """Print a summary for programs, or a sentence for people."""
    typer.echo(json.dumps(summary, ensure_ascii=False) if as_json else sentence)
