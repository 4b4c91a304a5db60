"""The last value before an ECG, on hand-made rows: strictly before, cleaned as labels are, of this patient and lab."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecg2lab_training.cohort import build as building
from ecg2lab_training.cohort import last_values
from ecg2lab_training.cohort.build import Options, build
from ecg2lab_training.data import dataset
from ecg2lab_training.data.labs import slug_of, slugs_of

from .conftest import Rows, lab_row

Make = Callable[..., Path]
START = datetime(2180, 1, 1, 12)
SMALL = Options(fewest_values=20, fewest_cases=1, workers=1)
Taken = tuple[float, float]  # minutes after the ECG, value


def found(*rows: tuple[int, int, float, float], ecgs: tuple[tuple[int, float], ...] = ((1, 0),)) -> list[Any]:
    """(ecg, lab, value, minutes) of values (patient, lab, minutes, value) and ECGs (patient, minutes)."""
    events = [(p, START + timedelta(minutes=m), n, lab, value) for n, (p, lab, m, value) in enumerate(rows, 2)]
    types = {"subject_id": pl.Int64, "time": pl.Datetime("us"), "row": pl.Int64, "lab": pl.UInt32, "value": pl.Float64}
    asked = [(n, p, START + timedelta(minutes=m)) for n, (p, m) in enumerate(ecgs)]
    listed = pl.LazyFrame(asked, schema=("ecg", "subject_id", "ecg_time"), orient="row")
    return last_values.last_before(listed, pl.LazyFrame(events, schema=types, orient="row")).rows()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([(0, 4.0)], None),  # at the ECG: it is part of the answer
        ([(1, 4.0)], None),
        ([(-1 / 60, 4.0)], (4.0, 1 / 60)),  # a second before
        ([(-30, 4.0), (-10, 5.0), (0, 6.0), (10, 7.0)], (5.0, 10.0)),
        ([(-10, 5.0), (-30, 4.0)], (5.0, 10.0)),  # the order of the file does not matter
        ([(-10, 5.0), (-10, 4.0)], (5.0, 10.0)),  # but for two at one moment: the first
        ([(-3 * 365 * 24 * 60, 4.0)], (4.0, 3 * 365 * 24 * 60)),  # however old
    ],
)
def test_the_last_value_strictly_before(values: list[Taken], expected: Taken | None) -> None:
    rows = found(*((1, 0, minutes, value) for minutes, value in values))
    assert rows == ([] if expected is None else [(0, 0, expected[0], pytest.approx(expected[1]))])


def test_patients_labs_and_ecgs_do_not_mix() -> None:
    rows = found((1, 0, -5, 1.0), (1, 1, -9, 2.0), (2, 0, -7, 3.0), (1, 0, 20, 4.0), ecgs=((1, 0), (2, 0), (1, 30)))
    assert rows == [(0, 0, 1.0, 5.0), (0, 1, 2.0, 9.0), (1, 0, 3.0, 7.0), (2, 0, 4.0, 10.0), (2, 1, 2.0, 39.0)]


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_search_through_all_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 4, (80, 3)) - [0, 0, 3]
    rows = [(int(p), int(lab), float(m), float(n)) for n, (p, lab, m) in enumerate(drawn)]
    ecgs = [(int(p), float(m)) for p, m in rng.integers(0, 4, (20, 2)) - [0, 3]]
    expected = []
    for ecg, (patient, at) in enumerate(ecgs):
        for lab in range(4):
            own = [(m, -n, value) for n, (p, of, m, value) in enumerate(rows) if (p, of) == (patient, lab) and m < at]
            if own:
                expected.append((ecg, lab, max(own)[2], at - max(own)[0]))
    assert found(*rows, ecgs=tuple(ecgs)) == expected


@pytest.mark.slow
class TestThroughTheCohort:
    """What `build` writes beside the labels."""

    @staticmethod
    def of(folder: Path, lab: str = "potassium") -> dict[int, tuple[float, float]]:
        """Value and minutes of one lab by patient; patients without are left out."""
        data = dataset.read(folder)
        assert data.last is not None
        values = data.last[slugs_of(data.contract.target_names).index(lab)].T
        pairs = zip(data.patient_id.tolist(), values.tolist(), strict=True)
        return {patient: (value, minutes) for patient, (value, minutes) in pairs if not np.isnan(value)}

    def test_every_patient_has_its_own(self, own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]) -> None:
        events = [row | {"valuenum": 3 + row["subject_id"] / 100} for row in tables["labevents"][::3]]  # 50 min before
        events += [row for number, row in enumerate(tables["labevents"]) if number % 3]
        build(own_hospital(labevents=events), tmp_path / "ds", SMALL)
        assert self.of(tmp_path / "ds") == {p: (3 + p / 100, 50.0) for p in range(1, 81)}

    def test_is_cleaned_as_labels_are(self, own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]) -> None:
        """What is no value for a label is none before the ECG; the value before it counts, 50 minutes before."""
        changes: dict[int, dict[str, Any]] = {
            1: {"valuenum": ""},
            2: {"ref_range_lower": 0, "ref_range_upper": 0},
            3: {"valueuom": "furlong"},  # unknown
            4: {"valueuom": ""},  # blank: most rows have a unit
            5: {"itemid": 1},  # no label
            6: {"charttime": "2180-01-01 12:00:00"},  # at the ECG
        }
        later = [lab_row(patient, -20, 9.0) | changed for patient, changed in changes.items()]
        later += [lab_row(7, -20, 9.0, valueuom="mmol/L"), lab_row(8, -20, 9.0)]
        build(own_hospital(labevents=tables["labevents"] + later), tmp_path / "ds", SMALL)
        last = self.of(tmp_path / "ds")
        assert {patient: last[patient] for patient in changes} == dict.fromkeys(changes, (4.0, 50.0))
        assert (last[7], last[8]) == ((9.0, 20.0), (9.0, 20.0))  # 1 mmol/L of potassium is 1 mEq/L

    def test_units_are_those_of_the_limits(self, own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]) -> None:
        """Converted where they can be; a relabelled lab's numbers stand as they are, whatever unit their rows name."""
        tables["d_labitems"] += [
            {"itemid": 50912, "label": "Creatinine", "fluid": "Blood", "category": "Chemistry"},
            {"itemid": 50915, "label": "D-Dimer", "fluid": "Blood", "category": "Chemistry"},
        ]
        kidney = {"itemid": 50912, "valueuom": "mg/dL", "ref_range_lower": 0.5, "ref_range_upper": 1.2}
        dimer = {"itemid": 50915, "valueuom": "ng/mL", "ref_range_lower": 0, "ref_range_upper": 500}
        events = list(tables["labevents"])
        for p in range(1, 81):
            events += [lab_row(p, 10, 0.9 + p % 3, **kidney), lab_row(p, 10, 400 + 200 * (p % 3), **dimer)]
        events += [
            lab_row(1, -5, 88.42, **kidney | {"valueuom": "umol/L"}),
            lab_row(1, -5, 700, **dimer | {"valueuom": ""}),
        ]
        build(own_hospital(labevents=events, d_labitems=tables["d_labitems"]), tmp_path / "ds", SMALL)
        value, minutes = self.of(tmp_path / "ds", "creatinine")[1]
        assert (value, minutes) == (pytest.approx(1.0, abs=1e-3), 5.0)
        assert self.of(tmp_path / "ds", "d_dimer") == {1: (700.0, 5.0)}

    def test_unreadable_records_leave_the_others_their_values(self, own_hospital: Make, tmp_path: Path) -> None:
        folder = own_hospital()
        for number in (501, 520):
            next(folder.rglob(f"{number}.dat")).write_bytes(b"short")
        build(folder, tmp_path / "ds", SMALL)
        assert set(self.of(tmp_path / "ds")) == set(range(1, 81)) - {1, 20}

    def test_blocks_do_not_matter(self, own_hospital: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = own_hospital()
        build(folder, tmp_path / "one", SMALL)
        monkeypatch.setattr(building, "SMALL_BLOCK", 7)
        build(folder, tmp_path / "many", SMALL)
        assert (tmp_path / "one" / dataset.LAST).read_bytes() == (tmp_path / "many" / dataset.LAST).read_bytes()

    def test_labs_are_those_of_the_targets(self, own_hospital: Make, tmp_path: Path) -> None:
        build(own_hospital(), tmp_path / "ds", SMALL)
        data = dataset.read(tmp_path / "ds")
        assert {slug_of(name) for name in data.contract.target_names} == {"potassium"}
        assert data.last is not None
        assert data.last.shape == (1, 2, 80)
