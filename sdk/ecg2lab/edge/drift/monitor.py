"""Drift: whether what comes and what is answered are still as they were.

A contract states no distributions of its training population, so none is compared with. What it states is compared as
it is: medians and ranges of facts, the share outside experience, flags and base rates of the operating points. Beside
it the node takes a reference of its own: the first answers of a model. Against that a PSI is stated, of the newest
answers that are kept. What was erased is looked at no more; a reference that is full is kept as counts.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab import log
from ecg2lab.contract import Contract
from ecg2lab.edge import config
from ecg2lab.edge.drift import stated
from ecg2lab.edge.drift.observed import VERDICTS, Column, Observed, Observer
from ecg2lab.edge.drift.psi import LEAST, counted, decile_edges, psi
from ecg2lab.edge.drift.stated import Stated
from ecg2lab.edge.survey import Survey
from ecg2lab.errors import OutputError
from ecg2lab.system.files import write_atomically

_SCANNED = 4
"""Times as many answers are looked through as are wanted: others may be of another model."""
LARGE = 0.1
"""PSI from which a shift is said to matter, by custom."""


class Period(msgspec.Struct, frozen=True):
    """Answers that were looked at."""

    n: int
    since: float | None = None
    """When the first of them came, and below the last; None: there is none."""
    until: float | None = None


class Bins(msgspec.Struct, frozen=True):
    """The reference of one column."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Reference(msgspec.Struct, frozen=True):
    """What is kept of the first answers of a model: no single answer."""

    after: int
    """Number of the recording after which they begin, and below the one with which they end."""
    last: int | None = None
    period: Period = Period(0)
    columns: dict[str, Bins] = {}
    """Empty: they are not complete."""


