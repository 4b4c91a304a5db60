"""A new contract for a site: calibrations and thresholds fitted on its own patients. The network stays as it is.

What the new calibration is worth is measured on patients that did not fit it: in turns, a fifth of the patients is
judged by a calibration fitted on the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract, Target
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.measures import curves, platt, reliability, thresholds

FEWEST = 20
"""Positives and negatives that a target needs: two numbers are fitted, ten cases of the rarer class for each."""
TURNS = 5


class TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one target."""

    refitted: bool
    reason: str
    """Why it kept the old calibration and threshold; empty if it did not."""
    decides: bool
    """Whether the target has a threshold now: a refitted one has none if these patients do not show it to be better
    than chance."""
    positives: int
    negatives: int
    ece_before: float | None
    ece_after: float | None
    """On patients that did not fit it."""
    brier_before: float | None
    brier_after: float | None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """recalibration.json: where a contract comes from."""

    schema_version: Literal[1] = 1
    date: str
    """ISO 8601."""
    parent_name: str
    parent_digest: str
    """SHA-256 of the bundle's manifest, or of the run's contract."""
    weights_sha256: str
    data_sha256: str
    contract_sha256: str
    """Of the new contract.json."""
    threshold: str
    records: int
    patients: int
    targets: dict[str, TargetRecord]


@dataclass(frozen=True)
class Recalibrated:
    """A new contract and its lineage."""

    contract: Contract
    lineage: Lineage


def recalibrate(subject: Subject, cases: Cases, rule: thresholds.Rule, data_sha256: str, date: str) -> Recalibrated:
    """Fit calibrations and thresholds anew on a site's recordings.

    A target with fewer than `FEWEST` positives or negatives keeps what it has.

    Parameters
    ----------
    subject
        The model.
    cases
        Its answers and the labels.
    rule
        Of the thresholds.
    data_sha256
        Of the site's table.
    date
        To be written into the lineage, ISO 8601.
    """
    contract, raw = subject.contract, cases.probabilities()
    turn = _turns(cases.patient_id)
    targets, records = [], {}
    for target, p, y in zip(contract.targets, raw.T, cases.labels.T, strict=True):
        refitted, records[target.name] = _target(target, p, y, turn, rule)
        targets.append(refitted)
    new = replace(contract, name=_name(contract.name), targets=tuple(targets))
    lineage = Lineage(
        date=date,
        parent_name=contract.name,
        parent_digest=subject.digest,
        weights_sha256=subject.weights_sha256,
        data_sha256=data_sha256,
        contract_sha256=hashlib.sha256(contracts.encode(new)).hexdigest(),
        threshold=str(rule),
        records=len(cases.labels),
        patients=cases.patients,
        targets=records,
    )
    return Recalibrated(new, lineage)


def _name(parent: str) -> str:
    suffix = " (recalibrated)"
    return parent if parent.endswith(suffix) else parent[: 120 - len(suffix)] + suffix


def _turns(patient_id: NDArray[np.generic]) -> NDArray[np.int64]:
    """(N) in which turn a record is judged; all records of a patient in the same."""
    patient = np.unique(patient_id, return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(int(patient.max()) + 1)
    return np.asarray(order[patient] % TURNS)


def _target(
    target: Target, p: Array, y: NDArray[np.float32], turn: NDArray[np.int64], rule: thresholds.Rule
) -> tuple[Target, TargetRecord]:
    positives, negatives = curves.counts(y)
    before = reliability.measure(platt.calibrate(p, target.calibration), y)
    new = platt.fit(p, y) if min(positives, negatives) >= FEWEST else None
    after = reliability.measure(_by_turns(p, y, turn), y) if new else None
    threshold = thresholds.choose(platt.calibrate(p, new), y, rule) if new else target.decision_threshold
    record = TargetRecord(
        refitted=new is not None,
        reason="" if new else f"{positives} positives and {negatives} negatives; {FEWEST} of each are needed",
        decides=threshold is not None,
        positives=positives,
        negatives=negatives,
        ece_before=before.ece if before else None,
        ece_after=after.ece if after else None,
        brier_before=before.brier if before else None,
        brier_after=after.brier if after else None,
    )
    if new is None:
        return target, record
    return replace(target, calibration=new, decision_threshold=threshold), record


def _by_turns(p: Array, y: NDArray[np.float32], turn: NDArray[np.int64]) -> Array:
    """Each record calibrated by the patients of the other turns."""
    calibrated = p.copy()
    for number in range(TURNS):
        judged = turn == number
        calibrated[judged] = platt.calibrate(p[judged], platt.fit(p[~judged], y[~judged]))
    return calibrated
