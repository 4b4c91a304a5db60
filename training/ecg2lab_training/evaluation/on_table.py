"""A model asked about a site's own recordings, exactly as `ecg2lab predict` asks it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import ecg2lab
from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError, Ecg2LabError, MissingExtraError
from ecg2lab.patient.features import Features, encode
from ecg2lab.recording.preparation import cut_windows, prepare_signal
from ecg2lab.system.names import shown
from ecg2lab_training.evaluation import last_values
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.site_labels import labels
from ecg2lab_training.evaluation.site_table import Row, Table
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.measures.platt import sigmoid
from ecg2lab_training.progress import Progress, silent


class Asked(NamedTuple):
    """Answers, and the records that could not be used."""

    cases: Cases
    skipped: dict[str, str]
    """Record → why; one bad recording never stops the others."""


class _Answer(NamedTuple):
    windows: Array  # (W, n)
    distances: Distances | None  # of this recording
    continuous: Array  # (features) NaN: missing
    categorical: NDArray[np.int64]  # (features) -1: missing


def ask(
    subject: Subject,
    table: Table,
    folder: Path,
    progress: Progress = silent,
    facts: Collection[str] | None = None,
) -> Asked:
    """Ask a model about each recording of a table.

    Parameters
    ----------
    subject
        The model.
    table
        Recordings and laboratory values.
    folder
        That the records' paths start from.
    progress
        Told after each recording.
    facts
        Of the patients, that the model is told; None: all.

    Raises
    ------
    DatasetError
        If no recording at all could be used; the message has the first reason.
    """
    answers: list[_Answer] = []
    used: list[Row] = []
    skipped: dict[str, str] = {}
    for done, row in enumerate(table.rows, start=1):
        try:
            answers.append(_answer(subject, row, folder, facts))
            used.append(row)
        except MissingExtraError:  # no fault of the recording
            raise
        except Ecg2LabError as error:
            skipped[shown(row.record)] = f"row {row.number}: {error}"
        progress(done, len(table.rows), "recordings")
    if not used:
        first = next(iter(skipped.values()))
        raise DatasetError(f"not one of {len(table.rows)} recordings could be used; the first: {first}")
    cases = Cases(
        windows=_stack([answer.windows for answer in answers]),
        labels=labels(table, used, subject.contract),
        patient_id=np.array([row.patient_id for row in used]),
        continuous=np.stack([answer.continuous for answer in answers]),
        categorical=np.stack([answer.categorical for answer in answers]),
        last=last_values.of_table(table, used, subject.contract),
        distances=_joined([answer.distances for answer in answers]),
    )
    return Asked(cases, skipped)


def _answer(subject: Subject, row: Row, folder: Path, facts: Collection[str] | None) -> _Answer:
    recording = ecg2lab.read(folder / row.record)
    patient = ecg2lab.Patient(**row.facts).with_defaults(recording.subject)  # type: ignore[arg-type]
    if facts is not None:
        patient = ecg2lab.Patient(**{name: getattr(patient, name) for name in facts})
    features = encode(patient, subject.contract)
    windows = cut_windows(prepare_signal(recording, subject.contract), subject.contract)
    count = len(windows)
    continuous, categorical = np.tile(features.continuous, (count, 1)), np.tile(features.categorical, (count, 1))
    logits, found = subject.outputs(windows, continuous, categorical)
    far = None if subject.space is None or found is None else Distances.of(subject.space, found[None])
    return _Answer(sigmoid(logits.astype(np.float64)), far, *_known(features, subject.contract))


def _joined(distances: list[Distances | None]) -> Distances | None:
    measured = [one for one in distances if one is not None]
    return Distances.join(measured) if measured else None


def _known(features: Features, contract: Contract) -> tuple[Array, NDArray[np.int64]]:
    """Features without stand-ins and missing flags."""
    numbers, words = contract.continuous, contract.categorical
    continuous = features.continuous[: len(numbers)].astype(np.float64)
    continuous[[f.name in features.imputed for f in numbers]] = np.nan
    categorical = features.categorical[: len(words)].copy()
    categorical[[f.name in features.imputed for f in words]] = -1
    return continuous, categorical


def _stack(windows: list[Array]) -> Array:
    """(W, n) of each recording → (N, longest W, n), NaN where a recording has fewer windows."""
    stacked = np.full((len(windows), max(map(len, windows)), windows[0].shape[1]), np.nan)
    for place, own in zip(stacked, windows, strict=True):
        place[: len(own)] = own
    return stacked
