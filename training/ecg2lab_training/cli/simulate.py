"""`ecg2lab simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecg2lab.system import extras
from ecg2lab.system.names import shown
from ecg2lab_training.cli.terminal import Json, bar, report


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder for the hospital.")],
    patients: Annotated[int, typer.Option(help="Number of patients, with one to three ECGs each.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a hospital of simulated patients in the layout of MIMIC-IV: tables, ECGs, and the truth behind them.

    One hidden physiology drives the ECGs, the vital signs and the laboratory values. Nothing in it comes from a person.
    `truth.json` says what was planted, and how well an ideal observer could answer each question. `ecg2lab cohort`
    makes a training data set of it.

    For example:

    - `ecg2lab simulate sim/ --patients 2000 --seed 1`

    - `ecg2lab simulate sim/ --patients 100 --json`
    """
    extras.require("train", "polars")
    from ecg2lab_training.progress import counted
    from ecg2lab_training.simulation import archive

    archive.check(folder, patients, seed)  # before a bar is drawn
    with bar("simulating") as progress:
        archive.simulate(folder, patients, seed, progress)
    summary = {"hospital": shown(folder), "synthetic": True, "patients": patients, "seed": seed}
    report(summary, f"{counted(patients, 'simulated patient')} in {shown(folder)}", as_json)
