"""A training data set: ECGs, what was known of the patients, and the labels.

A folder of files, simulated or cut from MIMIC-IV alike:

    signals.npy     (records, leads, samples) float32, millivolt, preprocessed as the contract says; memory-mapped
    table.parquet   one row per record: patient_id, fold (0-17 train, 18 validation, 19 test), record_id (the study),
                    record (path of the WFDB record below the ECG root), the contract's features by name in raw
                    units, the targets by name as Booleans; null: not known
    contract.json   features and targets; no medians, no decision thresholds: training adds them
    last_values.npy (labs, 2, records) float64: the last value of each lab before the ECG, in the unit of its targets,
                    and the minutes from it to the ECG; NaN: none; labs as `labs.slugs_of` orders those of the targets;
                    data sets of 0.1.0 have no such file
    ideal.parquet   only where the truth is known: for each record and target the probability that an ideal
                    observer gives; null: not defined
    dataset.json    what it is, how many, and the SHA-256 of the others
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecg2lab import contract as contracts
from ecg2lab.contract import CategoricalFeature, Contract
from ecg2lab.errors import ContractError, DatasetError
from ecg2lab_training.data.labs import slugs_of
from ecg2lab_training.files import file_sha256, require_text

SIGNALS, TABLE, CONTRACT = CONTENT = ("signals.npy", "table.parquet", "contract.json")
LAST = "last_values.npy"
IDEAL = "ideal.parquet"
DESCRIPTION = "dataset.json"
VALIDATION_FOLD, TEST_FOLD = 18, 19
FOLDS = 20
Part = Literal["train", "validation", "test"]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """dataset.json."""

    schema_version: Literal[1] = 1
    synthetic: bool
    """Whether the patients are simulated."""
    description: str
    """Plain words: where it comes from."""
    seed: int | None = None
    """Of the simulation."""
    patients: int
    records: int
    planted: dict[str, Literal["ecg", "tabular", "nowhere"]] | None = None
    """Of simulated patients: for each target, where its cause shows."""
    sha256: dict[str, str]


@dataclass(frozen=True)
class Dataset:
    """A data set, open and checked."""

    description: Description
    contract: Contract
    digest: str
    """SHA-256 of dataset.json, which holds those of the other files."""
    signals: NDArray[np.float32]  # (records leads samples), mapped
    patient_id: NDArray[np.int64]  # (records)
    record_id: NDArray[np.int64]  # (records)
    fold: NDArray[np.int64]  # (records)
    continuous: NDArray[np.float64]  # (records features) raw; NaN: missing or outside the contract's range
    categorical: NDArray[np.int64]  # (records features) codes; -1: missing
    labels: NDArray[np.float32]  # (records targets) 0, 1; NaN: not known
    ideal: NDArray[np.float64] | None = None  # (records targets) probability; NaN: not defined
    last: NDArray[np.float64] | None = None  # (labs 2 records) value, minutes before the ECG; NaN: none; mapped

    def called(self, part: Part) -> str:
        """A part in words."""
        folds = {"train": "folds 0 to 17", "validation": "fold 18", "test": "fold 19"}
        held_out = "" if part == "train" else " held out"
        return f"{folds[part]}, {'simulated ' * self.description.synthetic}patients{held_out}"

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Row numbers of one part: folds 0-17, 18 or 19.

        Raises
        ------
        DatasetError
            If the part is empty.
        """
        chosen = {
            "train": self.fold < VALIDATION_FOLD,
            "validation": self.fold == VALIDATION_FOLD,
            "test": self.fold == TEST_FOLD,
        }[part]
        if not chosen.any():
            raise DatasetError(f"the data set has no {part} records; it needs at least {FOLDS} patients")
        return np.flatnonzero(chosen)


def read(path: str | Path) -> Dataset:
    """Open a data set and check that it is whole and consistent.

    Raises
    ------
    DatasetError
        If a file is missing, damaged or does not fit the contract.
    """
    folder = require_text(path, DatasetError)
    text = _read_bytes(folder / DESCRIPTION)
    description = _description(folder, text)
    _check_digests(folder, description)
    try:
        contract = contracts.read(folder / CONTRACT)
    except ContractError as error:
        raise DatasetError(str(error)) from None
    signals = _signals(folder, contract, description.records)
    table = _table(folder, TABLE)
    _check_table(table, contract, description.records)
    return Dataset(
        description=description,
        contract=contract,
        digest=hashlib.sha256(text).hexdigest(),
        signals=signals,
        patient_id=table["patient_id"].to_numpy().astype(np.int64),
        record_id=table["record_id"].to_numpy().astype(np.int64),
        fold=table["fold"].to_numpy().astype(np.int64),
        continuous=_continuous(table, contract),
        categorical=_categorical(table, contract),
        labels=_labels(table, contract),
        ideal=_ideal(folder, contract, description) if IDEAL in description.sha256 else None,
        last=_last(folder, contract, description.records) if LAST in description.sha256 else None,
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path.parent} is not a data set: {path.name}: {error.strerror}; write one with `ecg2lab cohort`"
        ) from None


def _description(folder: Path, text: bytes) -> Description:
    try:
        description = msgspec.json.decode(text, type=Description)
    except msgspec.DecodeError as error:
        raise DatasetError(f"{folder / DESCRIPTION} is not a data set's description: {error}") from None
    if set(description.sha256) - {IDEAL, LAST} != set(CONTENT):
        raise DatasetError(f"{folder / DESCRIPTION} must give the SHA-256 of {', '.join(CONTENT)}")
    return description


