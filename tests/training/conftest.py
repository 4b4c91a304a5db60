"""Small simulated data sets that the training tests share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ecg2lab_training.cohort.build import Options, build
from ecg2lab_training.simulation import archive

TINY = {
    "name": "tiny",
    "model": {
        "hidden": 8,
        "state": 4,
        "layers": 1,
        "embedding_widths": [2, 3],
        "static_widths": [8, 4],
        "dropout": 0.1,
    },
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "seed": 1,
    "threads": 1,
}


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital of 240 simulated patients; read only."""
    path = tmp_path_factory.mktemp("simulated") / "hospital"
    archive.simulate(path, 240, seed=5)
    return path


@pytest.fixture(scope="session")
def patients(hospital: Path) -> Path:
    """The data set of these patients; read only."""
    path = hospital.parent / "patients"
    build(hospital, path, Options(fewest_values=20, fewest_cases=1))
    return path


@pytest.fixture
def own_patients(patients: Path, tmp_path: Path) -> Path:
    """A copy of the data set that a test may damage."""
    return Path(shutil.copytree(patients, tmp_path / "patients"))


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that trains in a second; read only."""
    path = tmp_path_factory.mktemp("configuration") / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path
