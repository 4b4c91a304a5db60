"""Where the tables of a hospital are, and which of their columns are read (MIMIC-IV 2.2 to 3.1)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecg2lab.errors import DatasetError

Kind = Literal["integer", "number", "text", "time", "date"]
SUFFIXES = (".csv", ".csv.gz", ".parquet")
DEPTH = 5
"""Folders below the one that was named."""
RECORDS_FOLDER = "files"
"""Beside `record_list` it holds the waveforms, hundreds of thousands of folders: no tables are sought there."""


@dataclass(frozen=True)
class Layout:
    """What is read of one table."""

    columns: Mapping[str, Kind]
    required: bool = True


LAYOUT = {
    "record_list": Layout({"subject_id": "integer", "study_id": "integer", "ecg_time": "time", "path": "text"}),
    "patients": Layout(
        {"subject_id": "integer", "gender": "text", "anchor_age": "number", "anchor_year": "integer"},
    ),
    "admissions": Layout({"subject_id": "integer", "race": "text"}),
    "d_labitems": Layout({"itemid": "integer", "label": "text", "fluid": "text"}),
    "labevents": Layout(
        {
            "subject_id": "integer",
            "itemid": "integer",
            "charttime": "time",
            "valuenum": "number",
            "valueuom": "text",
            "ref_range_lower": "number",
            "ref_range_upper": "number",
        }
    ),
    "omr": Layout(
        {"subject_id": "integer", "chartdate": "date", "result_name": "text", "result_value": "text"}, required=False
    ),
    "edstays": Layout({"subject_id": "integer", "race": "text"}, required=False),
    "vitalsign": Layout(
        {
            "subject_id": "integer",
            "charttime": "time",
            "temperature": "number",
            "heartrate": "number",
            "resprate": "number",
            "o2sat": "number",
            "sbp": "number",
            "dbp": "number",
        },
        required=False,
    ),
    "records_w_diag_icd10": Layout({"subject_id": "integer", "strat_fold": "integer"}, required=False),
}
"""By file stem. A table that is not required may be absent: the report says what is missing for it."""


@dataclass(frozen=True)
class Table:
    """One table on disk."""

    stem: str
    path: Path

    @property
    def columns(self) -> Mapping[str, Kind]:
        """Columns that are read."""
        return LAYOUT[self.stem].columns


def locate(folder: Path) -> dict[str, Table]:
    """Find the tables at or below a folder, by file stem.

    Raises
    ------
    DatasetError
        If there is no such folder, a required table is missing, or two files could be the same table.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; name the one that holds the tables of the hospital")
    tables: dict[str, Table] = {}
    for path in _files(folder):
        stem = _stem(path.name)
        if stem not in LAYOUT:
            continue
        if stem in tables:
            raise DatasetError(f"table {stem} is there twice, {tables[stem].path} and {path}; keep one of them")
        tables[stem] = Table(stem, path)
    missing = [stem for stem, layout in LAYOUT.items() if layout.required and stem not in tables]
    if missing:
        raise DatasetError(
            f"{folder} has no table {missing[0]} ({' or '.join(missing[0] + s for s in SUFFIXES)}), "
            f"{DEPTH} folders deep"
        )
    return tables


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        of_records = any(_stem(name) == "record_list" for name in names)
        below = [f for f in sorted(folders) if not (f.startswith(".") or (of_records and f == RECORDS_FOLDER))]
        folders[:] = below if depth < DEPTH else []
        yield from (Path(place) / name for name in sorted(names))


def _stem(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in SUFFIXES[::-1] if name.endswith(suffix)), "")
