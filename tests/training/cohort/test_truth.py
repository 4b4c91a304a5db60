"""The truth of simulated patients is read strictly, and a data set carries it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecg2lab.contract import Contract, published, unnamed_targets
from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import truth
from ecg2lab_training.data import dataset
from ecg2lab_training.data.dataset_writer import seal, table_schema
from ecg2lab_training.files import file_sha256

STATEMENT = {"schema_version": 1, "synthetic": True, "seed": 1, "targets": {"a": {"planted": "nowhere"}}}


def write(folder: Path, statement: object = STATEMENT, **columns: object) -> Path:
    """Write the truth of two studies."""
    (folder / "truth.json").write_text(json.dumps(statement))
    pl.DataFrame({"study_id": [1, 2], "a": [0.25, 0.5]} | columns).write_parquet(folder / "truth.parquet")
    return folder


def test_real_hospital_has_no_truth(tmp_path: Path) -> None:
    assert truth.read(tmp_path) is None


def test_truth_is_read(tmp_path: Path) -> None:
    statement = truth.read(write(tmp_path))
    assert statement is not None
    assert (statement.seed, statement.targets["a"].planted) == (1, "nowhere")
    table = truth.ideal(tmp_path, pl.Series([2, 3, 1]), ("b", "a"))
    assert table.to_dict(as_series=False) == {"b": [None] * 3, "a": [0.5, None, 0.25]}
    assert table.schema == {"b": pl.Float64, "a": pl.Float64}


@pytest.mark.parametrize(
    "change", [{"synthetic": False}, {"schema_version": 2}, {"targets": {"a": {"planted": "elsewhere"}}}, {"seed": "x"}]
)
def test_statement_that_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(DatasetError, match=r"truth\.json is not the truth of simulated patients"):
        truth.read(write(tmp_path, STATEMENT | change))


def test_probabilities_must_be_there(tmp_path: Path) -> None:
    (write(tmp_path) / "truth.parquet").unlink()
    with pytest.raises(DatasetError, match=r"but not truth\.parquet"):
        truth.read(tmp_path)


def test_study_twice(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has a study twice"):
        truth.ideal(write(tmp_path, study_id=[1, 1]), pl.Series([1]), ("a",))


def test_probabilities_that_cannot_be_read(tmp_path: Path) -> None:
    (write(tmp_path) / "truth.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetError, match=r"truth\.parquet cannot be read"):
        truth.ideal(tmp_path, pl.Series([1]), ("a",))


def data_set(folder: Path, ideal: pl.DataFrame) -> tuple[Path, Contract]:
    """A data set of two records with an ideal observer."""
    contract = published(unnamed_targets(2))
    rows = [{"patient_id": n, "fold": n, "record_id": n, "record": f"files/{n}"} for n in (1, 2)]
    np.save(folder / dataset.SIGNALS, np.zeros((2, 12, 1000), np.float32))
    table = pl.DataFrame(rows, schema=table_schema(contract))
    info = {"synthetic": True, "description": "two", "seed": 1, "planted": {}}
    seal(folder, contract, table, folder / dataset.SIGNALS, ideal=ideal, **info)
    return folder, contract


def names() -> tuple[str, ...]:
    """Targets of the small data set."""
    return published(unnamed_targets(2)).target_names


def test_data_set_carries_the_ideal_observer(tmp_path: Path) -> None:
    first, second = names()
    folder, _ = data_set(tmp_path, pl.DataFrame({first: [0.1, None], second: [None, 1.0]}))
    data = dataset.read(folder)
    assert data.ideal is not None
    np.testing.assert_array_equal(data.ideal, [[0.1, np.nan], [np.nan, 1.0]])
    assert data.record_id.tolist() == [1, 2]
    assert dataset.IDEAL in data.description.sha256


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((lambda a, b: {a: [0.1, 0.2]}), "must have the contract's targets as its columns"),
        ((lambda a, b: {b: [0.1, 0.2], a: [0.1, 0.2]}), "must have the contract's targets as its columns"),
        ((lambda a, b: {a: [0.1], b: [0.1]}), "and 2 rows"),
        ((lambda a, b: {a: [0.1, 1.1], b: [0.1, 0.2]}), "something else than probabilities"),
        ((lambda a, b: {a: [0.1, float("nan")], b: [0.1, 0.2]}), "something else than probabilities"),
        ((lambda a, b: {a: [1, 0], b: [0.1, 0.2]}), "something else than probabilities"),
    ],
)
def test_ideal_that_does_not_fit(tmp_path: Path, columns: object, message: str) -> None:
    data_set(tmp_path, pl.DataFrame(columns(*names())))  # type: ignore[operator]
    with pytest.raises(DatasetError, match=message):
        dataset.read(tmp_path)


def test_damaged_ideal_is_refused(tmp_path: Path) -> None:
    folder, _ = data_set(tmp_path, pl.DataFrame({name: [0.1, 0.2] for name in names()}))
    (folder / dataset.IDEAL).write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"ideal\.parquet is damaged"):
        dataset.read(folder)


def test_record_without_number_is_refused(tmp_path: Path) -> None:
    folder, _ = data_set(tmp_path, pl.DataFrame({name: [0.1, 0.2] for name in names()}))
    table = pl.read_parquet(folder / dataset.TABLE)
    table.with_columns(pl.Series("record_id", [1, None])).write_parquet(folder / dataset.TABLE)
    path = folder / dataset.DESCRIPTION
    description = json.loads(path.read_text())
    description["sha256"][dataset.TABLE] = file_sha256(folder / dataset.TABLE)
    path.write_text(json.dumps(description))
    with pytest.raises(DatasetError, match="without patient_id or record_id"):
        dataset.read(folder)
