"""Subgroups of patients, and how many facts about them are missing.

The subgroups of one attribute are compared by the same targets: those with enough cases in each of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab_training.evaluation import few
from ecg2lab_training.evaluation.cases import Array, Cases
from ecg2lab_training.evaluation.estimates import Agreement, Estimate
from ecg2lab_training.evaluation.result import Group, GroupTarget, Settings, Windows
from ecg2lab_training.measures import agreement, bootstrap, comparable, curves, flags, parts, platt
from ecg2lab_training.measures.decisions import Setting, threshold_of

AGES = ((18, 39), (40, 59), (60, 79), (80, None))
MISSING = ((0, 0), (1, 3), (4, None))
Mask = NDArray[np.bool_]


def groups(cases: Cases, contract: Contract, settings: Settings) -> tuple[tuple[Group, ...], dict[str, dict[str, str]]]:
    """Measure each subgroup: sex, race, age, count of missing numbers. Empty ones are left out.

    Parameters
    ----------
    cases
        Answers and labels.
    contract
        Of the model, with the calibrations and thresholds that are judged.
    settings
        Of the bootstrap.

    Returns
    -------
    tuple of Group
        With the same targets in all subgroups of an attribute that have `few.PATIENTS`; none in the others.
    dict
        Attribute → target → why it is not among them.
    """
    measured: list[Group] = []
    not_compared: dict[str, dict[str, str]] = {}
    judged = _Judged(cases, contract, settings)
    for attribute, members in _by_attribute(cases, contract).items():
        large = {value: rows for value, rows in members.items() if _patients(cases, rows) >= few.PATIENTS}
        chosen = comparable.subgroup_targets(cases.labels, large, few.GROUP_CASES)
        not_compared[attribute] = {contract.target_names[t]: reason for t, reason in chosen.left_out.items()}
        for value, rows in members.items():
            targets = chosen.targets if value in large else chosen.targets[:0]
            measured.append(judged.group(attribute, value, rows, targets))
    return tuple(measured), not_compared


def _by_attribute(cases: Cases, contract: Contract) -> dict[str, dict[str, Mask]]:
    members: dict[str, dict[str, Mask]] = {}
    for attribute, value, rows in _all(cases, contract):
        if rows.any():
            members.setdefault(attribute, {})[value] = rows
    return members


def _patients(cases: Cases, rows: Mask) -> int:
    return len(np.unique(cases.patient_id[rows]))


def _all(cases: Cases, contract: Contract) -> Iterator[tuple[str, str, Mask]]:
    for column, feature in enumerate(contract.categorical):
        for code, category in enumerate(feature.categories):
            yield feature.name, category, cases.categorical[:, column] == code
        yield feature.name, "not stated", cases.categorical[:, column] < 0
    names = [feature.name for feature in contract.continuous]
    if "age" in names:
        age = cases.continuous[:, names.index("age")]
        yield from (("age", _band(*band), _within(np.floor(age), *band)) for band in AGES)
        yield "age", "not stated", np.isnan(age)
    others = [index for index, name in enumerate(names) if name != "age"]
    if others:
        missing = np.isnan(cases.continuous[:, others]).sum(axis=1).astype(np.float64)
        yield from (("missing numbers", _band(*band), _within(missing, *band)) for band in MISSING)


def _band(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low}-{high}"


def _within(values: NDArray[np.float64], low: int, high: int | None) -> Mask:
    return np.asarray((values >= low) & (values <= (np.inf if high is None else high)))


class _Judged:
    """Answers, with what all subgroups are judged by."""

    def __init__(self, cases: Cases, contract: Contract, settings: Settings) -> None:
        self._cases, self._names, self._settings = cases, contract.target_names, settings
        self._raw = cases.probabilities()
        self._calibrated = platt.apply(self._raw, [target.calibration for target in contract.targets])
        setting = Setting(cases.windows.shape[1], "all")
        self._thresholds = [threshold_of(target, setting) for target in contract.targets]

    def group(self, attribute: str, value: str, rows: Mask, targets: NDArray[np.int64]) -> Group:
        """Measure one subgroup on some targets."""
        draws = _draws(self._cases.patient_id[rows], self._settings)
        labels, raw, calibrated = (x[rows][:, targets] for x in (self._cases.labels, self._raw, self._calibrated))
        areas, rounds = curves.per_target(raw, labels), bootstrap.areas(raw, labels, draws)
        agreements = parts.measure(
            len(targets), lambda part: agreement.measure(calibrated[:, part], labels[:, part], draws)
        )
        figures = flags.measure(calibrated, labels, [self._thresholds[target] for target in targets], draws)
        results = {}
        for column, target in enumerate(targets):
            positives, negatives = curves.counts(labels[:, column])
            rates = figures[column]
            results[self._names[target]] = GroupTarget(
                positives=positives,
                negatives=negatives,
                auroc=Estimate.of(areas[column], rounds[:, column]).briefly(),
                agreement=Agreement.of(agreements[column]),
                sensitivity=Estimate.measured(rates.sensitivity).briefly() if rates else None,
                specificity=Estimate.measured(rates.specificity).briefly() if rates else None,
            )
        return Group(
            attribute=attribute,
            value=value,
            records=int(rows.sum()),
            patients=_patients(self._cases, rows),
            macro_auroc=Estimate.of(curves.macro(areas), bootstrap.macro(rounds)),
            targets=results,
        )


def _draws(patient_id: NDArray[np.generic], settings: Settings) -> bootstrap.Draws:
    return bootstrap.plan(patient_id, settings.bootstrap, settings.rounds, settings.seed)


def _macro(cases: Cases, scores: Array, settings: Settings) -> Estimate:
    rounds = bootstrap.macro(bootstrap.areas(scores, cases.labels, _draws(cases.patient_id, settings)))
    return Estimate.of(curves.macro(curves.per_target(scores, cases.labels)), rounds)


def window_counts(cases: Cases, settings: Settings) -> tuple[Windows, ...]:
    """Measure what each further window adds: macro AUROC with 1, 2, … windows averaged.

    Recordings with fewer windows are left out of a count, so the counts may differ in their recordings.
    """
    counts = range(1, cases.windows.shape[1] + 1)
    some = [cases.only(np.asarray(~np.isnan(cases.windows[:, :count]).any(axis=(1, 2)))) for count in counts]
    return tuple(
        Windows(windows=count, records=len(own.labels), macro_auroc=_macro(own, own.probabilities(count), settings))
        for count, own in zip(counts, some, strict=True)
        if len(own.labels)
    )
