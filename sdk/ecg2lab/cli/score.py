"""`ecg2lab score`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ecg2lab.cli.complaints import INTERNAL
from ecg2lab.cli.options import Computing, Model
from ecg2lab.patient import OutOfRange
from ecg2lab.system.names import shown

if TYPE_CHECKING:
    from ecg2lab.archive.run import Summary, Tell


def run(
    bundle: Model,
    archive: Annotated[
        Path,
        typer.Argument(metavar="ARCHIVE", help="A folder, or a table (.csv, .parquet) with a column `path` and facts."),
    ],
    computing: Computing,
    out: Annotated[Path, typer.Option(help="The table to write, X.parquet. It must not be there yet.")],
    facts: Annotated[
        Path | None,
        typer.Option(
            help="Table (.csv, .parquet) of facts: a column `path` or `id` (the file's name without suffix), and "
            "columns by the names of predict's options, such as `age`, `heart_rate_bpm`."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes. Default: one for each core that is usable.")
    ] = None,
    read_s: Annotated[
        float, typer.Option(min=0.01, help="Seconds after which a recording that is still being read is refused.")
    ] = 30.0,
    out_of_range: Annotated[
        OutOfRange,
        typer.Option(
            help="What to do with a number that cannot be a measurement: refuse the record, or count it as not given."
        ),
    ] = "refuse",
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Score on this Ray cluster, all of whose machines have the archive at its path; `local` starts one.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary in JSON.")] = False,
) -> None:
    """Score an archive: a table with a row for each recording.

    Each file below ARCHIVE is a recording, but for those that a WFDB header names. What `ecg2lab predict` would refuse
    is a row, too, with the reason; the exit code is 0 once the table is whole, and 3 if a row has an internal error.
    Interrupted or killed, the same command goes on where it was. The table does not depend on the number of workers.

    For example:

    - `ecg2lab score model.ecg2lab archive/ --out scores.parquet`

    - `ecg2lab score model.ecg2lab archive/ --facts patients.csv --out scores.parquet --workers 8`

    - `ecg2lab score model.ecg2lab list.csv --out scores.parquet --ray local`
    """
    from ecg2lab.system.extras import require

    require("archive", "polars")
    if ray is not None:
        require("ray", "ray")
    from ecg2lab.archive import run as running
    from ecg2lab.archive.scoring import Settings, Task
    from ecg2lab.loading import usable_cpus

    def employ(task: Task) -> running.Workers:
        if ray is None:
            from ecg2lab.archive.local import Local

            return Local(task, workers or usable_cpus())
        from ecg2lab.archive.on_ray import OnRay

        return OnRay(task, ray, workers)

    threads = 1 if computing.threads is None else computing.threads
    settings = Settings(vars(computing) | {"threads": threads}, out_of_range, read_s)
    with _progress() as tell:
        summary = running.score(bundle, running.Archive(archive, facts), out, employ, settings, tell)
    if as_json:
        typer.echo(msgspec.json.encode(summary))
    else:
        _show(summary)
    if summary.states.get("failed"):
        raise typer.Exit(INTERNAL)


@contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on stderr, where it is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ecg2lab.report.screen import console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    seen = sys.stderr.isatty()
    with Progress(*columns, console=console(stderr=True), transient=True, disable=not seen) as progress:
        bar = progress.add_task("listing", total=None)

        def tell(what: str, done: int, total: int | None) -> None:
            if progress.tasks[0].description != what:  # the rate is that of this run, not of what was there
                progress.reset(bar, description=what, total=total, completed=done)
            progress.update(bar, completed=done)

        yield tell


def _show(summary: Summary) -> None:
    typer.echo(summary.notice)
    counts = ", ".join(f"{count:,} {state}" for state, count in summary.states.items())
    resumed = f" ({summary.resumed:,} of them from before)" if summary.resumed else ""
    typer.echo(f"{summary.rows:,} rows{resumed}: {counts}")
    for kind, count in summary.errors.items():
        typer.echo(f"  {kind}: {count:,}")
    if summary.columns_left_aside:
        typer.echo(f"columns that are no facts: {', '.join(map(shown, summary.columns_left_aside))}")
    if summary.facts_unused:
        typer.echo(f"facts on no recording of the archive: {summary.facts_unused:,} rows")
    typer.echo(f"wrote {summary.out}")
