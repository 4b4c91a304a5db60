"""Reduced precision and several processes train too, and leave one whole RUN."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecg2lab_training.data import dataset
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit

pytestmark = pytest.mark.slow

TWO_PROCESSES = """
import os, signal, sys
from ecg2lab_training.fit import config
from ecg2lab_training.data import dataset
from ecg2lab_training.fit.run import fit

def progress(done, total, remark):
    if done == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

data = dataset.read(sys.argv[2])
fit(config.read(sys.argv[1]), data, sys.argv[3], progress, devices=2, accelerator="cpu", checkpoint_s=0)
"""
NEVER = 0


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


@pytest.fixture
def train_in_two(patients: Path, tiny_config: Path, tmp_path: Path) -> Callable[[Path, int], int]:
    """Train in two processes, of which the first kills itself after a step; gives its exit code."""
    script = tmp_path / "train.py"  # a file, for Lightning starts the command again
    script.write_text(TWO_PROCESSES)

    def call(run: Path, killed_after: int) -> int:
        command = [sys.executable, script, tiny_config, patients, run, str(killed_after)]
        return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode

    return call


def test_two_processes(train_in_two: Callable[[Path, int], int], usual: Path, tmp_path: Path) -> None:
    """They leave one run, and the same one if they were killed on the way."""
    assert train_in_two(tmp_path / "run", NEVER) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "train.py"]
    # the same crops, divided; other dropout, and a BatchNorm of each process
    assert last_loss(tmp_path / "run") == pytest.approx(last_loss(usual), rel=0.1)
    assert train_in_two(tmp_path / "again", 10) == -signal.SIGKILL  # within the second of three epochs
    assert not (tmp_path / "again").exists()
    assert train_in_two(tmp_path / "again", NEVER) == 0
    for name in ("contract.json", "metrics.csv", "model.safetensors", "run.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), name
