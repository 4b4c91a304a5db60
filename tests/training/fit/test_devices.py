"""Reduced precision and several processes train too, and leave one whole RUN."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecg2lab_training import config, dataset
from ecg2lab_training.fit import fit

TWO_PROCESSES = """
import sys
from ecg2lab_training import config, dataset
from ecg2lab_training.fit import fit

fit(config.read(sys.argv[1]), dataset.read(sys.argv[2]), sys.argv[3], devices=2, accelerator="cpu")
"""


def last_loss(run: Path) -> float:
    """Of metrics.csv."""
    return float((run / "metrics.csv").read_text().splitlines()[-1].split(",")[1])


@pytest.fixture(scope="module")
def usual(patients: Path, tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process in single precision."""
    run = tmp_path_factory.mktemp("usual") / "run"
    fit(config.read(str(tiny_config)), dataset.read(patients), run)
    return run


def test_bfloat16(patients: Path, tiny_config: Path, usual: Path, tmp_path: Path) -> None:
    fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run", precision="bf16", accelerator="cpu")
    # the same crops and masks; bfloat16 keeps 8 bits
    assert last_loss(tmp_path / "run") == pytest.approx(last_loss(usual), rel=0.05)


def test_two_processes(patients: Path, tiny_config: Path, usual: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"  # a file, for Lightning starts the command again
    script.write_text(TWO_PROCESSES)
    subprocess.run([sys.executable, script, tiny_config, patients, tmp_path / "run"], check=True, capture_output=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "train.py"]
    # the same crops, divided; other dropout, and a BatchNorm of each process
    assert last_loss(tmp_path / "run") == pytest.approx(last_loss(usual), rel=0.1)
