"""What the contract states of its populations, beside the same figure of the newest answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Target
from ecg2lab.contract.claims import OperatingPoint
from ecg2lab.edge.drift.observed import Observed, Observer
from ecg2lab.edge.drift.psi import LEAST
from ecg2lab.patient import in_words

_WIDE = 2.576
"""Of the standard normal distribution: one in a hundred lies beyond, on either side."""


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """One figure."""

    what: Literal["flagged", "mean probability", "outside experience", "median", "beyond range"]
    of: str
    title: str
    n: int
    """Answers that it is of here."""
    stated: float
    """By the contract: of what was measured there, or for `median` and `beyond range` of the training folds."""
    stated_n: int | None
    """Recordings or patients that the stated figure is of; None: the contract does not say."""
    here: float | None = None
    low: float | None = None
    """Between this and `high` 99 of 100 samples of one population would lie, each recording of another patient."""
    high: float | None = None
    reason: str | None = None
    """Why there is no figure here."""


def compared(contract: Contract, observer: Observer, window: list[Observed]) -> Iterator[Stated]:
    """All that can be compared, if need be with the reason why not."""
    table = np.array([row.row for row in window]).reshape(len(window), len(observer.columns))
    places = {(column.kind, column.name): place for place, column in enumerate(observer.columns)}
    points = np.array([row.points for row in window]).reshape(len(window), len(contract.targets))
    for index, (code, target) in enumerate(zip(observer.codes, contract.targets, strict=True)):
        place = places["probability", code]
        yield from _target(target, code, observer.columns[place].title, table[:, place], points[:, index])
    yield from _experience(contract, np.array([row.outside for row in window], dtype=np.float64))
    yield from _facts(contract, {name: table[:, place] for (kind, name), place in places.items() if kind == "fact"})


def _target(
    target: Target, code: str, title: str, values: NDArray[np.float64], points: NDArray[np.int8]
) -> Iterator[Stated]:
    """Over the answers for which an operating point held that says enough."""
    if target.decision is None:
        return
    said = [point if _measured(point) else None for point in target.decision.points]
    held = np.array([place >= 0 and said[place] is not None for place in points], dtype=bool)
    used: list[OperatingPoint] = [p for place in points[held] if (p := said[place]) is not None]
    if not used:
        return
    p, n, m = values[held], len(used), min(point.positives + point.negatives for point in used)
    flags = p >= np.array([point.threshold for point in used])
    expected = float(np.mean([_flagged(point) for point in used]))
    base = float(np.mean([point.prevalence or 0.0 for point in used]))
    spread = expected * (1 - expected)
    yield _figure("flagged", code, title, float(flags.mean()), expected, n, m, spread * (1 / n + 1 / m))
    mean_spread = float(p.var()) / n + base * (1 - base) / m
    yield _figure("mean probability", code, title, float(p.mean()), base, n, m, mean_spread)


def _measured(point: OperatingPoint) -> bool:
    figures = (point.threshold, point.prevalence, point.sensitivity, point.specificity)
    return all(figure is not None for figure in figures)


def _flagged(point: OperatingPoint) -> float:
    """Share of flags where it was measured: right ones among the positives, wrong ones among the others."""
    assert point.prevalence is not None
    assert point.sensitivity is not None
    assert point.specificity is not None
    return point.prevalence * point.sensitivity.value + (1 - point.prevalence) * (1 - point.specificity.value)


def _experience(contract: Contract, outside: NDArray[np.float64]) -> Iterator[Stated]:
    experience, judged = contract.experience, outside[~np.isnan(outside)]
    if experience is None or not judged.size:
        return
    stated, m = 1 - experience.quantile, min(limit.patients for limit in experience.limits)
    variance = stated * (1 - stated) * (1 / judged.size + 1 / m)
    title = "outside experience"
    yield _figure("outside experience", "experience", title, float(judged.mean()), stated, judged.size, m, variance)


def _facts(contract: Contract, values: dict[str, NDArray[np.float64]]) -> Iterator[Stated]:
    """The contract does not say of how many patients its medians and ranges are: no bounds of chance follow."""
    ranges = {r.name: r for r in contract.experience.ranges} if contract.experience else {}
    for feature in contract.continuous:
        given = values[feature.name][~np.isnan(values[feature.name])]
        if not given.size:
            continue
        title = in_words(feature.name)
        if feature.median is not None:
            middle = float(np.median(given))
            yield _figure("median", feature.name, title, middle, feature.median, given.size, None, None)
        if (known := ranges.get(feature.name)) is not None:
            beyond = float(((given < known.minimum) | (given > known.maximum)).mean())
            yield _figure("beyond range", feature.name, title, beyond, 0.0, given.size, None, None)


def _figure(
    what: Literal["flagged", "mean probability", "outside experience", "median", "beyond range"],
    of: str,
    title: str,
    here: float,
    stated: float,
    n: int,
    m: int | None,
    variance: float | None,
) -> Stated:
    if n < LEAST:
        reason = f"{n} answers, and a comparison needs {LEAST}"
        return Stated(what=what, of=of, title=title, n=n, stated=stated, stated_n=m, reason=reason)
    reach = None if variance is None else _WIDE * variance**0.5
    return Stated(
        what=what,
        of=of,
        title=title,
        n=n,
        stated=stated,
        stated_n=m,
        here=here,
        low=None if reach is None else max(stated - reach, 0.0),
        high=None if reach is None else min(stated + reach, 1.0),
    )