def _check_digests(folder: Path, description: Description) -> None:
    for name, expected in description.sha256.items():
        if not (folder / name).is_file():
            raise DatasetError(f"{folder / name} is missing; copy or write the data set again")
        if file_sha256(folder / name) != expected:
            raise DatasetError(f"{folder / name} is damaged: its SHA-256 is not that of {DESCRIPTION}")


def _signals(folder: Path, contract: Contract, records: int) -> NDArray[np.float32]:
    signals = _mapped(folder / SIGNALS)
    leads, window = len(contract.signal.leads), contract.signal.window_samples
    fits = signals.ndim == 3 and signals.shape[:2] == (records, leads) and signals.shape[2] >= window
    if not fits or signals.dtype != np.float32:
        raise DatasetError(
            f"{SIGNALS} is {signals.dtype} {signals.shape}, "
            f"the contract wants float32 ({records}, {leads}, at least {window})"
        )
    for start in range(0, records, 1024):  # block by block: the whole need not fit into memory
        if not np.isfinite(signals[start : start + 1024]).all():
            raise DatasetError(f"{SIGNALS} holds values that are not finite; preprocess the recordings first")
    return signals


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise DatasetError(f"{path} is not an array: {error}") from None
    return array


def _last(folder: Path, contract: Contract, records: int) -> NDArray[np.float64]:
    last = _mapped(folder / LAST)
    expected = (len(slugs_of(contract.target_names)), 2, records)
    if last.dtype != np.float64 or last.shape != expected:
        raise DatasetError(f"{LAST} is {last.dtype} {last.shape}, the contract wants float64 {expected}")
    return last


def _table(folder: Path, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(folder / name, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DatasetError(f"{folder / name} cannot be read: {str(error).splitlines()[0]}") from None


def _check_table(table: pl.DataFrame, contract: Contract, records: int) -> None:
    required = ("patient_id", "fold", "record_id", "record", *contract.feature_names, *contract.target_names)
    for column in required:
        if column not in table.columns:
            raise DatasetError(f"{TABLE} has no column {column!r}, which the contract names")
    if table.height != records:
        raise DatasetError(f"{TABLE} has {table.height} rows, {DESCRIPTION} says {records}")
    if table["record_id"].null_count() or table["patient_id"].null_count():
        raise DatasetError(f"{TABLE} has a row without patient_id or record_id")
    if not table["fold"].is_between(0, FOLDS - 1).fill_null(False).all():
        raise DatasetError(f"{TABLE} has a fold outside 0-{FOLDS - 1}")
    for name in contract.target_names:
        if str(table[name].dtype) != "Boolean":
            raise DatasetError(f"{TABLE}: target {name!r} is {table[name].dtype}, not Boolean")
    for feature in contract.continuous:
        if not table[feature.name].dtype.is_numeric():
            raise DatasetError(f"{TABLE}: {feature.name!r} is {table[feature.name].dtype}, not a number")
    if (table.group_by("patient_id").n_unique()["fold"] > 1).any():
        raise DatasetError(f"{TABLE} has a patient in two folds; folds must be patient-wise")


def _continuous(table: pl.DataFrame, contract: Contract) -> NDArray[np.float64]:
    """Raw numbers; outside the contract's range is no measurement; above the top code is the top code."""
    columns = []
    for feature in contract.continuous:
        values = table[feature.name].cast(float).fill_null(np.nan).to_numpy().copy()
        with np.errstate(invalid="ignore"):
            values[(values < feature.minimum) | (values > feature.maximum)] = np.nan
            if feature.top_code is not None:
                values[values > feature.top_code.above] = feature.top_code.value
        columns.append(values)
    return np.stack(columns, axis=1) if columns else np.empty((table.height, 0))


def _categorical(table: pl.DataFrame, contract: Contract) -> NDArray[np.int64]:
    columns = [_codes(table[feature.name].to_list(), feature) for feature in contract.categorical]
    return np.stack(columns, axis=1) if columns else np.empty((table.height, 0), dtype=np.int64)


def _codes(values: list[Any], feature: CategoricalFeature) -> NDArray[np.int64]:
    code = {None: -1} | {category: index for index, category in enumerate(feature.categories)}
    unknown = sorted({str(v) for v in values if v not in code})
    if unknown:
        raise DatasetError(f"{TABLE}: {feature.name} {unknown[0]!r} is none of {', '.join(feature.categories)}")
    return np.array([code[v] for v in values], dtype=np.int64)


def _labels(table: pl.DataFrame, contract: Contract) -> NDArray[np.float32]:
    columns = [table[name].cast(float).fill_null(np.nan).to_numpy() for name in contract.target_names]
    return np.stack(columns, axis=1).astype(np.float32)


def _ideal(folder: Path, contract: Contract, description: Description) -> NDArray[np.float64]:
    """Probabilities of the ideal observer, checked as strictly as the labels that they are compared with."""
    table = _table(folder, IDEAL)
    if table.columns != list(contract.target_names) or table.height != description.records:
        raise DatasetError(f"{IDEAL} must have the contract's targets as its columns and {description.records} rows")
    for name in table.columns:
        if str(table[name].dtype) != "Float64" or not table[name].drop_nulls().is_between(0, 1).all():
            raise DatasetError(f"{IDEAL}: {name!r} holds something else than probabilities")
    return np.stack([table[name].fill_null(np.nan).to_numpy() for name in table.columns], axis=1)
