"""When a model abstains: of recordings like those of its training, of real ones, and of distorted ones.

`python -m ecg2lab_bench.experiments abstention MODEL DATA RECORDS…`. Distances are asked as a cart asks, with age and
sex alone, and are held against the limit for as many windows; where the contract has none for so many, as of a
recording whose rate is wrongly stated, single windows alone are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
import typer

import ecg2lab
from ecg2lab.contract import Contract
from ecg2lab.contract.claims import Decision, Measured, OperatingPoint
from ecg2lab.patient.features import encode
from ecg2lab.recording.preparation import cut_windows, prepare_signal
from ecg2lab_bench.experiments import record_folders
from ecg2lab_bench.experiments.distortions import Distortion, Recorded, all_distortions
from ecg2lab_bench.measuring.workload import LEADS
from ecg2lab_bench.report.page import markdown_table, table
from ecg2lab_export.experience import limit_of

if TYPE_CHECKING:
    from ecg2lab_training.evaluation.subject import Subject

_SEX: dict[int, Literal["female", "male"]] = {0: "female", 1: "male"}  # by the code of a data set
_DISTORTED = ("recordings", "distortion", "strength", "asked", "refused", "outside", "windows outside")


class Person(NamedTuple):
    """A recording, and what a cart knows of the patient."""

    name: str
    own: Recorded
    patient: ecg2lab.Patient


class Judged(NamedTuple):
    """How far one recording is, over its limit: beyond 1 it is outside."""

    whole: float | None
    """None: the contract has no limit for so many windows."""
    windows: tuple[float, ...]


def judge(subject: Subject, own: Recorded, patient: ecg2lab.Patient) -> Judged | None:
    """Ask the model; None: the recording is refused, by its rate or by the quality gate."""
    contract, space = subject.contract, subject.space
    if space is None:
        raise typer.BadParameter("the model does not say how far experience reaches")
    try:
        recording = ecg2lab.Recording(own.samples, fs=own.rate_hz, leads=LEADS, unit="mV")
        windows = cut_windows(prepare_signal(recording, contract), contract)
    except (ecg2lab.RecordingError, ecg2lab.QualityError):
        return None
    facts = encode(patient, contract, "impute")
    count = len(windows)
    continuous, categorical = np.tile(facts.continuous, (count, 1)), np.tile(facts.categorical, (count, 1))
    features = subject.outputs(windows, continuous, categorical)[1]
    assert features is not None  # a space is of features
    each, mean = space.distances(features), float(space.distances(features.mean(axis=0, dtype=np.float64)))
    return Judged(_over(mean, contract, count), tuple(_over(x, contract, 1) or 0.0 for x in each.tolist()))


def _over(distance: float, contract: Contract, windows: int) -> float | None:
    limit = limit_of(contract, windows, "age and sex")
    return None if limit is None else distance / limit.distance


def recorded(folders: Iterable[Path]) -> Iterator[Person]:
    """Twelve-lead records of these folders, in the order of their names; others are left out and named."""
    for name, recording, samples in record_folders.read(folders):
        known = ecg2lab.Patient().with_defaults(recording.subject)
        own = Recorded(samples.astype(np.float64), recording.fs)
        yield Person(name, own, ecg2lab.Patient(age=known.age, sex=known.sex))


def simulated(subject: Subject, data: Path, most: int) -> list[Person]:
    """Recordings of the test fold of a data set, at most so many, evenly chosen."""
    from ecg2lab_training.data import dataset
    from ecg2lab_training.measures.experience import evenly

    held, signal = dataset.read(data), subject.contract.signal
    leads = [signal.leads.index(lead) for lead in LEADS]
    numbers, words = ([f.name for f in kind] for kind in (held.contract.continuous, held.contract.categorical))
    age, sex = held.continuous[:, numbers.index("age")], held.categorical[:, words.index("sex")]
    people = []
    for row in evenly(held.rows("test"), most).tolist():
        patient = ecg2lab.Patient(age=None if np.isnan(age[row]) else float(age[row]), sex=_SEX.get(int(sex[row])))
        samples = np.asarray(held.signals[row], dtype=np.float64)[leads]
        people.append(Person(str(held.record_id[row]), Recorded(samples, signal.sampling_rate_hz), patient))
    return people


def undistorted_table(subject: Subject, people: Iterable[Person]) -> str:
    """Each record by its name, with how far it is."""
    rows: list[tuple[str, ...]] = []
    for person in people:
        found = judge(subject, person.own, person.patient)
        rows.append((person.name, *_said(found)))
    return markdown_table(table(("record", "distance / limit", "verdict"), rows))


def _said(found: Judged | None) -> tuple[str, str]:
    if found is None:
        return "", "refused"
    if found.whole is None:
        return "", "no limit for so many windows"
    return f"{found.whole:.2f}", "outside" if found.whole > 1 else "inside"


def distorted_row(
    subject: Subject, whose: str, distortion: Distortion | None, people: list[Person], rng: np.random.Generator
) -> tuple[str, ...]:
    """Of one distortion, or of the recordings as they are."""
    every = [judge(subject, distortion.apply(p.own, rng) if distortion else p.own, p.patient) for p in people]
    found = [one for one in every if one is not None]
    whole = [one.whole > 1 for one in found if one.whole is not None]
    windows = [over > 1 for one in found for over in one.windows]
    named = (distortion.name, distortion.strength) if distortion else ("none", "")
    return (whose, *named, str(len(every)), str(len(every) - len(found)), _share(whole), _share(windows))


def _share(flags: list[bool]) -> str:
    return f"{np.mean(flags):.1%}" if flags else "–"


def claims_table(contract: Contract) -> str:
    """Coverage and unsure share of each target that has a conformal set, as the contract states them."""
    rows = [(target.name, *_claims(point)) for target in contract.targets if (point := _main(target.decision))]
    return markdown_table(table(("target", "coverage of the abnormal", "of the others", "unsure"), rows))


def _main(decision: Decision | None) -> OperatingPoint | None:
    points = [p for p in decision.points if p.facts == "all" and p.conformal] if decision else []
    return max(points, key=lambda point: point.windows) if points else None


def _claims(point: OperatingPoint) -> tuple[str, ...]:
    own = point.conformal
    assert own is not None  # by `_main`
    return tuple(map(_interval, (own.coverage_positive, own.coverage_negative, own.unsure)))


def _interval(one: Measured | None) -> str:
    return "–" if one is None else f"{one.value:.1%} [{one.low:.1%}, {one.high:.1%}]"


def main(
    bundle: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that says how far experience reaches.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set whose test fold it never saw.")],
    folders: Annotated[list[Path], typer.Argument(metavar="RECORDS", help="Folders of WFDB records.")],
    most: Annotated[int, typer.Option(min=1, help="Recordings of the test fold.")] = 500,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 1,
) -> None:
    """Print all tables in Markdown."""
    from ecg2lab_training.evaluation.subject import open_subject

    subject = open_subject(bundle)
    real, test = list(recorded(folders)), simulated(subject, data, most)
    rng = np.random.default_rng(seed)
    groups = {"test fold": test, "real": [p for p in real if judge(subject, p.own, p.patient) is not None]}
    rows = [
        distorted_row(subject, whose, distortion, people, rng)
        for distortion in (None, *all_distortions())
        for whose, people in groups.items()
        if people
    ]
    for title, shown in {
        "Real recordings": undistorted_table(subject, real),
        "Distorted": markdown_table(table(_DISTORTED, rows)),
        "Conformal sets": claims_table(subject.contract),
    }.items():
        typer.echo(f"### {title}\n\n{shown}\n")
