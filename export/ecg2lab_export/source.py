"""What is exported: a checkpoint or a run, its contract, windows to measure it on, and its evaluation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab.errors import CheckpointError, ContractError, DatasetError
from ecg2lab_export import experience, registry
from ecg2lab_export.architecture.contract_fit import check_fit, default_contract
from ecg2lab_export.architecture.protocol import Architecture, Network
from ecg2lab_export.checkpoint.run_folder import Run, RunRecord, read_run
from ecg2lab_export.experience import Space
from ecg2lab_export.precision import calibration
from ecg2lab_export.precision.calibration import CalibrationSet

EVALUATION_FILE, CARD_FILE = "evaluation.json", "card.md"


@dataclass(frozen=True)
class Source:
    """A network that its contract fits, and where it comes from."""

    architecture: Architecture
    network: Network
    contract: Contract
    weights: Path
    run: Run | None
    synthetic_weights: bool | None
    space: Space | None
    """Of the features of the training folds, where the contract says how far experience reaches."""

    @property
    def record(self) -> RunRecord | None:
        """Of the run, where there is one."""
        return self.run.record if self.run else None

    @cached_property
    def weights_sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def calibration(self, path: str | Path | None) -> CalibrationSet:
        """Windows of a file; without one those of the run, or generated ones."""
        if path is not None:
            return calibration.read(path, self.contract)
        if self.run and self.run.calibration:
            return calibration.read(self.run.calibration, self.contract, "windows of the validation fold")
        return calibration.generate(self.contract)


def open_source(checkpoint: str | Path, contract: Contract | str | Path | None, synthetic: bool | None) -> Source:
    """Read a checkpoint or a run, its contract, and beside contract or weights what experience is measured from.

    Raises
    ------
    CheckpointError, ContractError
        If one cannot be read, or they do not fit each other.
    """
    path = Path(checkpoint)
    run = read_run(path) if path.is_dir() else None
    if run and synthetic not in (None, run.record.synthetic_weights):
        stated = "synthetic" if run.record.synthetic_weights else "not synthetic"
        raise CheckpointError(f"{path} states that its weights are {stated}; leave the option out")
    weights = run.weights if run else path
    architecture, network = registry.read(weights)
    folders = [weights.parent]
    if isinstance(contract, (str, Path)):
        folders.insert(0, Path(contract).parent)
        contract = contracts.read(contract)
    if not isinstance(contract, Contract | None):
        raise ContractError(f"a contract is a Contract or the path of one, not {type(contract).__name__}")
    contract = contract or (run.contract if run else default_contract(network))
    check_fit(network, contract)
    space = experience.find(contract, *folders)
    synthetic = run.record.synthetic_weights if run else synthetic
    return Source(architecture, network, contract, weights, run, synthetic, space)


class _Model(msgspec.Struct):
    weights_sha256: str


class _Evaluation(msgspec.Struct):
    model: _Model


def read_card(folder: Path, weights_sha256: str) -> str:
    """Read the model card of a report, and check that it speaks of these weights.

    Parameters
    ----------
    folder
        That `ecg2lab evaluate` wrote.
    weights_sha256
        Of the weights that are exported.

    Raises
    ------
    DatasetError
        If the folder is no report, the report is of other weights, or the card was not made from its evaluation.
    """
    try:
        text = (folder / EVALUATION_FILE).read_bytes()
        card = (folder / CARD_FILE).read_text(encoding="utf-8")
        evaluation = msgspec.json.decode(text, type=_Evaluation)
    except OSError as error:
        raise DatasetError(f"{folder} is not a report of `ecg2lab evaluate`: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder} holds a damaged report: {error}") from None
    if evaluation.model.weights_sha256 != weights_sha256:
        raise DatasetError(f"{folder} is the report of other weights; evaluate the run that is exported")
    if hashlib.sha256(text).hexdigest() not in card:
        raise DatasetError(f"{folder / CARD_FILE} was not made from {EVALUATION_FILE} beside it; evaluate again")
    return card
