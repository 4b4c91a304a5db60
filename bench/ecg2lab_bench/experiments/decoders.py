"""Our readers beside the decoders of others, lead by lead in millivolt.

`python -m ecg2lab_bench.experiments.decoders FILES…`. It ends with 1 if a sample differs by more than half a step of
the file, and names which side refuses a file, which decoders are not installed, and what only one side has.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

import ecg2lab
from ecg2lab.readers.content import Content, Stated
from ecg2lab.readers.formats import WFDB_SUFFIXES, recognise
from ecg2lab.report.screen import console
from ecg2lab.system.names import shown
from ecg2lab_bench.cli import Json
from ecg2lab_bench.experiments.other_decoders import DECODERS, Decoded, installed

Samples = NDArray[np.float64]
_EXACT_MV = 1e-9
"""Doubles that were scaled in another order differ by less."""


class Compared(msgspec.Struct, frozen=True):
    """One file, by ours and by one decoder."""

    file: str
    decoder: str
    refusal: str | None = None
    """Of the decoder."""
    leads: int = 0
    """That both have."""
    samples: int = 0
    """That both have values of, over all leads."""
    largest_mv: float = 0.0
    largest_in: str | None = None
    half_step_mv: float | None = None
    """Of the lead that differs most."""
    agrees: bool = True
    notes: tuple[str, ...] = ()


class Results(msgspec.Struct, frozen=True):
    """Of all files."""

    versions: dict[str, str | None]
    """Of the decoders; None where one is not installed."""
    refusals: dict[str, str]
    """Of ours, by file."""
    compared: list[Compared]
    read_ms: dict[str, float]
    """Processor time of our reading, by file: the least of 20, after a first one that imports the reader."""


def run(files: Iterable[Path]) -> Results:
    """Compare each file with every decoder that is installed and reads its format."""
    versions = {package: installed(package) for package in DECODERS}
    refusals: dict[str, str] = {}
    read_ms: dict[str, float] = {}
    compared = []
    for path in files:
        form = form_of(path)
        try:
            ours = ecg2lab.read(path)
            read_ms[str(path)] = min(1000 * _seconds(path) for _ in range(20))
        except ecg2lab.RecordingError as error:
            ours, refusals[str(path)] = None, str(error).removeprefix(f"{path}: ")
        for package, decoder in DECODERS.items():
            if versions[package] and form in ("", *decoder.formats):
                compared.append(compare(path, package, ours))
    return Results(versions, refusals, compared, read_ms)


def _seconds(path: Path) -> float:
    begun = time.process_time()
    ecg2lab.read(path)
    return time.process_time() - begun


def form_of(path: Path) -> str:
    """Our name of a file's format; empty where we know none, so that every decoder is asked."""
    if path.suffix in WFDB_SUFFIXES and path.with_suffix(".hea").exists():
        return "wfdb"
    try:
        return recognise(Content.of(path, Stated()))
    except ecg2lab.RecordingError:
        return ""


