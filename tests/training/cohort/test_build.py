"""From a hospital's folder to a data set that opens, or a refusal that names step, file and row."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecg2lab.errors import DatasetError, OutputError
from ecg2lab.system.file_lock import file_lock
from ecg2lab_training.cohort import build as building
from ecg2lab_training.cohort import waveforms
from ecg2lab_training.cohort.build import Options, build
from ecg2lab_training.data import dataset

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
Rows = list[dict[str, Any]]
SMALL = Options(fewest_values=20, fewest_cases=1, workers=1)


def read_csv(path: Path) -> Rows:
    """Rows of a small csv table."""
    with path.open() as stream:
        return list(csv.DictReader(stream))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_whole_hospital(own_hospital: Make, tmp_path: Path) -> None:
    summary = build(own_hospital(), tmp_path / "ds", SMALL)
    data = dataset.read(tmp_path / "ds")
    assert (summary.records, summary.patients, summary.skipped) == (80, 80, 0)
    assert not data.description.synthetic
    assert data.ideal is None
    assert data.signals.shape == (80, 12, 1000)
    np.testing.assert_array_equal(data.record_id, data.patient_id + 500)
    np.testing.assert_array_equal(data.fold, data.patient_id % 20)
    expected = {0: (False, True), 1: (False, False), 2: (True, False)}  # potassium 6, 4, 3
    now = [data.contract.target_index(f"potassium_{side}_now") for side in ("low", "high")]
    for row, patient in enumerate(data.patient_id):
        assert tuple(data.labels[row, now].astype(bool)) == expected[patient % 3]


def test_features_are_those_of_the_tables(own_hospital: Make, tmp_path: Path) -> None:
    build(own_hospital(), tmp_path / "ds", SMALL)
    row = pl.read_parquet(tmp_path / "ds" / dataset.TABLE).filter(pl.col("patient_id") == 2).row(0, named=True)
    assert row["record"] == "files/p1000/p2/s502/502"
    assert (row["sex"], row["race"], row["age"]) == ("female", "asian", 32)  # admissions do not know, the ED does
    assert (row["heart_rate_bpm"], row["temperature_f"], row["spo2_percent"]) == (62, 98.6, 97)
    assert row["height_cm"] == pytest.approx(177.8)
    assert row["weight_kg"] == pytest.approx(90.718474)
    assert row["bmi"] is None


def test_same_hospital_same_bytes_and_nothing_beside(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    build(folder, tmp_path / "a", SMALL)
    build(folder, tmp_path / "b", replace(SMALL, workers=2))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "hospital"]


def test_funnel_and_lists(own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]) -> None:
    events = tables["labevents"]
    events[0] |= {"valuenum": ""}
    events[1] |= {"ref_range_lower": 0, "ref_range_upper": 0}
    events[5] |= {"valueuom": "furlong"}
    events[8] |= {"valueuom": "mmol/L"}
    events += [events[9] | {"itemid": 51006, "ref_range_lower": "", "ref_range_upper": ""} for _ in range(30)]
    events += [events[9] | {"subject_id": 999}]
    build(own_hospital(labevents=events), tmp_path / "ds", SMALL)
    dropped = {(row["step"], row["reason"]): (row["file"], row["row"], row["count"]) for row in dropped_of(tmp_path)}
    # the first row is the header, so the first event is in row 2
    assert dropped["laboratory rows", "no number"] == ("labevents.csv.gz", "2", "1")
    assert dropped["laboratory rows", "reference range 0-0"] == ("labevents.csv.gz", "3", "1")
    assert dropped["one unit", "Potassium: furlong cannot be converted to mEq/L"] == ("labevents.csv.gz", "7", "1")
    gone = dropped["reference limits", "Urea Nitrogen: no row has a reference limit"]
    assert gone == ("labevents.csv.gz", "242", "30")
    steps = json.loads((tmp_path / "ds" / "funnel.json").read_text())["steps"]
    rows = {step["step"]: step["rows"] for step in steps}
    assert rows["of patients with an ECG (of 271 rows read)"] == 270
    assert rows["with number, time, label and reference range"] == 268
    assert rows["one unit"] == 267
    assert rows["labs with 20 values and a reference limit"] == 237
    assert "| ECGs | listed | 80 | 80 |" in (tmp_path / "ds" / "funnel.md").read_text()
    assert len(read_csv(tmp_path / "ds" / "labels.csv")) == len(dataset.read(tmp_path / "ds").contract.targets)


def dropped_of(folder: Path) -> Rows:
    """Rows of dropped.csv."""
    return read_csv(folder / "ds" / "dropped.csv")


def test_children_and_strangers_are_left_out_by_name(
    own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]
) -> None:
    tables["patients"][0]["anchor_age"] = 17
    tables["record_list"][1]["ecg_time"] = ""
    folds = [row for row in tables["records_w_diag_icd10"] if row["subject_id"] != 3]
    patients = [row for row in tables["patients"] if row["subject_id"] != 4]
    folder = own_hospital(patients=patients, record_list=tables["record_list"], records_w_diag_icd10=folds)
    build(folder, tmp_path / "ds", SMALL)
    assert sorted(dataset.read(tmp_path / "ds").patient_id) == list(range(5, 81))
    reasons = {row["reason"]: row["row"] for row in dropped_of(tmp_path)}
    assert reasons["not an adult"] == "2"
    assert reasons["no time"] == "3"
    assert reasons["patient has no fold"] == "4"
    assert reasons["patient is not in table patients"] == "5"


def test_damaged_records_are_skipped_by_name(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    for number in (501, 520, 580):
        next(folder.rglob(f"{number}.dat")).write_bytes(b"short")
    summary = build(folder, tmp_path / "ds", SMALL)
    data = dataset.read(tmp_path / "ds")
    assert (summary.skipped, summary.records) == (3, 77)
    assert not set(data.record_id) & {501, 520, 580}
    skipped = read_csv(tmp_path / "ds" / "skipped.csv")
    assert [row["record"] for row in skipped] == [f"files/p1000/p{p}/s{p + 500}/{p + 500}" for p in (1, 20, 80)]
    whole = build(own_hospital(), tmp_path / "whole", SMALL)
    assert whole.records == 80
    other = dataset.read(tmp_path / "whole")
    for row, study in enumerate(data.record_id):  # every row has kept its own signal and labels
        twin = int(np.flatnonzero(other.record_id == study)[0])
        np.testing.assert_array_equal(data.signals[row], other.signals[twin])
        np.testing.assert_array_equal(data.labels[row], other.labels[twin])


def test_label_that_dies_with_its_records_is_named(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    for patient in range(1, 81):  # potassium 3 is in patients 2, 5, 8, …; those of fold 18 cannot be read
        if patient % 3 == 2 and patient % 20 == 18:
            next(folder.rglob(f"{patient + 500}.hea")).unlink()
    summary = build(folder, tmp_path / "ds", SMALL)
    names = dataset.read(tmp_path / "ds").contract.target_names
    assert "potassium_low_now" not in names
    assert "potassium_high_now" in names
    assert "potassium_low_now" in "".join(summary.notes)


def test_hospital_without_folds_emergency_department_and_body(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital(records_w_diag_icd10=None, edstays=None, vitalsign=None, omr=None)
    summary = build(folder, tmp_path / "ds", replace(SMALL, seed=3))
    data = dataset.read(tmp_path / "ds")
    assert np.isnan(data.continuous[:, [name != "age" for name in data.contract.feature_names[:10]]]).all()
    assert np.bincount(data.fold, minlength=20).tolist() == [4] * 20
    for table in ("records_w_diag_icd10", "edstays", "vitalsign", "omr"):
        assert any(f"table {table} is absent" in note for note in summary.notes)


def test_layout_of_the_open_demos(own_hospital: Make, tmp_path: Path, tables: dict[str, Rows]) -> None:
    for row in tables["record_list"]:
        row["path"] = f"files/p{row['subject_id']}/s{row['study_id']}/{row['study_id']}"
    folder = own_hospital(record_list=tables["record_list"], records_w_diag_icd10=None)
    names = {"hosp": "mimic-iv-clinical-database-demo-2.2/hosp", "ed": "mimic-iv-ed-demo-2.2/ed"}
    for old, new in (names | {"ecg": "mimic-iv-ecg-demo-diagnostic-electrocardiogram-matched-subset-demo-0.1"}).items():
        (folder / new).parent.mkdir(exist_ok=True)
        shutil.move(folder / old, folder / new)
    assert build(folder, tmp_path / "ds", SMALL).records == 80


def test_simulated_hospital_brings_its_truth(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    truth = {
        "schema_version": 1,
        "synthetic": True,
        "seed": 7,
        "patients": 80,
        "targets": {"potassium_low_now": {"planted": "ecg", "ideal_auroc": 0.9, "prevalence": 0.3}},
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    studies = list(range(580, 501, -1))  # of all but the first
    probabilities = pl.DataFrame({"study_id": studies, "potassium_low_now": [study / 1000 for study in studies]})
    probabilities.write_parquet(folder / "truth.parquet")
    summary = build(folder, tmp_path / "ds", SMALL)
    data = dataset.read(tmp_path / "ds")
    assert summary.synthetic
    assert data.description.synthetic
    assert data.description.seed == 7
    assert data.description.planted == {"potassium_low_now": "ecg"}
    assert data.ideal is not None
    column = data.contract.target_index("potassium_low_now")
    expected = np.where(data.record_id == 501, np.nan, data.record_id / 1000)
    np.testing.assert_array_equal(data.ideal[:, column], expected)
    assert np.isnan(np.delete(data.ideal, column, axis=1)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labevents": {"charttime": "2180-31-12 00:00:00"}}, r"labevents\.csv\.gz, row 2: charttime .* is not a time"),
        ({"labevents": {"itemid": 1}}, None),
        ({"vitalsign": {"heartrate": "fast"}}, r"vitalsign\.csv\.gz, row 2: heartrate 'fast' is not a number"),
        ({"omr": {"chartdate": "soon"}}, r"omr\.csv\.gz, row 2: chartdate 'soon' is not a date"),
        ({"record_list": {"study_id": 502}}, r"record_list\.csv, row 3: its study_id was there before"),
        ({"patients": {"subject_id": 2}}, r"row 3: patient 2 is there twice"),
        ({"records_w_diag_icd10": {"subject_id": 2}}, r"row 3: patient 2 is in two folds"),
        ({"records_w_diag_icd10": {"strat_fold": 20}}, r"records_w_diag_icd10\.csv, row 2: strat_fold 20 is outside"),
    ],
)
def test_bad_first_row_is_named(
    own_hospital: Make, tmp_path: Path, tables: dict[str, Rows], change: dict[str, dict[str, Any]], message: str | None
) -> None:
    ((stem, columns),) = change.items()
    tables[stem][0] |= columns
    folder = own_hospital(**{stem: tables[stem]})
    if message is None:
        build(folder, tmp_path / "ds", SMALL)
        return
    with pytest.raises(DatasetError, match=message):
        build(folder, tmp_path / "ds", SMALL)
    assert not (tmp_path / "ds").exists()


def test_truncated_table(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    path = folder / "hosp" / "labevents.csv.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"labevents\.csv\.gz is a truncated or damaged gzip file"):
        build(folder, tmp_path / "ds", SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (replace(SMALL, fewest_cases=100), "label survival: no label of 8 has 100 positive"),
        (replace(SMALL, fewest_values=1000), "no laboratory test has 1000 values"),
    ],
)
def test_nothing_left(own_hospital: Make, tmp_path: Path, options: Options, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        build(own_hospital(), tmp_path / "ds", options)
    assert [path.name for path in tmp_path.iterdir()] == ["hospital"]  # no work to take up is left either


def test_no_record_can_be_read(own_hospital: Make, tmp_path: Path) -> None:
    folder = own_hospital()
    shutil.rmtree(folder / "ecg" / "files")
    with pytest.raises(DatasetError, match=r"waveforms: none of 80 records can be read; the first: there is no record"):
        build(folder, tmp_path / "ds", SMALL)


def test_taken_folder(own_hospital: Make, tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "mine").touch()
    with pytest.raises(OutputError, match="is not empty"):
        build(own_hospital(), tmp_path / "ds", SMALL)


def test_two_runs_at_once(own_hospital: Make, tmp_path: Path) -> None:
    (tmp_path / ".ds.work").mkdir()
    with (
        file_lock(tmp_path / ".ds.work" / "lock"),
        pytest.raises(OutputError, match="another run is writing .*ds; wait for it"),
    ):
        build(own_hospital(), tmp_path / "ds", SMALL)


def test_full_disk_while_tables_are_read(own_hospital: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(OutputError, match="tables: cannot write .*No space left on device"):
        build(own_hospital(), tmp_path / "ds", SMALL)
    assert not (tmp_path / "ds").exists()


def test_stopped_run_is_taken_up(own_hospital: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own_hospital()
    build(folder, tmp_path / "whole", SMALL)
    real, read = waveforms._signal, list[str]()
    monkeypatch.setattr(waveforms, "CHUNK", 10)

    def stops(job: waveforms.Job, record: str) -> Any:
        read.append(record)
        if len(read) == 25:
            raise KeyboardInterrupt
        return real(job, record)

    monkeypatch.setattr(waveforms, "_signal", stops)
    with pytest.raises(KeyboardInterrupt):
        build(folder, tmp_path / "ds", SMALL)
    assert not (tmp_path / "ds").exists()
    build(folder, tmp_path / "ds", SMALL)
    assert len(read) == 25 + 60  # twenty were done
    assert contents(tmp_path / "ds") == contents(tmp_path / "whole")


def test_blocks_of_ecgs_do_not_matter(own_hospital: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own_hospital()
    build(folder, tmp_path / "one", SMALL)
    monkeypatch.setattr(building, "BLOCK", 7)
    monkeypatch.setattr(building, "SMALL_BLOCK", 7)
    build(folder, tmp_path / "many", SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")
