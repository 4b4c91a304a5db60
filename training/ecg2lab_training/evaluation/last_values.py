"""The last laboratory value before each ECG, as the targets see it: of a data set, or of a site's own table.

Targets that ask for the value *now* see none: a value shortly before the ECG is often the one that answers them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Criterion
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.data.labs import slug_of, slugs_of
from ecg2lab_training.evaluation.site_labels import abnormal, around, is_high
from ecg2lab_training.evaluation.site_table import Row, Table
from ecg2lab_training.measures.forecasting import Last

Array = NDArray[np.float64]


def of_data_set(data: Dataset, rows: NDArray[np.int64], places: Sequence[int | None]) -> Last | None:
    """Last values of some records; None if the data set does not hold them.

    Parameters
    ----------
    data
        The data set, whose limits count, as they do for its labels.
    rows
        Numbers of the records.
    places
        Column of the data set for each target of the model; None: it has none.
    """
    if data.last is None:
        return None
    column = {slug: number for number, slug in enumerate(slugs_of(data.contract.target_names))}
    value, minutes = data.last[:, 0, rows], data.last[:, 1, rows]
    asked = [None if place is None else data.contract.targets[place] for place in places]
    labs = [None if target is None else column[slug_of(target.name)] for target in asked]
    return seen(value, minutes, [None if target is None else target.criterion for target in asked], labs)


def of_table(table: Table, rows: Sequence[Row], contract: Contract) -> Last | None:
    """Last values of recordings of a site; None if the site gave no laboratory values with times."""
    if not table.measurements:
        return None
    criteria = [target.criterion for target in contract.targets]
    names = list(dict.fromkeys(c.lab for c in criteria if c))
    both = np.full((len(names), 2, len(rows)), np.nan)
    for place, row in enumerate(rows):
        values = around(table, row)
        for lab, name in enumerate(names):
            before = [timed for timed in values.get(name, []) if timed.after < 0]
            if before:  # max keeps the first of equals: the first in the file
                last = max(before, key=lambda timed: timed.after)
                both[lab, :, place] = last.value, -last.after / 60
    return seen(both[:, 0], both[:, 1], criteria, [names.index(c.lab) if c else None for c in criteria])


def seen(value: Array, minutes: Array, criteria: Sequence[Criterion | None], labs: Sequence[int | None]) -> Last:
    """Look at last values as each target does.

    Parameters
    ----------
    value
        (labs, N) in the unit of the lab's targets; NaN: none.
    minutes
        (labs, N).
    criteria
        n, of the targets; one that is None or no forecast sees nothing.
    labs
        n: row of `value`.
    """
    last = Last(*(np.full((value.shape[1], len(criteria)), np.nan) for _ in Last._fields))
    limits = {(lab, is_high(c)): c for lab, c in zip(labs, criteria, strict=True) if c is not None}
    for column, (lab, c) in enumerate(zip(labs, criteria, strict=True)):
        if lab is None or c is None or c.setting != "forecasting":
            continue
        own, other = value[lab], limits.get((lab, not is_high(c)))
        last.beyond[:, column] = (own - c.threshold) * (1 if is_high(c) else -1)
        beyond_other = np.zeros(own.shape, np.bool_) if other is None else abnormal(other, own)
        last.state[:, column] = np.select((np.isnan(own), abnormal(c, own), beyond_other), (np.nan, 1, -1), 0)
        last.minutes[:, column] = minutes[lab]
    return last
