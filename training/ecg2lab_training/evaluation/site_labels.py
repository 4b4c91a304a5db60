"""Labels of a site's recordings: each target's criterion applied to the values around the ECG.

The rules are those of the training cohort. Prediction: the value closest in time within plus or minus the horizon, both
ends included; of two equally close ones the earlier. Forecasting: whether any value from the ECG on, up to the horizon,
both ends included, is abnormal; if one is too low and another too high, the label is unknown. A value without a time of
its own says what was so at the ECG, and nothing of what followed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Criterion
from ecg2lab_training.evaluation.site_table import Row, Table

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Timed(NamedTuple):
    """One laboratory value."""

    after: float
    """The ECG, seconds; 0 for one without a time of its own."""
    value: float
    stated: bool
    """Whether it has a time of its own."""


def labels(table: Table, rows: Sequence[Row], contract: Contract) -> NDArray[np.float32]:
    """Label recordings.

    Parameters
    ----------
    table
        With the laboratory values.
    rows
        N of its rows.
    contract
        Of the model.

    Returns
    -------
    ndarray (N, n)
        0, 1; NaN where unknown.
    """
    opposite = _opposites(contract)
    answers = np.full((len(rows), len(contract.targets)), np.nan, dtype=np.float32)
    for index, row in enumerate(rows):
        values = around(table, row)
        for column, target in enumerate(contract.targets):
            if target.criterion is not None:
                of_lab = values.get(target.criterion.lab, [])
                answers[index, column] = _label(target.criterion, opposite.get(target.name), of_lab)
    return answers


def around(table: Table, row: Row) -> dict[str, list[Timed]]:
    """Values of a row's patient by lab, with seconds after the ECG; the table's own columns are at the ECG."""
    values: dict[str, list[Timed]] = {}
    for m in (*row.measurements, *table.measurements.get(row.patient_id, ())):
        after = None if m.time is None or row.time is None else (m.time - row.time).total_seconds()
        values.setdefault(m.lab, []).append(Timed(after or 0.0, m.value, stated=after is not None))
    return values


def _label(criterion: Criterion, opposite: Criterion | None, values: list[Timed]) -> float:
    within = criterion.horizon_min * 60
    if criterion.setting == "prediction":
        near = [(abs(after), after, value) for after, value, _ in values if abs(after) <= within]
        # min keeps the first of equals: two values at one moment are taken in the order of the file
        return float(abnormal(criterion, min(near, key=lambda v: v[:2])[2])) if near else np.nan
    later = [value for after, value, stated in values if stated and 0 <= after <= within]
    if not later:
        return np.nan
    positive = any(abnormal(criterion, value) for value in later)
    if positive and opposite is not None and any(abnormal(opposite, value) for value in later):
        return np.nan
    return float(positive)


def abnormal(criterion: Criterion, value: Any) -> Any:
    """Whether a value, or each of an array, is abnormal as a target asks."""
    return _COMPARE[criterion.comparison](value, criterion.threshold)


def _opposites(contract: Contract) -> dict[str, Criterion]:
    """For each target, the criterion of the other side of the same lab, setting and horizon, if the model has it."""
    criteria = [target.criterion for target in contract.targets if target.criterion]
    by_side = {_side(c, other=False): c for c in criteria}
    pairs = ((target.name, target.criterion) for target in contract.targets if target.criterion)
    return {name: by_side[_side(c, other=True)] for name, c in pairs if _side(c, other=True) in by_side}


def _side(c: Criterion, other: bool) -> tuple[str, str, int, bool]:
    return c.lab, c.setting, c.horizon_min, is_high(c) != other


def is_high(c: Criterion) -> bool:
    """Whether it asks for values above its limit."""
    return c.comparison.startswith(">")
