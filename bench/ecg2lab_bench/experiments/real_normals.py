"""How often a model flags ECGs that are not simulated: normal ones of another's generator, and real ones.

`python -m ecg2lab_bench.experiments.real_normals [RECORDS…]`: the normal ones are made if they are not there yet
(`make build/normals`), RECORDS are folders of real 12-lead records. A flag of a healthy person is a false one: as many
are expected as the stated specificities promise. What is outside experience has no flags, and is counted apart.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from itertools import cycle, product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast

import numpy as np
import typer

import ecg2lab
from ecg2lab import demo
from ecg2lab_bench.experiments import record_folders
from ecg2lab_bench.report.page import markdown_table, table

GENERATED = Path("build/normals")
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_RATE_HZ = 500.0
_PEOPLE = cycle(product((30.0, 45.0, 60.0), ("female", "male")))
"""Ages and sexes that the generated ECGs are asked with, in turn: the generator states none."""
_ROUNDS = 2000


class Asked(NamedTuple):
    """What was said of one ECG."""

    name: str
    refused: str | None
    """Why there is no answer."""
    outside: bool | None
    """Of experience; None: the model does not say."""
    flags: int
    promised: float
    """Flags to be expected of a healthy person: over the targets with a decision, one less the stated specificity."""


def main(
    records: Annotated[list[Path] | None, typer.Argument(help="Folders of real records (.hea).")] = None,
    bundle: Annotated[Path | None, typer.Option(help="The model; the packaged demo by default.")] = None,
    generated: Annotated[Path, typer.Option(help="Folder of generated normal ECGs (.asc).")] = GENERATED,
) -> None:
    """Print how many flags an ECG gets, beside how many its specificities promise."""
    if not any(generated.glob("*.asc")):
        typer.echo("no generated ECGs yet: make build/normals (an environment of its own, some minutes)", err=True)
        subprocess.run(["make", "build/normals"], check=True)
    with ecg2lab.load(bundle or demo.bundle_path()) as engine:
        groups = {"generated normal ECGs": [*_asked(engine, _generated(generated))]}
        for folder in records or []:
            groups[f"real ECGs of {folder.name}"] = [*_asked(engine, _real(folder))]
    columns = ("ECGs", "asked", "refused", "outside experience", "flags an ECG", "promised", "ratio (95 % interval)")
    typer.echo(markdown_table(table(columns, [_row(name, asked) for name, asked in groups.items()])))
    for name, asked in list(groups.items())[1:]:
        typer.echo(f"\n{name}")
        typer.echo(markdown_table(table(("record", "answer", "flags", "promised"), [_line(one) for one in asked])))


def _generated(folder: Path) -> Iterator[tuple[str, ecg2lab.Recording, ecg2lab.Patient]]:
    files = sorted(folder.glob("*.asc"), key=lambda path: int(path.stem))
    for path, (age, sex) in zip(files, _PEOPLE, strict=False):
        samples = np.loadtxt(path).T
        patient = ecg2lab.Patient(age=age, sex=cast(Literal["female", "male"], sex))
        yield path.stem, ecg2lab.Recording(samples, fs=_RATE_HZ, leads=LEADS, unit="uV"), patient


def _real(folder: Path) -> Iterator[tuple[str, ecg2lab.Recording, ecg2lab.Patient]]:
    for name, recording, _ in record_folders.read([folder]):
        known = ecg2lab.Patient().with_defaults(recording.subject)
        yield name, recording, ecg2lab.Patient(age=known.age, sex=known.sex)


def _asked(engine: ecg2lab.Engine, people: Iterable[tuple[str, ecg2lab.Recording, ecg2lab.Patient]]) -> Iterator[Asked]:
    for name, recording, patient in people:
        try:
            prediction = engine.predict(recording, patient)
        except (ecg2lab.RecordingError, ecg2lab.PatientError, ecg2lab.QualityError) as error:
            yield Asked(name, str(error), None, 0, 0.0)
            continue
        points = [f.operating_point for f in prediction.findings if f.decision_threshold is not None]
        yield Asked(
            name=name,
            refused=None,
            outside=prediction.experience.outside if prediction.experience else None,
            flags=sum(finding.verdict == "flagged" for finding in prediction.findings),
            promised=sum(1 - point.specificity.value for point in points if point and point.specificity),
        )


def _row(name: str, asked: list[Asked]) -> tuple[str, ...]:
    answered = [one for one in asked if one.refused is None]
    inside = [one for one in answered if not one.outside]
    counts = str(len(asked)), str(len(asked) - len(answered)), str(len(answered) - len(inside))
    if not inside:
        return (name, *counts, "–", "–", "–")
    flags, promised = (np.array([getattr(one, part) for one in inside]) for part in ("flags", "promised"))
    if not promised.any():
        return (name, *counts, f"{flags.mean():.2f}", "none stated", "–")
    drawn = np.random.default_rng(0).integers(len(inside), size=(_ROUNDS, len(inside)))
    low, high = np.quantile(flags[drawn].sum(axis=1) / promised[drawn].sum(axis=1), (0.025, 0.975))
    ratio = f"{flags.sum() / promised.sum():.2f} ({low:.2f}–{high:.2f})"
    return (name, *counts, f"{flags.mean():.2f}", f"{promised.mean():.2f}", ratio)


def _line(one: Asked) -> tuple[str, ...]:
    if one.refused is not None:
        return one.name, f"refused: {one.refused}", "", ""
    where = {None: "experience not judged", True: "outside experience", False: "inside"}[one.outside]
    return one.name, where, str(one.flags), f"{one.promised:.2f}"


if __name__ == "__main__":
    typer.run(main)