class Stability(msgspec.Struct, frozen=True, kw_only=True):
    """One column against the reference."""

    kind: str
    of: str
    title: str
    psi: float
    chance: float
    """To be expected between two samples of one population of these sizes."""
    rare: float
    """Exceeded by chance once in a hundred."""
    shifted: bool
    """Whether it is beyond both that and 0.1."""
    bins: tuple[str, ...]
    """In words."""
    reference: tuple[float, ...]
    """Shares, and below those of the window."""
    here: tuple[float, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Drift of one node."""

    window: Period
    """The newest answers of this model."""
    compared: Period
    """Those of them that came after the reference."""
    reference: Period
    wanted: int
    """Answers of a complete reference."""
    reason: str | None
    """Why there is no PSI; None: there is one."""
    psi: tuple[Stability, ...]
    stated: tuple[Stated, ...]
    verdicts: dict[str, dict[str, int]]
    """By the code of a target."""
    titles: dict[str, str]
    """By the code of a target."""


class Drift:
    """Of one node. Safe to share between threads.

    Parameters
    ----------
    survey
        Where answers are read.
    contract, digest
        Of the model.
    told
        Sizes of reference and window.
    folder
        Where references are kept, a file for each model.
    fresh_s
        How old a report on many answers may be.
    """

    def __init__(
        self, survey: Survey, contract: Contract, digest: str, told: config.Drift, folder: Path, fresh_s: float = 10.0
    ) -> None:
        self._survey, self._contract, self._told, self._fresh_s = survey, contract, told, fresh_s
        self._observer = Observer(contract, digest)
        self._path = folder / f"{digest}.json"
        self._turn = threading.Lock()
        self._rows: dict[int, Observed | None] = {}
        """By number; None: of another model."""
        self._report: tuple[float, Report] | None = None
        self._reference = self._read()

    def _read(self) -> Reference:
        """That of this model; where there is none that can be read, one begins now."""
        try:
            reference = msgspec.json.decode(self._path.read_bytes(), type=Reference)
        except (OSError, msgspec.DecodeError):
            return self._keep(Reference(self._survey.newest()))
        if reference.columns and not self._fits(reference):
            return self._keep(Reference(reference.after))
        return reference

    def _fits(self, reference: Reference) -> bool:
        names = {_key(column) for column in self._observer.columns}
        sizes = all(len(bins.counts) == len(bins.edges) + 2 for bins in reference.columns.values())
        return reference.period.n == self._told.reference and names == reference.columns.keys() and sizes

    def _keep(self, reference: Reference) -> Reference:
        try:
            write_atomically(self._path, msgspec.json.encode(reference), mode=0o600)
        except OutputError as error:  # it is taken anew at the next start
            log.refused(error)
        return reference

    def report(self) -> Report:
        """As the kept answers are now, or were a moment ago."""
        with self._turn:
            made = self._report
            if made is None or made[1].window.n < LEAST or time.monotonic() - made[0] >= self._fresh_s:
                made = self._report = (time.monotonic(), self._made())
            return made[1]

    def _made(self) -> Report:
        first: list[Observed] = []
        if not self._reference.columns:
            first = self._observed(self._reference.after, self._told.reference)
            if len(first) == self._told.reference:
                self._reference = self._keep(self._completed(first))
        reference = self._reference
        window = self._observed(reference.after, self._told.window, newest=True)
        later = [] if reference.last is None else [row for row in window if row.number > reference.last]
        used = {observed.number for observed in (*first, *window)}
        self._rows = {number: row for number, row in self._rows.items() if row is None or number in used}
        reason = self._reason(reference, len(first), len(later))
        return Report(
            window=_period(window),
            compared=_period(later),
            reference=reference.period if reference.columns else _period(first),
            wanted=self._told.reference,
            reason=reason,
            psi=() if reason else self._compared(reference, later),
            stated=tuple(stated.compared(self._contract, self._observer, window)),
            verdicts=self._verdicts(window),
            titles={c.name: c.title for c in self._observer.columns if c.kind == "probability"},
        )

    def _observed(self, after: int, most: int, newest: bool = False) -> list[Observed]:
        """Answers of this model that are kept, oldest first."""
        numbers = self._survey.answered(after, _SCANNED * most, newest)
        wanted: list[Observed] = []
        for start in range(0, len(numbers), most):  # no more is read than is needed
            some = numbers[start : start + most]
            for answer in self._survey.answers([number for number in some if number not in self._rows]):
                self._rows[answer.number] = self._observer.observe(*answer)
            wanted += [row for number in some if (row := self._rows.get(number)) is not None]
            if len(wanted) >= most:
                break
        return sorted(wanted[:most], key=lambda row: row.number)

    def _completed(self, first: list[Observed]) -> Reference:
        rows = _table(first)
        columns = {}
        for column, values in zip(self._observer.columns, rows.T, strict=True):
            edges = _edges(column, values)
            columns[_key(column)] = Bins(edges, tuple(counted(values, edges).tolist()))
        return Reference(self._reference.after, first[-1].number, _period(first), columns)

    def _reason(self, reference: Reference, first: int, later: int) -> str | None:
        if not reference.columns:
            return f"the reference is not complete: {first} of {self._told.reference} answers"
        if later < LEAST:
            return f"{later} answers came since the reference, and a PSI needs {LEAST}"
        return None

    def _compared(self, reference: Reference, later: list[Observed]) -> tuple[Stability, ...]:
        rows = _table(later)
        return tuple(
            _stability(column, reference.columns[_key(column)], values)
            for column, values in zip(self._observer.columns, rows.T, strict=True)
        )

    def _verdicts(self, window: list[Observed]) -> dict[str, dict[str, int]]:
        if not window:
            return {}
        words = np.array([row.verdicts for row in window])
        return {
            code: {word: int((words[:, place] == index).sum()) for index, word in enumerate(VERDICTS)}
            for place, code in enumerate(self._observer.codes)
        }


def _stability(column: Column, bins: Bins, values: NDArray[Any]) -> Stability:
    before, counts = np.array(bins.counts), counted(values, bins.edges)
    found = psi(before, counts)
    return Stability(
        kind=column.kind,
        of=column.name,
        title=column.title,
        psi=found.value,
        chance=found.chance,
        rare=found.rare,
        shifted=found.value > max(found.rare, LARGE),
        bins=_names(column, bins.edges),
        reference=tuple((before / before.sum()).round(4).tolist()),
        here=tuple((counts / counts.sum()).round(4).tolist()),
    )


def _edges(column: Column, values: NDArray[Any]) -> tuple[float, ...]:
    if column.words:
        return tuple(place + 0.5 for place in range(len(column.words) - 1))
    return decile_edges(values)


def _names(column: Column, edges: tuple[float, ...]) -> tuple[str, ...]:
    if column.words:
        return (*column.words, "not given")
    unit = f" {column.unit}" if column.unit else ""
    above = f"above {edges[-1]:.3g}{unit}" if edges else "any"
    return (*(f"to {edge:.3g}{unit}" for edge in edges), above, "not given")


def _key(column: Column) -> str:
    return f"{column.kind}:{column.name}"


def _table(rows: list[Observed]) -> NDArray[np.float64]:
    return np.array([row.row for row in rows])


def _period(rows: list[Observed]) -> Period:
    return Period(len(rows), rows[0].received, rows[-1].received) if rows else Period(0)
