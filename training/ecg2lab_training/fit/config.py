"""What a training run is told: the network's sizes and the optimiser's settings.

Leads, window, features and targets are not here: they come from the data set's contract.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ecg2lab.errors import DatasetError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown
from ecg2lab_training.measures import gate, operating_points
from ecg2lab_training.network.sizes import Architecture, Count, Inputs

Positive = Annotated[float, Meta(gt=0, le=1000)]
NotNegative = Annotated[float, Meta(ge=0, le=1000)]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A training run; the defaults are the published ones."""

    schema_version: Literal[1] = 1
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    """Of the model that comes out."""
    model: Architecture = Architecture()
    inputs: Inputs = "fusion"
    missing_flags: Literal["none", "continuous", "categorical"] | None = None
    """Whether the network is told which numbers were missing, and how; None: as the data set's contract says."""
    epochs: Count = 40
    batch_size: Annotated[int, Meta(ge=2, le=1_000_000)] = 32
    learning_rate: Positive = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate: the same in each step, or falling by half a cosine, which reaches 0 after the last one."""
    weight_decay: NotNegative = 1e-3
    focal_gamma: NotNegative = 2.0
    decide: str = operating_points.DEFAULT_RULE
    """Rule of the thresholds: `specificity=0.90`, `sensitivity=`, `ppv=`, `net-benefit=`, `youden` or `none`."""
    least_cases: Count = gate.LEAST_CASES
    """Positives, and negatives, of the validation fold that a decision takes."""
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    """Of PyTorch on a CPU; None: its own choice. The last digits of a result depend on it."""

    def __post_init__(self) -> None:
        """Refuse a name that the contract of the result could not hold."""
        if shown(self.name) != self.name:
            raise ValueError("name has characters that are not printable")


def packaged() -> tuple[str, ...]:
    """Names of the configurations that ecg2lab brings."""
    folder = files(__package__).joinpath("configs")
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".json")))


def read(source: str) -> Config:
    """Read a configuration: a packaged name, such as `demo` or `configs/demo.json`, or a JSON file.

    Raises
    ------
    DatasetError
        If there is no such file or name, or it is not a configuration.
    """
    own = {f"configs/{name}.json": name for name in packaged()}
    name = source if Path(source).exists() else own.get(source, source)  # a file of that name goes first
    if name in packaged():
        return decode(files(__package__).joinpath(f"configs/{name}.json").read_bytes(), source)
    try:
        return decode(read_regular(source), source)
    except OSError as error:
        names = ", ".join(packaged())
        raise DatasetError(
            f"cannot read configuration {source}: {error.strerror}; name a JSON file, or one of {names}"
        ) from None


def decode(text: bytes, source: str = "configuration") -> Config:
    """Decode a configuration, strictly.

    Raises
    ------
    DatasetError
        On malformed JSON, an unknown or missing field, a wrong type or a value out of range.
    """
    try:
        return msgspec.json.decode(text, type=Config)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{source} is not a valid training configuration: {error}") from None
