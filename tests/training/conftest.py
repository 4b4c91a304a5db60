"""Small simulated data sets that the training tests share."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ecg2lab_training.cohort.build import Options, build
from ecg2lab_training.simulation import archive

MadeOnce = Callable[[str, Callable[[Path], object]], Path]

TINY = {
    "name": "tiny",
    "model": {
        "hidden": 8,
        "state": 4,
        "layers": 1,
        "embedding_widths": [2, 3],
        "static_widths": [8, 4],
        "dropout": 0.1,
        "static_dropout": [0.1, 0.1],
    },
    "epochs": 3,
    "least_cases": 10,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "seed": 1,
    "threads": 1,
}


@pytest.fixture(scope="session")
def hospital(made_once: MadeOnce) -> Path:
    """A hospital of 240 simulated patients; read only."""
    return made_once("hospital", lambda folder: archive.simulate(folder / "hospital", 240, seed=5)) / "hospital"


@pytest.fixture(scope="session")
def patients(hospital: Path, made_once: MadeOnce) -> Path:
    """The data set of these patients; read only."""
    options = Options(fewest_values=20, fewest_cases=1)
    return made_once("patients", lambda folder: build(hospital, folder / "patients", options)) / "patients"


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
