"""A small made-up data set that the tests of training share: one sine in all leads; its height is the first label."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecg2lab.contract import Target, published
from ecg2lab_training.data import dataset
from ecg2lab_training.data.dataset_writer import seal, table_schema

TARGETS = ("tall", "old", "chance")
"""Known from the ECG, from the age, from nothing."""


def make_patients(path: Path, count: int, seed: int = 5) -> Path:
    """Write a data set of `count` patients; a tenth of numbers and labels is missing."""
    rng = np.random.default_rng(seed)
    contract = published((Target(name=name) for name in TARGETS), name="made up")
    rows, signals = [], np.empty((count, 12, 1000), np.float32)
    for number in range(count):
        height, phase = rng.uniform(0.1, 1), rng.uniform(0, 6)
        sine = height * np.sin(np.arange(1000) / 8 + phase)
        features: dict[str, Any] = {f.name: rng.uniform(f.minimum, f.maximum) for f in contract.continuous}
        features["age"] = rng.uniform(20, 88)
        labels = {"tall": height > 0.6, "old": features["age"] > 60, "chance": rng.random() < 0.5}
        features |= {f.name: str(rng.choice(f.categories)) for f in contract.categorical}
        row = {k: None if rng.random() < 0.1 else v for k, v in (features | labels).items()}
        signals[number] = sine + rng.normal(0, 0.05, (12, 1000))
        own = {"patient_id": number, "fold": number % 20, "record_id": number, "record": f"made-up/{number}"}
        rows.append(row | own)
    path.mkdir()
    np.save(path / dataset.SIGNALS, signals)
    table = pl.DataFrame(rows, schema=table_schema(contract), orient="row")
    info = {"synthetic": True, "description": "simulated sines"}
    seal(path, contract, table, path / dataset.SIGNALS, **info)
    return path


@pytest.fixture(scope="session")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 120 patients; read only."""
    return make_patients(tmp_path_factory.mktemp("made-up") / "patients", 120)


@pytest.fixture(scope="session")
def more_patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 600 patients, of whom a label can be learnt; read only."""
    return make_patients(tmp_path_factory.mktemp("made-up") / "more", 600)


@pytest.fixture
def own_patients(patients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the data set that a test may change."""
    return Path(shutil.copytree(patients, tmp_path_factory.mktemp("own") / "patients"))
