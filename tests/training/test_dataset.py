"""A data set is repeatable, whole and consistent, or refused by name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecg2lab.errors import DatasetError, OutputError
from ecg2lab_training import dataset, imputation
from ecg2lab_training.dataset_writer import file_sha256, write_dataset
from ecg2lab_training.simulation import archive, targets
from ecg2lab_training.simulation.patient import simulate_patient


def reseal(folder: Path) -> None:
    """Make the digests right again, so that what lies behind them is tested."""
    path = folder / dataset.DESCRIPTION
    description = json.loads(path.read_text())
    description["sha256"] = {name: file_sha256(folder / name) for name in dataset.CONTENT}
    path.write_text(json.dumps(description))


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def change_table(folder: Path, *columns: pl.Expr, drop: tuple[str, ...] = ()) -> None:
    """Change the table and seal the data set again."""
    table = pl.read_parquet(folder / dataset.TABLE).with_columns(*columns).drop(*drop)
    table.write_parquet(folder / dataset.TABLE)
    reseal(folder)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        archive.simulate(tmp_path / name, 12, seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a")["signals.npy"] != contents(tmp_path / "c")["signals.npy"]


def test_patients_do_not_depend_on_their_number(tmp_path: Path) -> None:
    archive.simulate(tmp_path / "few", 5, 3)
    archive.simulate(tmp_path / "many", 9, 3)
    few, many = dataset.read(tmp_path / "few"), dataset.read(tmp_path / "many")
    np.testing.assert_array_equal(few.signals, many.signals[:5])
    np.testing.assert_array_equal(few.continuous, many.continuous[:5])
    np.testing.assert_array_equal(few.labels, many.labels[:5])
    np.testing.assert_array_equal(few.fold, many.fold[:5])


def test_reads_what_was_simulated(patients: Path) -> None:
    data = dataset.read(patients)
    assert data.description.synthetic
    assert data.description.patients == data.description.records == 120
    assert data.signals.shape == (120, 12, 1000)
    patient = simulate_patient(5, 17)
    assert data.fold[17] == patient.fold
    for column, feature in enumerate(data.contract.continuous):
        value = patient.features[feature.name]
        if value is not None and feature.name != "age" and value <= feature.maximum:
            assert data.continuous[17, column] == value
    for column, name in enumerate(data.contract.target_names):
        label = patient.labels[name]
        assert np.isnan(data.labels[17, column]) if label is None else data.labels[17, column] == label


def test_signals_are_in_the_contracts_lead_order(patients: Path) -> None:
    data = dataset.read(patients)
    lead = {name: data.signals[:, i] for i, name in enumerate(data.contract.signal.leads)}
    # resampling is linear, but each lead was rounded by itself
    np.testing.assert_allclose(lead["I"] + lead["III"], lead["II"], atol=0.02)
    np.testing.assert_allclose(lead["aVF"], (lead["II"] + lead["III"]) / 2, atol=0.02)


def test_what_is_no_measurement_is_missing_and_old_age_is_coded(own_patients: Path) -> None:
    change_table(
        own_patients,
        pl.Series("temperature_f", [986.0, 98.6] + [None] * 118, dtype=pl.Float64),
        pl.Series("age", [95.0, 89.0] + [50.0] * 118),
    )
    data = dataset.read(own_patients)
    column = data.contract.feature_names.index
    assert np.isnan(data.continuous[0, column("temperature_f")])
    assert data.continuous[1, column("temperature_f")] == 98.6
    assert data.continuous[:3, column("age")].tolist() == [91, 89, 50]


def test_medians_are_those_of_the_training_folds(own_patients: Path) -> None:
    fold = pl.read_parquet(own_patients / dataset.TABLE)["fold"]
    train = (fold < 18).to_list()
    # what is outside the training folds must not move the median
    spo2 = [96.0 if t else 10.0 for t in train]
    spo2[train.index(True)] = None
    sex = ["male" if t else "female" for t in train]
    sex[train.index(True)] = None
    change_table(own_patients, pl.Series("spo2_percent", spo2), pl.Series("sex", sex))
    data = dataset.read(own_patients)
    learned = imputation.learn(data)
    assert learned.continuous[1].median == 96
    assert learned.categorical[0].missing_code == 1
    continuous, categorical = imputation.fill(data, learned)
    assert continuous[train.index(True), 1] == 96
    assert categorical[train.index(True), 0] == 1
    assert np.isfinite(continuous).all()


def test_all_missing_feature_is_refused(own_patients: Path) -> None:
    change_table(own_patients, pl.lit(None, dtype=pl.Float64).alias("bmi"))
    with pytest.raises(DatasetError, match="'bmi' is missing in every training record"):
        imputation.learn(dataset.read(own_patients))


@pytest.mark.parametrize("name", [*dataset.CONTENT, dataset.DESCRIPTION])
def test_missing_file(own_patients: Path, name: str) -> None:
    (own_patients / name).unlink()
    with pytest.raises(DatasetError, match=name):
        dataset.read(own_patients)


@pytest.mark.parametrize("name", dataset.CONTENT)
def test_flipped_byte(own_patients: Path, name: str) -> None:
    content = bytearray((own_patients / name).read_bytes())
    content[len(content) // 2] ^= 1
    (own_patients / name).write_bytes(content)
    with pytest.raises(DatasetError, match=f"{name} is damaged"):
        dataset.read(own_patients)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a data set"):
        dataset.read(tmp_path / "nowhere")


def test_description_is_strict(own_patients: Path) -> None:
    path = own_patients / dataset.DESCRIPTION
    path.write_text(path.read_text().replace('"synthetic"', '"simulated"'))
    with pytest.raises(DatasetError, match="`simulated`"):
        dataset.read(own_patients)


@pytest.mark.parametrize(
    ("columns", "drop", "message"),
    [
        ((), ("potassium_high_now",), "no column 'potassium_high_now'"),
        ((), ("spo2_percent",), "no column 'spo2_percent'"),
        ((), ("fold",), "no column 'fold'"),
        ((pl.lit(20).alias("fold"),), (), "fold outside 0-19"),
        ((pl.lit(1).alias("patient_id"),), (), "patient in two folds"),
        ((pl.lit("robot").alias("race"),), (), "race 'robot' is none of asian"),
        ((pl.lit(1).alias("inr_high_now"),), (), "'inr_high_now' is Int32, not Boolean"),
        ((pl.lit("tall").alias("height_cm"),), (), "'height_cm' is String, not a number"),
    ],
)
def test_table_that_does_not_fit_the_contract(
    own_patients: Path, columns: tuple[pl.Expr, ...], drop: tuple[str, ...], message: str
) -> None:
    change_table(own_patients, *columns, drop=drop)
    with pytest.raises(DatasetError, match=message):
        dataset.read(own_patients)


def test_table_that_is_none(own_patients: Path) -> None:
    (own_patients / dataset.TABLE).write_bytes(b"PAR1 not really")
    reseal(own_patients)
    with pytest.raises(DatasetError, match=r"table\.parquet cannot be read"):
        dataset.read(own_patients)


@pytest.mark.parametrize(
    "signals",
    [np.zeros((119, 12, 1000), np.float32), np.zeros((120, 12, 100), np.float32), np.zeros((120, 12, 1000))],
    ids=["records", "too short", "float64"],
)
def test_signals_that_do_not_fit(own_patients: Path, signals: np.ndarray) -> None:
    np.save(own_patients / dataset.SIGNALS, signals)
    reseal(own_patients)
    with pytest.raises(DatasetError, match="the contract wants float32"):
        dataset.read(own_patients)


def test_signals_that_are_not_finite(own_patients: Path) -> None:
    signals = np.load(own_patients / dataset.SIGNALS)
    signals[7, 3, 100] = np.nan
    np.save(own_patients / dataset.SIGNALS, signals)
    reseal(own_patients)
    with pytest.raises(DatasetError, match="not finite"):
        dataset.read(own_patients)


def test_part_without_records(tmp_path: Path) -> None:
    archive.simulate(tmp_path / "three", 3, seed=0)
    data = dataset.read(tmp_path / "three")
    empty = [p for p in ("validation", "test") if not (data.fold == {"validation": 18, "test": 19}[p]).any()]
    assert empty
    with pytest.raises(DatasetError, match="at least 20 patients"):
        data.rows(empty[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(("patients", "seed", "message"), [(0, 0, "0 patients"), (-3, 0, "-3"), (1, -1, "seed")])
def test_nonsense_is_refused_before_anything_is_written(tmp_path: Path, patients: int, seed: int, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        archive.simulate(tmp_path / "new", patients, seed)
    assert list(tmp_path.iterdir()) == []


def test_taken_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="is not empty"):
        archive.simulate(tmp_path, 2, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(OutputError, match="is a file"):
        archive.simulate(tmp_path / "mine.txt", 2, 0)
    with pytest.raises(OutputError, match="cannot write"):
        archive.simulate(tmp_path / "mine.txt" / "below", 2, 0)


def test_empty_folder_is_taken_over_and_a_new_one_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "new" / "below"):
        archive.simulate(path, 2, 0)
        assert dataset.read(path).description.records == 2


def test_nothing_is_left_of_a_data_set_that_failed(tmp_path: Path) -> None:
    arguments = {"synthetic": True, "description": "half"}
    with (
        pytest.raises(DatasetError, match="2 records announced, 0 added"),
        write_dataset(tmp_path / "half", targets.contract(), 2, 1000, **arguments),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
