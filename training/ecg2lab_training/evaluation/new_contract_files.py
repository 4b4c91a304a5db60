"""What `ecg2lab evaluate` writes of a contract that it made: the contract, and the same network under it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.subject import Subject

CONTRACT = "contract.json"


def of_decisions(contract: Contract, evaluation: Evaluation, model: Path, subject: Subject) -> Callable[[Path], None]:
    """Writer of contract.json, and of decided.ecg2lab where the model is a bundle.

    Parameters
    ----------
    contract
        With new decisions.
    evaluation
        That judged them.
    model
        File or folder of the model.
    subject
        The model.
    """

    def write(folder: Path) -> None:
        (folder / CONTRACT).write_bytes(contracts.encode(contract))
        if subject.kind == "bundle":
            write_bundle(folder / "decided.ecg2lab", model, contract, _card_section(evaluation, subject))

    return write


def write_bundle(path: Path, parent: Path, contract: Contract, card_section: str) -> None:
    """Write the same network and proof under a new contract; the card says what it comes from."""
    opened = bundles.Bundle.open(parent)
    contents = {name: opened.member(name) for name in opened.manifest.members}
    contents[bundles.CARD] += card_section.encode()
    bundles.write(path, replace(opened.manifest, contract=contract), contents)


def _card_section(evaluation: Evaluation, subject: Subject) -> str:
    return (
        f"\n## New decisions\n\n"
        f"Thresholds were chosen anew ({evaluation.settings.rule}) and measured on the {evaluation.data.part} of the "
        f"data below. The network is unchanged; the calibration is {evaluation.overall.calibration_from}. What is said "
        f"above of decisions is of the parent.\n\n"
        f"- Parent: {subject.contract.name}, SHA-256 `{subject.digest}`\n"
        f"- SHA-256 of the data: `{evaluation.data.sha256}`\n"
    )