def compare(path: Path, package: str, ours: ecg2lab.Recording | None) -> Compared:
    """Ask one decoder; what it raises, whatever that is, is its refusal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = DECODERS[package].decode(path)
    except Exception as error:
        lines = str(error).strip().splitlines()
        return Compared(str(path), package, f"{type(error).__name__}: {lines[0] if lines else ''}"[:200])
    if ours is None:
        return Compared(str(path), package, notes=(f"read there: {', '.join(theirs.leads)}",))
    return _compared(path, package, ours, theirs)


class _Lead(NamedTuple):
    """One lead of both sides."""

    name: str
    difference_mv: float
    half_step_mv: float
    samples: int
    missing: tuple[int, int]
    """Here and there."""
    lengths: tuple[int, int]

    @property
    def agrees(self) -> bool:
        return self.difference_mv <= self.half_step_mv + _EXACT_MV


def _compared(path: Path, package: str, ours: ecg2lab.Recording, theirs: Decoded) -> Compared:
    both = [lead for lead in ours.leads if lead in theirs.leads]
    begin = _first_value([theirs.leads[lead] for lead in both])
    leads = [_lead(lead, ours.samples[ours.leads.index(lead)], theirs.leads[lead], begin) for lead in both]
    rates = {theirs.rates_hz[lead] for lead in both} - {ours.fs}
    notes = (*_notes(ours.leads, theirs.leads, leads), *(f"{ours.fs:g} Hz here, {rate:g} Hz there" for rate in rates))
    if not leads:
        return Compared(str(path), package, notes=notes)
    worst = max(leads, key=lambda lead: lead.difference_mv)
    return Compared(
        str(path),
        package,
        leads=len(leads),
        samples=sum(lead.samples for lead in leads),
        largest_mv=worst.difference_mv,
        largest_in=worst.name,
        half_step_mv=worst.half_step_mv,
        agrees=all(lead.agrees for lead in leads),
        notes=(*notes, *ours.notes),
    )


def _lead(name: str, own: Samples, other: Samples, begin: int) -> _Lead:
    lengths = (len(own), len(other))
    if lengths[0] != lengths[1]:
        other = other[begin:]
    length = min(len(own), len(other))
    own, other = own[:length], other[:length]
    here, there = np.isnan(own), np.isnan(other)
    differences = np.abs(own - other)[~(here | there)]
    largest = float(differences.max(initial=0.0))
    return _Lead(name, largest, half_step(own), len(differences), (int(here.sum()), int(there.sum())), lengths)


def _notes(ours: Iterable[str], theirs: Iterable[str], leads: list[_Lead]) -> list[str]:
    both = {lead.name for lead in leads}
    sides = {
        "here": [name for name in ours if name not in both],
        "there": [name for name in theirs if name not in both],
    }
    notes = [f"{side} only: {', '.join(names)}" for side, names in sides.items() if names]
    lengths = sorted({lead.lengths for lead in leads if lead.lengths[0] != lead.lengths[1]})
    notes += [f"{own} samples here, {other} there" for own, other in lengths]
    if any(lead.missing[0] != lead.missing[1] for lead in leads):
        here, there = (sum(lead.missing[side] for lead in leads) for side in (0, 1))
        notes.append(f"{here} samples missing here, {there} there")
    return notes


def _first_value(leads: list[Samples]) -> int:
    """The first sample that any lead has: we begin there."""
    first = [int(np.argmax(~np.isnan(lead))) for lead in leads if not np.isnan(lead).all()]
    return min(first, default=0)


def half_step(samples: Samples) -> float:
    """Half the smallest step in which a lead is stored; 0 if it has only one value."""
    gaps = np.diff(np.unique(samples[~np.isnan(samples)]))
    return float(gaps[gaps > _EXACT_MV].min(initial=np.inf)) / 2 if (gaps > _EXACT_MV).any() else 0.0


def _table(file: str, results: Results) -> Table:
    took = f", read in {results.read_ms[file]:.2g} ms" if file in results.read_ms else ""
    table = Table("decoder", "leads", "samples", "largest difference", "half a step", "what else", box=SIMPLE_HEAD,
                  title=shown(file) + took, title_justify="left", title_style="bold")  # fmt: skip
    if file in results.refusals:
        table.add_row("ecg2lab", "", "", "refuses", "", results.refusals[file])
    for one in results.compared:
        if one.file != file:
            continue
        if one.refusal:
            table.add_row(one.decoder, "", "", "refuses", "", one.refusal)
            continue
        largest = f"{1000 * one.largest_mv:.2g} µV in {one.largest_in}" if one.leads else ""
        half = "" if one.half_step_mv is None else f"{1000 * one.half_step_mv:.3g} µV"
        notes = "; ".join(one.notes)
        table.add_row(one.decoder, str(one.leads), str(one.samples), largest, half, notes,
                      style=None if one.agrees else "red")  # fmt: skip
    return table


def main(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", exists=True, dir_okay=False, help="ECG files.")],
    as_json: Json = False,
) -> None:
    """Compare our readers with the decoders of others, lead by lead."""
    results = run(files)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        screen = console()
        for path in files:
            screen.print(_table(str(path), results))
        for package, version in results.versions.items():
            if version is None:
                screen.print(f"{package} is not installed: not compared ({', '.join(DECODERS[package].formats)})")
    if not all(one.agrees for one in results.compared):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
