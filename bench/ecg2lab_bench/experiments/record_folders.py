"""Real twelve-lead records, which several experiments are asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

import ecg2lab
from ecg2lab_bench.measuring.workload import LEADS


def read(folders: Iterable[Path]) -> Iterator[tuple[str, ecg2lab.Recording, NDArray[np.float64]]]:
    """Name, recording, and its samples (12, n) in the order of `LEADS`, by name; others are left out and named."""
    for header in sorted(path for folder in folders for path in folder.glob("*.hea")):
        try:
            recording = ecg2lab.read(header)
            rows = [recording.leads.index(lead) for lead in LEADS]
        except ecg2lab.RecordingError as error:
            typer.echo(f"{header.stem} is left out: {error}", err=True)
            continue
        except ValueError:
            typer.echo(f"{header.stem} is left out: no record of twelve leads", err=True)
            continue
        yield header.stem, recording, recording.samples[rows]
