"""The folder that a training run leaves: `model.safetensors`, `contract.json`, `run.json`, calibration windows.

What distances are measured from, `experience.safetensors`, is read by `ecg2lab_export.experience`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab.errors import CheckpointError

WEIGHTS_FILE = "model.safetensors"
CONTRACT_FILE = "contract.json"
RECORD_FILE = "run.json"
CALIBRATION_FILE = "calibration.safetensors"


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Of `run.json`, what export takes."""

    synthetic_weights: bool
    training_data: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    weights: Path
    contract: Contract
    record: RunRecord
    calibration: Path | None
    """Windows for measuring a reduced precision; a run with a small validation fold has none."""


def read_run(folder: Path) -> Run:
    """Read a run's folder.

    Raises
    ------
    CheckpointError
        If it is not the folder of a finished run.
    """
    weights, record = folder / WEIGHTS_FILE, folder / RECORD_FILE
    for path in (weights, record, folder / CONTRACT_FILE):
        if not path.is_file():
            raise CheckpointError(f"{folder} is not the folder of a finished training run: it has no {path.name}")
    try:
        decoded = msgspec.json.decode(record.read_bytes(), type=RunRecord)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"{record} is damaged: {error}") from None
    calibration = folder / CALIBRATION_FILE
    contract = contracts.read(folder / CONTRACT_FILE)
    return Run(weights, contract, decoded, calibration if calibration.is_file() else None)
