"""Subgroups of patients, and how many facts about them are missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.result import Estimate, Group, GroupTarget, Settings, Windows, number
from ecg2lab_training.measures import bootstrap, curves

AGES = ((18, 39), (40, 59), (60, 79), (80, None))
MISSING = ((0, 0), (1, 3), (4, None))
Mask = NDArray[np.bool_]


def groups(cases: Cases, contract: Contract, settings: Settings) -> tuple[Group, ...]:
    """Measure each subgroup: sex, race, age, count of missing numbers. Empty ones are left out.

    Parameters
    ----------
    cases
        Answers and labels.
    contract
        Of the model.
    settings
        Of the bootstrap.
    """
    return tuple(
        _measure(attribute, value, cases.only(chosen), contract, settings)
        for attribute, value, chosen in _all(cases, contract)
        if chosen.any()
    )


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


def _measure(attribute: str, value: str, cases: Cases, contract: Contract, settings: Settings) -> Group:
    areas = curves.per_target(cases.probabilities(), cases.labels)
    counts = map(curves.counts, cases.labels.T)
    columns = zip(contract.target_names, areas, counts, strict=True)
    return Group(
        attribute=attribute,
        value=value,
        records=len(cases.labels),
        patients=cases.patients,
        macro_auroc=_macro(cases, cases.probabilities(), settings),
        targets={
            name: GroupTarget(auroc=number(own), positives=positives, negatives=negatives)
            for name, own, (positives, negatives) in columns
        },
    )


def _macro(cases: Cases, scores: NDArray[np.float64], settings: Settings) -> Estimate:
    draws = bootstrap.plan(cases.patient_id, settings.bootstrap, settings.rounds, settings.seed)
    rounds = bootstrap.macro(bootstrap.areas(scores, cases.labels, draws))
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
