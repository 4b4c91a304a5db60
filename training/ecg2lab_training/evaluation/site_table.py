"""A site's own recordings: TABLE.csv, and LABS.csv beside it. `docs/site-data.md` describes both.

Reading is strict: a column, unit, number or time that is not understood is refused, with its file and row. No message
holds a patient's value.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab.patient import Patient
from ecg2lab.system.files import regular_size
from ecg2lab_training.data import units
from ecg2lab_training.data.labs import slug_of

_LAB_COLUMN = re.compile(r"lab:\s*(?P<lab>.+?)\s*\[(?P<unit>[^\]]*)\]\s*")
_WORDS = ("sex", "race")
FACTS = Patient.__struct_fields__
LAB_COLUMNS = ("patient_id", "time", "lab", "value", "unit")


@dataclass(frozen=True)
class LabName:
    """A lab that the model's targets speak of."""

    lab: str
    slug: str
    """First part of its targets' names."""
    loinc: str | None
    unit: str


@dataclass(frozen=True)
class Measurement:
    """One laboratory value, in the unit of the model's targets."""

    lab: str
    """As the model's targets name it."""
    value: float
    time: datetime | None
    """None: at the ECG."""


@dataclass(frozen=True)
class Row:
    """One recording of the table."""

    number: int
    """In the file; the header is row 1."""
    record: str
    """As written: a path from the table's folder."""
    patient_id: str
    time: datetime | None
    facts: dict[str, float | str]
    """Arguments of `ecg2lab.Patient`."""
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Table:
    """A site's recordings, and all laboratory values by patient."""

    rows: tuple[Row, ...]
    measurements: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


def lab_names(contract: Contract) -> tuple[LabName, ...]:
    """Labs of a contract's targets, each once.

    Raises
    ------
    DatasetError
        If no target says what it means.
    """
    labs: dict[str, LabName] = {}
    for target in contract.targets:
        c = target.criterion
        if c is not None:
            labs.setdefault(c.lab, LabName(c.lab, slug_of(target.name), c.loinc, units.spelling(c.unit)))
    if not labs:
        raise DatasetError("the model does not say which laboratory values its targets mean: nothing can be compared")
    return tuple(labs.values())


def read(path: Path, labs: Path | None, contract: Contract) -> Table:
    """Read a site's table, and its laboratory values.

    Parameters
    ----------
    path
        TABLE.csv.
    labs
        LABS.csv: values with their times; None: the table's own lab columns are all there is.
    contract
        Of the model: its targets say which labs and units are known.

    Raises
    ------
    DatasetError
        Naming file, row and column.
    """
    names = lab_names(contract)
    rows = tuple(_rows(path, names))
    if not rows:
        raise DatasetError(f"{path} has no rows below its header")
    _refuse_repeated(path, rows)
    if labs is None:
        return Table(rows)
    untimed = [row.number for row in rows if row.time is None]
    if untimed:
        raise DatasetError(f"{path} row {untimed[0]}: time is missing; {labs.name} cannot be matched without it")
    measurements, notes = _measurements(labs, names, {row.patient_id for row in rows})
    _refuse_mixed_zones(path, labs, rows, measurements)
    return Table(rows, measurements, notes)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by number, each as text by column; the header is row 1."""
    try:
        regular_size(path)
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            repeated = sorted({name for name in header if header.count(name) > 1})
            if repeated:
                raise DatasetError(f"{path} has the column {repeated[0]!r} twice")
            yield 1, dict.fromkeys(header, "")
            for number, cells in enumerate(reader, start=2):
                if len(cells) != len(header):
                    raise DatasetError(f"{path} row {number} has {len(cells)} cells, the header has {len(header)}")
                yield number, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a CSV file in UTF-8: {error}") from None


def _rows(path: Path, names: tuple[LabName, ...]) -> Iterator[Row]:
    lines = _lines(path)
    _, header = next(lines)
    for column in ("record", "patient_id"):
        if column not in header:
            raise DatasetError(f"{path} has no column {column!r}")
    columns = {column: _lab_column(path, column, names) for column in header if column.startswith("lab:")}
    for column in header:
        if column not in ("record", "patient_id", "time", *FACTS, *columns):
            raise DatasetError(
                f"{path}: column {column!r} is not known; columns are record, patient_id, time, {', '.join(FACTS)}, "
                "and 'lab:NAME [UNIT]'"
            )
    for number, cells in lines:
        yield _row(path, number, cells, columns)


def _row(path: Path, number: int, cells: dict[str, str], columns: dict[str, tuple[LabName, float]]) -> Row:
    for column in ("record", "patient_id"):
        if not cells[column]:
            raise DatasetError(f"{path} row {number}: {column} is empty")
    facts: dict[str, float | str] = {}
    for column in FACTS:
        if text := cells.get(column, ""):
            facts[column] = text if column in _WORDS else _number(path, number, column, text)
    measurements = (
        Measurement(name.lab, factor * _number(path, number, column, cells[column]), None)
        for column, (name, factor) in columns.items()
        if cells[column]
    )
    time = _time(path, number, cells["time"]) if cells.get("time") else None
    return Row(number, cells["record"], cells["patient_id"], time, facts, tuple(measurements))


def _lab_column(path: Path, column: str, names: tuple[LabName, ...]) -> tuple[LabName, float]:
    """The lab of a column, and the factor to the model's unit."""
    parts = _LAB_COLUMN.fullmatch(column)
    if parts is None:
        raise DatasetError(f"{path}: column {column!r} must be 'lab:NAME [UNIT]', with [] for a number without a unit")
    name = _find(parts["lab"], names)
    if name is None:
        labs = ", ".join(n.lab for n in names)
        raise DatasetError(f"{path}: column {column!r}: the model has no such lab; it has {labs}")
    return name, _factor(f"{path}: column {column!r}", name, parts["unit"])


