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
from ecg2lab.contract.claims import Experience
from ecg2lab_export.experience import limit_of
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.experience import space_of, with_new_limits
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.measures import curves, decisions, experience, platt, reliability
from ecg2lab_training.measures.decisions import Answered, Sources
from ecg2lab_training.measures.operating_points import Rule

FEWEST = 20
"""Positives and negatives that a target needs: two numbers are fitted, ten cases of the rarer class for each."""
TURNS = 5
OWN = "the site's own patients"


class TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one target."""

    refitted: bool
    reason: str
    """Why it kept the old calibration and decision; empty if it did not."""
    decides: bool
    """Whether the target has a threshold now, for a recording with all facts; the contract says why it has none."""
    positives: int
    negatives: int
    ece_before: float | None
    ece_after: float | None
    """On patients that did not fit it."""
    brier_before: float | None
    brier_after: float | None


class ExperienceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the limits of experience."""

    refitted: bool
    reason: str
    """Why not; empty if they were."""
    outside_before: float | None = None
    """Share of the recordings, with all windows and facts, that are too far away by the old limit."""
    outside_after: float | None = None
    """By new limits, each of other patients."""


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """recalibration.json: where a contract comes from."""

    schema_version: Literal[2] = 2
    date: str
    """ISO 8601."""
    parent_name: str
    parent_digest: str
    """SHA-256 of the bundle's manifest, or of the run's contract."""
    weights_sha256: str
    data_sha256: str
    contract_sha256: str
    """Of the new contract.json."""
    rule: str
    """Of the thresholds."""
    records: int
    patients: int
    targets: dict[str, TargetRecord]
    experience: ExperienceRecord = ExperienceRecord(refitted=False, reason="not stated")
    """Older lineages have none."""


@dataclass(frozen=True)
class Recalibrated:
    """A new contract and its lineage."""

    contract: Contract
    lineage: Lineage


def recalibrate(
    subject: Subject, cases: Cases, answers: Answered, rule: Rule, least_cases: int, data_sha256: str, date: str
) -> Recalibrated:
    """Fit calibrations and decisions anew on a site's recordings.

    A target with fewer than `FEWEST` positives or negatives keeps what it has. What the new decisions are worth is
    measured by thresholds of other patients.

    Parameters
    ----------
    subject
        The model.
    cases
        Its answers and the labels.
    answers
        The same in every setting.
    rule
        Of the thresholds.
    least_cases
        Positives, and negatives, that an operating point takes.
    data_sha256
        Of the site's table.
    date
        To be written into the lineage, ISO 8601.
    """
    contract, raw = subject.contract, cases.probabilities()
    turn = _turns(cases.patient_id)
    columns = zip(contract.targets, raw.T, cases.labels.T, strict=True)
    calibrated = tuple(_calibrated(target, p, y) for target, p, y in columns)
    sources = Sources(OWN, f"{OWN}, by thresholds of others among them")
    decided = decisions.decide(replace(contract, targets=calibrated), answers, None, rule, sources, least_cases)
    changed = [new is not old for new, old in zip(calibrated, contract.targets, strict=True)]
    kept = zip(changed, decided.targets, contract.targets, strict=True)
    targets = tuple(new if refitted else old for refitted, new, old in kept)
    each = zip(contract.targets, targets, raw.T, cases.labels.T, strict=True)
    records = {old.name: _record(old, new, p, y, turn, decisions.main_setting(answers)) for old, new, p, y in each}
    reach, experience_record = _experience(subject, answers)
    new = replace(contract, name=_name(contract.name), targets=targets, experience=reach)
    lineage = Lineage(
        date=date,
        parent_name=contract.name,
        parent_digest=subject.digest,
        weights_sha256=subject.weights_sha256,
        data_sha256=data_sha256,
        contract_sha256=hashlib.sha256(contracts.encode(new)).hexdigest(),
        rule=str(rule),
        records=len(cases.labels),
        patients=cases.patients,
        targets=records,
        experience=experience_record,
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


def _calibrated(target: Target, p: Array, y: NDArray[np.float32]) -> Target:
    """The target with a new calibration; itself where there are too few cases."""
    calibration = platt.fit(p, y) if min(curves.counts(y)) >= FEWEST else None
    return target if calibration is None else replace(target, calibration=calibration)


def _record(
    old: Target, new: Target, p: Array, y: NDArray[np.float32], turn: NDArray[np.int64], main: decisions.Setting
) -> TargetRecord:
    positives, negatives = curves.counts(y)
    refitted = new is not old
    before = reliability.measure(platt.calibrate(p, old.calibration), y)
    after = reliability.measure(_by_turns(p, y, turn), y) if refitted else None
    return TargetRecord(
        refitted=refitted,
        reason="" if refitted else f"{positives} positives and {negatives} negatives; {FEWEST} of each are needed",
        decides=decisions.threshold_of(new, main) is not None,
        positives=positives,
        negatives=negatives,
        ece_before=before.ece if before else None,
        ece_after=after.ece if after else None,
        brier_before=before.brier if before else None,
        brier_after=after.brier if after else None,
    )


def _experience(subject: Subject, answers: Answered) -> tuple[Experience | None, ExperienceRecord]:
    """Limits of the site's patients; mean, whitening and ranges stay those of training."""
    old = subject.contract.experience
    note = space_of(subject, None).note
    if note is not None:
        return old, ExperienceRecord(refitted=False, reason=note)
    reach = with_new_limits(subject.contract, answers, OWN)
    main = decisions.main_setting(answers)
    return reach.experience, ExperienceRecord(
        refitted=reach.note is None,
        reason=reach.note or "",
        outside_before=experience.outside(answers[main], limit_of(subject.contract, main.windows)),
        outside_after=experience.outside_out_of_fold(answers[main]),
    )


def _by_turns(p: Array, y: NDArray[np.float32], turn: NDArray[np.int64]) -> Array:
    """Each record calibrated by the patients of the other turns."""
    calibrated = p.copy()
    for number in range(TURNS):
        judged = turn == number
        calibrated[judged] = platt.calibrate(p[judged], platt.fit(p[~judged], y[~judged]))
    return calibrated
