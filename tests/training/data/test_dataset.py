"""A data set is repeatable, whole and consistent, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.data import dataset, imputation
from ecg2lab_training.files import file_sha256

pytestmark = pytest.mark.slow


def reseal(folder: Path) -> None:
    """Make the digests right again, so that what lies behind them is tested."""
    path = folder / dataset.DESCRIPTION
    description = json.loads(path.read_text())
    description["sha256"] = {name: file_sha256(folder / name) for name in dataset.CONTENT}
    path.write_text(json.dumps(description))


def change_table(folder: Path, *columns: pl.Expr, drop: tuple[str, ...] = ()) -> None:
    """Change the table and seal the data set again."""
    table = pl.read_parquet(folder / dataset.TABLE).with_columns(*columns).drop(*drop)
    table.write_parquet(folder / dataset.TABLE)
    reseal(folder)


def test_reads_what_was_made(patients: Path) -> None:
    data = dataset.read(patients)
    records = data.description.records
    assert data.description.synthetic
    assert 200 < data.description.patients < records
    assert data.signals.shape == (records, 12, 1000)
    assert len(set(data.record_id.tolist())) == records
    assert data.ideal is not None
    assert data.ideal.shape == data.labels.shape


def test_signals_are_in_the_contracts_lead_order(patients: Path) -> None:
    data = dataset.read(patients)
    lead = {name: data.signals[:, i] for i, name in enumerate(data.contract.signal.leads)}
    # resampling is linear, but each lead was rounded by itself; some records lack a lead or have a leap in one
    whole = (np.abs(lead["I"] + lead["III"] - lead["II"]) < 0.02).all(axis=1)
    whole &= (np.abs(lead["aVF"] - (lead["II"] + lead["III"]) / 2) < 0.02).all(axis=1)
    assert whole.mean() > 0.95


def test_what_is_no_measurement_is_missing_and_old_age_is_coded(own_patients: Path) -> None:
    others = len(pl.read_parquet(own_patients / dataset.TABLE)) - 2
    change_table(
        own_patients,
        pl.Series("temperature_f", [986.0, 98.6] + [None] * others, dtype=pl.Float64),
        pl.Series("age", [95.0, 89.0] + [50.0] * others),
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
        ((), ("lactate_high_now",), "no column 'lactate_high_now'"),
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
    ("fewer", "samples", "kind"),
    [(1, 1000, "float32"), (0, 100, "float32"), (0, 1000, "float64")],
    ids=["records", "too short", "float64"],
)
def test_signals_that_do_not_fit(own_patients: Path, fewer: int, samples: int, kind: str) -> None:
    records = dataset.read(own_patients).description.records
    np.save(own_patients / dataset.SIGNALS, np.zeros((records - fewer, 12, samples), kind))
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


def test_part_without_records(own_patients: Path) -> None:
    change_table(own_patients, pl.when(pl.col("fold") == 19).then(0).otherwise(pl.col("fold")).alias("fold"))
    with pytest.raises(DatasetError, match="at least 20 patients"):
        dataset.read(own_patients).rows("test")
