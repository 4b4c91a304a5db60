"""`ecg2lab cohort`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecg2lab.system import extras
from ecg2lab.system.names import shown
from ecg2lab_training.cli.terminal import Json, bar, report


def cohort(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Tables and ECGs, in the layout of MIMIC-IV.")],
    out: Annotated[Path, typer.Option(help="New or empty folder for the data set.")],
    vitals: Annotated[
        Literal["paper", "strict"],
        typer.Option(help="Vital signs count within ±30 min, or only before the ECG (strict)."),
    ] = "paper",
    age: Annotated[Literal["anchor", "at-ecg"], typer.Option(help="Age in the anchor year, or at the ECG.")] = "anchor",
    fewest_values: Annotated[
        int, typer.Option(min=1, help="Values that a laboratory test needs, or it is dropped.")
    ] = 200,
    fewest_cases: Annotated[
        int,
        typer.Option(
            min=1, help="Positives, and negatives, that a label needs in fold 18 and in fold 19, or it is dropped."
        ),
    ] = 10,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes for the ECGs; all cores if not given.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds, where there is no table of folds.")] = 0,
    held_out: Annotated[
        int, typer.Option(min=1, help="How many times as large folds 18 and 19 are, where there is no table of folds.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Make a training data set from a hospital's tables and ECGs (MIMIC-IV, or `ecg2lab simulate`).

    A run that was stopped is taken up by running it again. What was left out is listed beside the data.

    For example:

    - `ecg2lab cohort mimic/ --out data/`

    - `ecg2lab cohort demo/ --out data/ --fewest-values 20 --fewest-cases 1 --json`
    """
    extras.require("train", "polars")
    import msgspec

    from ecg2lab_training.cohort.build import Options, build
    from ecg2lab_training.progress import counted

    options = Options(vitals, age, fewest_values, fewest_cases, workers, seed, held_out)
    with bar("cohort") as progress:
        summary = build(folder, out, options, progress)
    sentence = (
        f"{counted(summary.records, 'ECG')} of {counted(summary.patients, 'patient')}, "
        f"{counted(summary.targets, 'target')} in {shown(out)}; "
        f"records that could not be used: {summary.skipped} (skipped.csv)"
    )
    report({"dataset": shown(out), **msgspec.to_builtins(summary)}, sentence, as_json)
