"""A data set whose labels show in the ECG, in the table, or nowhere; and a run that was trained on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract, Criterion, Target
from ecg2lab_export import export
from ecg2lab_training.data import dataset, dataset_writer
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.files import new_folder
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit

PLANTED = {"potassium_high_now": "ecg", "hemoglobin_low_120min": "tabular", "sodium_low_now": "nowhere"}


def target(name: str, lab: str, loinc: str, unit: str, threshold: float) -> Target:
    """A target whose name says its side, setting and horizon."""
    _, side, when = name.split("_")
    horizon = 60 if when == "now" else int(when.removesuffix("min"))
    criterion = Criterion(
        lab=lab,
        loinc=loinc,
        unit=unit,
        comparison=">" if side == "high" else "<",
        threshold=threshold,
        setting="prediction" if when == "now" else "forecasting",
        horizon_min=horizon,
        category="metabolic",
    )
    return Target(name=name, criterion=criterion)


def small_contract() -> Contract:
    """Published inputs, three targets."""
    targets = (
        target("potassium_high_now", "Potassium", "2823-3", "mEq/L", 5.1),
        target("hemoglobin_low_120min", "Hemoglobin", "718-7", "g/dL", 12.0),
        target("sodium_low_now", "Sodium", "2951-2", "mEq/L", 133.0),
    )
    return contracts.published(targets, "three targets")


def write_small(path: Path, records: int = 1600, seed: int = 3, folds: int = 20) -> Path:
    """Write a data set of two ECGs per patient; the amplitude of lead I tells the first label, age the second."""
    rng = np.random.default_rng(seed)
    contract = small_contract()
    hidden, age = rng.normal(size=records), rng.uniform(20, 90, size=records)
    p = 1 / (1 + np.exp(-np.stack([2 * hidden - 1, (age - 60) / 10, np.full(records, -1.0)], axis=1)))
    labels = rng.random(p.shape) < p
    unknown = rng.random(p.shape) < 0.1
    signals = rng.normal(0, 0.05, size=(records, 12, 1000))
    signals[:, 0] += 0.5 + 0.3 * hidden[:, None]
    one, two = signals[:, 0], signals[:, 1]
    signals[:, 8:] = np.stack(
        [two - one, -(one + two) / 2, one - two / 2, two - one / 2], axis=1
    )  # as electrodes would
    names = contract.target_names
    rows = [
        {
            "patient_id": i // 2,
            "fold": (i // 2) % folds,
            "record_id": i,
            "record": f"r{i}",
            **{f.name: None if rng.random() < 0.4 else float(f.minimum + f.maximum) / 2 for f in contract.continuous},
            "age": float(age[i]),
            "sex": ("female", "male", None)[i % 3],
            "race": contracts.CATEGORIES["race"][i % 5],
            **{name: None if unknown[i, j] else bool(labels[i, j]) for j, name in enumerate(names)},
        }
        for i in range(records)
    ]
    with new_folder(path) as folder:
        np.save(folder / dataset.SIGNALS, signals.astype(np.float32))
        table = pl.DataFrame(rows, schema=dataset_writer.table_schema(contract), orient="row")
        dataset_writer.seal(
            folder,
            contract,
            table,
            folder / dataset.SIGNALS,
            ideal=pl.DataFrame(p, schema=list(names)),
            synthetic=True,
            description="drawn numbers, simulated",
            seed=seed,
            planted=PLANTED,
        )
    return path


@pytest.fixture(scope="session")
def small_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the data set; read only."""
    return write_small(tmp_path_factory.mktemp("evaluation") / "data")


@pytest.fixture(scope="session")
def small(small_path: Path) -> Dataset:
    """The data set."""
    return dataset.read(small_path)


@pytest.fixture(scope="session")
def small_run(small: Dataset, tiny_config: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A run that was trained on the data set; read only."""
    settings = config.read(str(tiny_config))
    return made_once("evaluation-run", lambda folder: fit(settings, small, folder / "run")) / "run"


@pytest.fixture(scope="session")
def small_bundle(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as a bundle; read only."""
    out = tmp_path_factory.mktemp("evaluation-bundle") / "small.ecg2lab"
    export(small_run, out)
    return out


def write_record(folder: Path, name: str, signal: np.ndarray, fs: int = 100) -> None:
    """Write (12, samples) mV as a WFDB record, format 16."""
    counts = np.round(signal * 1000).astype("<i2")
    leads = small_contract().signal.leads
    lines = [f"{name} 12 {fs} {signal.shape[1]}"]
    lines += [
        f"{name}.dat 16 1000(0)/mV 16 0 {row[0]} {int(row.sum()) % 65536} 0 {lead}"
        for row, lead in zip(counts, leads, strict=True)
    ]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.dat").write_bytes(counts.T.tobytes())


@pytest.fixture(scope="session")
def site(small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a site, read only: 120 recordings, potassium at the ECG in table.csv, later hemoglobin in labs.csv."""
    folder = tmp_path_factory.mktemp("site")
    rng = np.random.default_rng(0)
    rows, labs = ["record,patient_id,time,age,sex,lab:Potassium [mmol/L]"], ["patient_id,time,lab,value,unit"]
    for i in range(120):
        write_record(folder, f"r{i}", np.asarray(small.signals[i], dtype=np.float64))
        potassium = {1.0: "5.6", 0.0: "4.2"}.get(float(small.labels[i, 0]), "")
        hour, age, sex = (
            f"2026-03-{1 + i // 24:02d} {i % 24:02d}",
            small.continuous[i, 2],
            ("female", "male", "")[i % 3],
        )
        rows.append(f"r{i},p{i // 2},{hour}:00:00,{age:.1f},{sex},{potassium}")
        if rng.random() < 0.6:
            hemoglobin = 100 if age > 60 else 140
            labs.append(f"p{i // 2},{hour}:{rng.integers(1, 59):02d}:00,718-7,{hemoglobin},g/L")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    (folder / "labs.csv").write_text("\n".join(labs) + "\n")
    return folder
