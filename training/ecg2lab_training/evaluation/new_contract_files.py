"""What `ecg2lab evaluate` writes of a contract that it made: the contract, and the same network under it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.contract import Contract
from ecg2lab_export import experience
from ecg2lab_export.experience import Space
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.subject import Subject

CONTRACT = "contract.json"


def of_decisions(
    contract: Contract, space: Space | None, evaluation: Evaluation, model: Path, subject: Subject
) -> Callable[[Path], None]:
    """Writer of contract.json and experience.safetensors, and of decided.ecg2lab where the model is a bundle.

    Parameters
    ----------
    contract
        With new decisions.
    space
        Of features, if the contract says how far experience reaches.
    evaluation
        That judged them.
    model
        File or folder of the model.
    subject
        The model.
    """

    def write(folder: Path) -> None:
        write_contract(folder, contract, space)
        if subject.kind == "bundle":
            write_bundle(folder / "decided.ecg2lab", model, contract, space, _card_section(evaluation, subject))

    return write


def write_contract(folder: Path, contract: Contract, space: Space | None) -> None:
    """Write contract.json, and experience.safetensors if it says how far experience reaches."""
    (folder / CONTRACT).write_bytes(contracts.encode(contract))
    if contract.experience is not None and space is not None:
        (folder / experience.FILE).write_bytes(experience.encode(space))


def write_bundle(path: Path, parent: Path, contract: Contract, space: Space | None, card_section: str) -> None:
    """Write the same network and proof under a new contract; the card says what it comes from."""
    opened = bundles.Bundle.open(parent)
    contents = {name: opened.member(name) for name in opened.manifest.members if name != bundles.EXPERIENCE}
    contents[bundles.CARD] += card_section.encode()
    if contract.experience is not None and space is not None:
        contents[bundles.EXPERIENCE] = experience.encode(space)
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
