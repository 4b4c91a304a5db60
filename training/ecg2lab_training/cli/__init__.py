"""Verbs of the training river: `simulate`, `cohort`, `train`, `evaluate`."""

from __future__ import annotations

import typer

from ecg2lab_training.cli import cohort, evaluate, simulate, train


def register(app: typer.Typer) -> None:
    """Add the verbs to the `ecg2lab` program."""
    for verb in (simulate.simulate, cohort.cohort, train.train, evaluate.evaluate):
        app.command()(verb)
