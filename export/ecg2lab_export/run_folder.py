"""The folder that a training run leaves behind: `model.safetensors`, `contract.json`, `run.json`."""

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
    return RunRecord(weights, contract, parsed.synthetic_weights, parsed.training_data, parsed.metrics)
