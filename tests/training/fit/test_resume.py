"""A run that was killed goes on from RUN.partial and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ecg2lab.errors import DatasetError, OutputError
from ecg2lab_training.data import dataset
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit

pytestmark = pytest.mark.slow

KILLED = """
import os, signal, sys
from ecg2lab_training.fit import config
from ecg2lab_training.data import dataset
from ecg2lab_training.fit.run import fit

def progress(done, total, remark):
    if done == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

fit(config.read(sys.argv[1]), dataset.read(sys.argv[2]), sys.argv[3], progress, checkpoint_s=float(sys.argv[5]))
"""
SAME = ("contract.json", "metrics.csv", "model.safetensors", "run.json")
STEPS = 6
"""Of one epoch: 108 training patients in batches of 16; the last 12 are left out."""


def killed(settings: Path, patients: Path, run: Path, after: int, checkpoint_s: float) -> None:
    """Train in another process that kills itself after a step."""
    command = [sys.executable, "-c", KILLED, str(settings), str(patients), str(run), str(after), str(checkpoint_s)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def uninterrupted(patients: Path, tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody killed."""
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    fit(config.read(str(tiny_config)), dataset.read(patients), run)
    return run


@pytest.mark.parametrize(
    ("after", "checkpoint_s"),
    [(STEPS + 4, 0.0), (2 * STEPS + 1, 60.0), (3, 60.0), (STEPS, 0.0)],
    ids=[
        "within an epoch",
        "long after the last checkpoint",
        "before the first one",
        "after the last step of one",
    ],
)
def test_a_killed_run_reaches_the_same_bytes(
    patients: Path, tiny_config: Path, uninterrupted: Path, tmp_path: Path, after: int, checkpoint_s: float
) -> None:
    run = tmp_path / "run"
    killed(tiny_config, patients, run, after, checkpoint_s)
    assert not run.exists()
    assert (tmp_path / "run.partial" / "state.json").exists()
    told: list[int] = []
    fit(config.read(str(tiny_config)), dataset.read(patients), run, lambda done, *_: told.append(done))
    for name in SAME:
        assert (run / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    first = {0.0: after + 1 if after % STEPS else after, 60.0: after // STEPS * STEPS + 1}[checkpoint_s]
    assert told == list(range(first, 3 * STEPS + 1))  # only what was not saved is done again
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_run_killed_twice_reaches_the_same_bytes(
    patients: Path, tiny_config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    for after in (2, STEPS + 5):
        killed(tiny_config, patients, tmp_path / "run", after, 0.0)
    fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run")
    weights = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert weights == (uninterrupted / "model.safetensors").read_bytes()


class Stopped(Exception):
    """Stands for whatever ends a process politely."""


def stopped(patients: Path, settings: config.Config, run: Path) -> None:
    """Train for a few steps."""

    def progress(done: int, total: int, remark: str) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        fit(settings, dataset.read(patients), run, progress, checkpoint_s=0.0)


def test_an_interrupted_run_stays(patients: Path, tiny_config: Path, uninterrupted: Path, tmp_path: Path) -> None:
    stopped(patients, config.read(str(tiny_config)), tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run.partial"]
    fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run")
    weights = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert weights == (uninterrupted / "model.safetensors").read_bytes()


def test_a_falling_learning_rate_goes_on_where_it_was(
    patients: Path, tiny_config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(config.read(str(tiny_config)), schedule="cosine")
    fit(settings, dataset.read(patients), tmp_path / "at once")
    stopped(patients, settings, tmp_path / "run")
    fit(settings, dataset.read(patients), tmp_path / "run")
    runs = tmp_path / "run", tmp_path / "at once", uninterrupted
    resumed, at_once, constant = ((run / "model.safetensors").read_bytes() for run in runs)
    assert resumed == at_once != constant


def test_another_configuration_is_refused_by_name(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    settings = config.read(str(tiny_config))
    stopped(patients, settings, tmp_path / "run")
    other = msgspec.structs.replace(settings, learning_rate=1e-4, seed=2)
    with pytest.raises(DatasetError, match=r"another configuration \(learning_rate, seed\); delete .*run.partial"):
        fit(other, dataset.read(patients), tmp_path / "run")
    assert (tmp_path / "run.partial" / "checkpoint.pt").exists()


def test_a_run_that_an_older_version_began_is_not_gone_on_with(
    patients: Path, tiny_config: Path, tmp_path: Path
) -> None:
    """It drops out once in each layer: the rest of it would be another training."""
    settings = config.read(str(tiny_config))
    stopped(patients, settings, tmp_path / "run")
    state = tmp_path / "run.partial" / "state.json"
    state.write_text(state.read_text().replace('"schema_version": 2', '"schema_version": 1', 1))
    with pytest.raises(DatasetError, match=r"no unfinished run that this ecg2lab can go on with; delete .*run.partial"):
        fit(settings, dataset.read(patients), tmp_path / "run")


def test_a_changed_data_set_is_refused_by_name(own_patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    stopped(own_patients, config.read(str(tiny_config)), tmp_path / "run")
    description = own_patients / "dataset.json"
    content = json.loads(description.read_text()) | {"description": "changed"}
    description.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"unfinished run with another data set; .*name another --out"):
        fit(config.read(str(tiny_config)), dataset.read(own_patients), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    stopped(patients, config.read(str(tiny_config)), tmp_path / "run")
    checkpoint = tmp_path / "run.partial" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(DatasetError, match=r"checkpoint.pt is damaged; delete"):
        fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run")
    assert checkpoint.exists()


def test_two_processes_do_not_train_in_one_folder(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("no lock on Windows")

    def again(*_: object) -> None:
        with pytest.raises(OutputError, match="another process trains in"):
            fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run")
        raise Stopped

    with pytest.raises(Stopped):
        fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run", again)
