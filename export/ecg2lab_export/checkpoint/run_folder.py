"""The folder that a training run leaves: `model.safetensors`, `contract.json`, `run.json`, calibration windows."""

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


class _Record(msgspec.Struct, kw_only=True):
    synthetic_weights: bool
    training_data: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """What export takes from a run."""

    weights: Path
    contract: Contract
    synthetic_weights: bool
    training_data: str
    metrics: dict[str, Any]
    calibration: Path | None = None
    """Windows for measuring a reduced precision; a run with a small validation fold has none."""


def read_run(folder: Path) -> RunRecord:
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
        parsed = msgspec.json.decode(record.read_bytes(), type=_Record)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"{record} is damaged: {error}") from None
    contract = contracts.read(folder / CONTRACT_FILE)
    calibration = folder / CALIBRATION_FILE
    known = calibration if calibration.is_file() else None
    return RunRecord(weights, contract, parsed.synthetic_weights, parsed.training_data, parsed.metrics, known)
