"""RUN.partial: what a run that is not finished has come to, so that the same command goes on from there.

state.json       what the run is: configuration, data set's digest, processes, precision
checkpoint.pt    network, optimiser, best epoch and history; replaced at once, never written over
lock             held by the process that trains
run/             becomes RUN when all is done
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from ecg2lab.errors import DatasetError, OutputError
from ecg2lab.system.file_lock import file_lock
from ecg2lab_training.files import indented, replace_empty, require_free
from ecg2lab_training.fit.config import Config

STATE, CHECKPOINT, LOCK, RUN = "state.json", "checkpoint.pt", "lock", "run"


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """state.json: all that decides the result."""

    schema_version: Literal[2] = 2
    """Raised when the same configuration trains otherwise: 2 has a second dropout in each layer, and whole batches."""
    config: Config
    dataset_sha256: str
    devices: int
    precision: str


class DivergedError(DatasetError):
    """The loss is no number any more: the same run would come to the same end."""


class Partial:
    """The folder of an unfinished run."""

    def __init__(self, path: Path) -> None:
        """Name the folder; `partial` makes it."""
        self.path = path
        self.run = path / RUN
        self._checkpoint = path / CHECKPOINT

    @classmethod
    def beside(cls, run_dir: Path) -> Partial:
        """RUN.partial of a RUN."""
        return cls(run_dir.absolute().with_name(f"{run_dir.absolute().name}.partial"))

    def load(self) -> dict[str, Any] | None:
        """Return what was last saved; None at the very start.

        Raises
        ------
        DatasetError
            If the checkpoint is damaged.
        """
        import torch

        if not self._checkpoint.exists():
            return None
        try:
            saved: dict[str, Any] = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            raise DatasetError(f"{self._checkpoint} is damaged; delete {self.path} to start again") from None
        return saved

    def save(self, content: dict[str, Any]) -> None:
        """Replace the checkpoint: it is the old one or the new one at any moment.

        Raises
        ------
        OutputError
            If it cannot be written, as on a full disk.
        """
        import torch

        aside = self._checkpoint.with_suffix(".new")
        try:
            with aside.open("wb") as stream:
                torch.save(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(aside, self._checkpoint)
        except (OSError, RuntimeError) as error:  # PyTorch tells of a full disk by a RuntimeError
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise OutputError(f"cannot write {self._checkpoint}: {reason}; the last checkpoint is kept") from None


@contextmanager
def partial(run_dir: str | Path, identity: Identity) -> Iterator[Partial]:
    """Open RUN.partial, new or left by an earlier start; at success its `run` becomes RUN and the rest is removed.

    At an interruption the folder stays. It goes if the training has diverged: to go on from there is no use.

    Raises
    ------
    OutputError
        If RUN is taken, cannot be written, or another process trains there.
    DatasetError
        If RUN.partial belongs to another data set or configuration.
    """
    target = require_free(run_dir).absolute()
    folder = Partial.beside(target)

    def refuse() -> None:
        raise OutputError(f"another process trains in {folder.path}; wait for it, or name another --out")

    try:
        folder.run.mkdir(parents=True, exist_ok=True)
        with file_lock(folder.path / LOCK, waiting=refuse):
            _identify(folder.path, identity)
            try:
                yield folder
            except DivergedError:
                shutil.rmtree(folder.path, ignore_errors=True)
                raise
            replace_empty(folder.run, target)
            shutil.rmtree(folder.path, ignore_errors=True)  # RUN is whole: what stays here would only take room
    except OSError as error:
        raise OutputError(f"cannot write {folder.path}: {error.strerror or error}") from None


def _identify(folder: Path, identity: Identity) -> None:
    """Write down what the run is, or check that it is the same."""
    path = folder / STATE
    if not path.exists():
        aside = path.with_suffix(".new")
        aside.write_bytes(indented(identity))
        os.replace(aside, path)
        return
    advice = f"delete {folder} to start again, or name another --out"
    try:
        started = msgspec.json.decode(path.read_bytes(), type=Identity)
    except msgspec.DecodeError:
        raise DatasetError(f"{path} is of no unfinished run that this ecg2lab can go on with; {advice}") from None
    changed = [name for name in identity.__struct_fields__ if getattr(started, name) != getattr(identity, name)]
    if changed:
        names = ", ".join(_plain(name, started, identity) for name in changed)
        raise DatasetError(f"{folder} holds an unfinished run with another {names}; {advice}")


def _plain(name: str, started: Identity, identity: Identity) -> str:
    if name == "dataset_sha256":
        return "data set"
    if name != "config":
        return name
    fields = [f for f in Config.__struct_fields__ if getattr(started.config, f) != getattr(identity.config, f)]
    return f"configuration ({', '.join(fields)})"