def _find(text: str, names: tuple[LabName, ...]) -> LabName | None:
    """By name, LOINC code or slug; letter case does not matter."""
    name = text.casefold()
    return next((n for n in names if name in (n.lab.casefold(), n.slug.casefold(), n.loinc)), None)


def _factor(where: str, name: LabName, unit: str) -> float:
    factor = units.factor(name.slug, units.spelling(unit), name.unit)
    if factor is None:
        raise DatasetError(f"{where}: unit {unit!r} is not known for {name.lab}; give {name.unit or 'none'}")
    return factor


def _number(path: Path, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{path} row {number}: {column} is not a number; leave the cell empty if it is not known")
    return value


def _time(path: Path, number: int, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise DatasetError(
            f"{path} row {number}: time does not parse; write it as 2026-01-31 14:05:00 (ISO 8601)"
        ) from None


def _refuse_repeated(path: Path, rows: tuple[Row, ...]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        if row.record in first:
            raise DatasetError(f"{path} row {row.number}: the record of row {first[row.record]} again")
        first[row.record] = row.number


def _measurements(
    path: Path, names: tuple[LabName, ...], patients: set[str]
) -> tuple[dict[str, tuple[Measurement, ...]], tuple[str, ...]]:
    """Values by patient; values of labs or patients that nobody asks for are counted and left out."""
    lines = _lines(path)
    _, header = next(lines)
    if set(header) != set(LAB_COLUMNS):
        raise DatasetError(f"{path} must have the columns {', '.join(LAB_COLUMNS)}, and no other")
    values: dict[str, list[Measurement]] = {}
    unknown: set[str] = set()
    strangers = 0
    for number, cells in lines:
        name = _find(cells["lab"], names)
        if name is None:
            unknown.add(cells["lab"])
        elif cells["patient_id"] not in patients:
            strangers += 1
        else:
            value = _number(path, number, "value", cells["value"])
            factor = _factor(f"{path} row {number}", name, cells["unit"])
            time = _time(path, number, cells["time"])
            values.setdefault(cells["patient_id"], []).append(Measurement(name.lab, factor * value, time))
    notes = [f"labs that the model does not know were left out: {', '.join(sorted(unknown))}"] if unknown else []
    notes += [f"{strangers} laboratory values of patients without a recording were left out"] if strangers else []
    return {patient: tuple(own) for patient, own in values.items()}, tuple(notes)


def _refuse_mixed_zones(
    path: Path, labs: Path, rows: tuple[Row, ...], measurements: dict[str, tuple[Measurement, ...]]
) -> None:
    times = [row.time for row in rows] + [m.time for values in measurements.values() for m in values]
    if len({time.tzinfo is None for time in times if time is not None}) > 1:
        raise DatasetError(f"{path} and {labs}: some times have a time zone and some have none")
