"""A small hospital, by hand: the tables of MIMIC-IV as lists of rows, and WFDB records."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

START = datetime(2180, 1, 1, 12)
LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
"""In the order of MIMIC-IV-ECG's headers."""
PLACES = {
    "patients": "hosp/patients.csv.gz",
    "admissions": "hosp/admissions.csv.gz",
    "d_labitems": "hosp/d_labitems.csv.gz",
    "labevents": "hosp/labevents.csv.gz",
    "omr": "hosp/omr.csv.gz",
    "edstays": "ed/edstays.csv.gz",
    "vitalsign": "ed/vitalsign.csv.gz",
    "record_list": "ecg/record_list.csv",
    "records_w_diag_icd10": "ecg_icd/records_w_diag_icd10.csv",
}
Rows = list[dict[str, Any]]


def moment(minutes: float = 0) -> str:
    """A time as the tables write it, so many minutes after the ECG."""
    return f"{START + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


def write_table(path: Path, rows: Rows) -> None:
    """Write rows as csv or csv.gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_record(path: Path, seed: int, seconds: float = 10, leads: tuple[str, ...] = LEADS) -> None:
    """Write a WFDB record as MIMIC-IV-ECG does: 500 Hz, format 16, gain 200/mV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-100, 100, (round(500 * seconds), len(leads)))
    header = [f"{path.name} {len(leads)} 500 {len(samples)}"]
    sums = (samples.sum(axis=0) + 2**15) % 2**16 - 2**15  # 16 bits, signed
    for lead, first, checksum in zip(leads, samples[0], sums, strict=True):
        header.append(f"{path.name}.dat 16 200(0)/mV 16 0 {first} {checksum} 0 {lead}")
    path.with_name(path.name + ".hea").write_text("\n".join(header) + "\n")
    path.with_name(path.name + ".dat").write_bytes(samples.astype("<i2").tobytes())


def lab_row(patient: int, minutes: float, value: float, **changed: Any) -> dict[str, Any]:
    """A potassium value; `changed` columns differ."""
    row = {
        "labevent_id": 0,
        "subject_id": patient,
        "itemid": 50971,
        "charttime": moment(minutes),
        "value": str(value),
        "valuenum": value,
        "valueuom": "mEq/L",
        "ref_range_lower": 3.3,
        "ref_range_upper": 5.1,
        "flag": "",
        "comments": '___, "quoted"\nand a second line',
    }
    return row | changed


def small_hospital(patients: int = 80) -> dict[str, Rows]:
    """Tables of a hospital: every patient has one ECG and three values of potassium."""
    people = range(1, patients + 1)
    paths = {p: f"files/p1000/p{p}/s{p + 500}/{p + 500}" for p in people}
    potassium = {p: (6.0, 4.0, 3.0)[p % 3] for p in people}
    return {
        "patients": [
            {"subject_id": p, "gender": "FM"[p % 2], "anchor_age": 30 + p % 60, "anchor_year": 2178} for p in people
        ],
        "admissions": [{"subject_id": p, "race": ("WHITE", "BLACK/AFRICAN", "UNKNOWN")[p % 3]} for p in people],
        "d_labitems": [
            {"itemid": 50971, "label": "Potassium", "fluid": "Blood", "category": "Chemistry"},
            {"itemid": 51006, "label": "Urea Nitrogen", "fluid": "Blood", "category": "Chemistry"},
        ],
        "labevents": [
            lab_row(p, minutes, value)
            for p in people
            for minutes, value in ((-50, 4.0), (10, potassium[p]), (100, 4.0))
        ],
        "omr": [
            {"subject_id": p, "chartdate": "2180-01-05", "seq_num": 1, "result_name": name, "result_value": value}
            for p in people
            for name, value in (("Height (Inches)", "70"), ("Weight (Lbs)", "200"), ("Blood Pressure", "110/70"))
        ],
        "edstays": [{"subject_id": p, "race": "ASIAN"} for p in people],
        "vitalsign": [
            {
                "subject_id": p,
                "stay_id": p,
                "charttime": moment(-5),
                "temperature": 98.6,
                "heartrate": 60 + p % 30,
                "resprate": 18,
                "o2sat": 97,
                "sbp": 120,
                "dbp": 70,
                "rhythm": "",
                "pain": "unable",
            }
            for p in people
        ],
        "record_list": [
            {"subject_id": p, "study_id": p + 500, "file_name": p + 500, "ecg_time": moment(), "path": paths[p]}
            for p in people
        ],
        "records_w_diag_icd10": [
            {"file_name": paths[p], "study_id": p + 500, "subject_id": p, "strat_fold": p % 20} for p in people
        ],
    }


def write_hospital(folder: Path, tables: dict[str, Rows]) -> Path:
    """Write the tables and the records that they list."""
    for stem, rows in tables.items():
        write_table(folder / PLACES[stem], rows)
    for row in tables["record_list"]:
        write_record(folder / "ecg" / row["path"], seed=row["study_id"])
    return folder


@pytest.fixture
def own_hospital(tmp_path: Path) -> Callable[..., Path]:
    """Write the small hospital; tables given by name replace its own, None leaves one out."""

    def make(**changed: Rows | None) -> Path:
        tables = small_hospital() | changed
        return write_hospital(tmp_path / "hospital", {stem: rows for stem, rows in tables.items() if rows is not None})

    return make


@pytest.fixture(scope="session")
def record_writer() -> Callable[..., None]:
    """Write one record: `write_record`."""
    return write_record


@pytest.fixture
def tables() -> dict[str, Rows]:
    """Tables of the small hospital, to be changed."""
    return small_hospital()
