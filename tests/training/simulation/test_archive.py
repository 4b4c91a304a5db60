"""The simulated hospital on disk: whole, repeatable, and in the layout that `cohort` reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ecg2lab
from ecg2lab.errors import DatasetError, OutputError, RecordingError
from ecg2lab_training.simulation import archive, hospital, truth
from ecg2lab_training.simulation.questions import QUESTIONS

from .visits import draw

pytestmark = pytest.mark.slow

PATIENTS = 40


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital of forty patients; read only."""
    path = tmp_path_factory.mktemp("hospital") / "sim"
    archive.simulate(path, PATIENTS, seed=4)
    return path


def files(root: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    archive.simulate(tmp_path / "again", PATIENTS, seed=4, workers=1)
    assert files(tmp_path / "again") == files(small)


def test_more_patients_do_not_change_those_there_were(small: Path, tmp_path: Path) -> None:
    archive.simulate(tmp_path / "more", PATIENTS + 7, seed=4)
    few, many = files(small), files(tmp_path / "more")
    records = [name for name in few if name.startswith("ecg/files")]
    assert len(records) > 2 * PATIENTS
    assert all(many[name] == few[name] for name in records)
    fewer, more = (
        pl.read_csv(root / "hosp/labevents.csv.gz", infer_schema=False) for root in (small, tmp_path / "more")
    )
    assert more.filter(pl.col("subject_id") <= fewer["subject_id"].max()).equals(fewer)


def test_every_record_of_the_list_is_there_and_can_be_read(small: Path) -> None:
    listed = pl.read_csv(small / "ecg/record_list.csv")
    damaged = 0
    for path in listed["path"].to_list():
        try:
            recording = ecg2lab.read(small / "ecg" / f"{path}.hea")
        except RecordingError:
            damaged += 1
        else:
            assert recording.samples.shape == (12, 5000)
    assert damaged == sum(archive.records.damaged(4, study) for study in listed["study_id"].to_list())


COLUMNS = {
    "hosp/labevents.csv.gz": "labevent_id subject_id hadm_id specimen_id itemid order_provider_id charttime storetime "
    "value valuenum valueuom ref_range_lower ref_range_upper flag priority comments",
    "hosp/patients.csv.gz": "subject_id gender anchor_age anchor_year anchor_year_group dod",
    "hosp/omr.csv.gz": "subject_id chartdate seq_num result_name result_value",
    "hosp/d_labitems.csv.gz": "itemid label fluid category",
    "ed/vitalsign.csv.gz": "subject_id stay_id charttime temperature heartrate resprate o2sat sbp dbp rhythm pain",
    "ecg/record_list.csv": "subject_id study_id file_name ecg_time path",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_the_columns_of_mimic_iv(small: Path, name: str) -> None:
    assert pl.read_csv(small / name, infer_schema=False).columns == COLUMNS[name].split()


def test_every_twenty_patients_have_every_fold() -> None:
    folds = [hospital.fold(2, patient) for patient in range(60)]
    assert all(sorted(folds[start : start + 20]) == list(range(20)) for start in (0, 20, 40))
    assert folds[:20] != folds[20:40]


def test_visits_of_a_patient_are_far_apart_and_share_what_stays() -> None:
    visits = draw(500, 1)
    again = np.flatnonzero(visits.number > 0)
    assert 0.1 * 500 < len(again) < 0.4 * 500
    np.testing.assert_array_equal(visits.filtration[again], visits.filtration[again - 1])
    assert (visits.potassium[again] != visits.potassium[again - 1]).all()
    block = hospital.draw(1, 0)
    later = np.flatnonzero(block.visits.number > 0)
    assert (block.ecg_time[later] - block.ecg_time[later - 1]).min() > np.timedelta64(25, "D")


def test_truth_speaks_of_every_question(small: Path) -> None:
    content = json.loads((small / "truth.json").read_text())
    assert content["synthetic"] is True
    assert list(content["targets"]) == [q.name for q in QUESTIONS]
    for said in content["targets"].values():
        assert said["planted"] in ("ecg", "tabular", "nowhere")
    table = pl.read_parquet(small / "truth.parquet")
    assert table["study_id"].to_list() == pl.read_csv(small / "ecg/record_list.csv")["study_id"].to_list()
    assert table.drop("study_id").to_numpy().min() >= 0
    assert table.drop("study_id").to_numpy().max() <= 1


def test_each_common_label_has_both_answers_and_gaps() -> None:
    answers = truth.labels(hospital.draw(1, 0))
    for question, y in zip(QUESTIONS, answers.T, strict=True):
        assert (y == 0).sum() > 100, question.name
        assert np.isnan(y).any(), question.name


@pytest.mark.parametrize(("patients", "seed", "message"), [(0, 1, "0 patients"), (5, -1, "seed -1")])
def test_refusals(tmp_path: Path, patients: int, seed: int, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        archive.simulate(tmp_path / "x", patients, seed)
    assert not list(tmp_path.iterdir())


def test_a_taken_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        archive.simulate(tmp_path, 5, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(OutputError, match="is a file"):
        archive.simulate(tmp_path / "mine.txt", 5, 1)
    with pytest.raises(OutputError, match="cannot write"):
        archive.simulate(tmp_path / "mine.txt" / "below", 5, 1)
