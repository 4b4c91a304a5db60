"""The model under judgement: a RUN folder or a bundle, behind one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import EXPERIENCE, Bundle
from ecg2lab.contract import Contract
from ecg2lab.errors import CheckpointError
from ecg2lab_export import experience
from ecg2lab_export.experience import Space
from ecg2lab_training.evaluation import population
from ecg2lab_training.evaluation.result import Population
from ecg2lab_training.files import file_sha256

Outputs = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]] | None]
"""(B, n) logits; (B, F) features, or None."""
Ask = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], Outputs]
"""(B, leads, L) mV, (B, features), (B, categories), nothing missing → outputs of each window."""


@dataclass(frozen=True)
class Subject:
    """A model that can be asked."""

    kind: str
    """"run" or "bundle"."""
    contract: Contract
    outputs: Ask
    weights_sha256: str
    """Of the run's weights; of a bundle, those of the checkpoint that it was made from."""
    digest: str
    """SHA-256 of a bundle's manifest, or of a run's contract."""
    synthetic_weights: bool | None
    training_data: str | None
    training_population: Population | None = None
    """As the card of a bundle states it; a run has its data set."""
    dataset_sha256: str | None = None
    """Of the data set that a run was trained on; a bundle does not say."""
    features: int | None = None
    """How many the model gives; None: its graphs give none."""
    space: Space | None = None
    """Of the features of the training folds, where the contract says how far experience reaches."""


def open_subject(path: Path) -> Subject:
    """Open a RUN folder or a bundle.

    Raises
    ------
    CheckpointError, BundleError, ContractError
        If it is neither, or damaged.
    """
    if not path.exists():
        raise CheckpointError(f"there is neither a RUN folder nor a bundle at {path}")
    return _open_run(path) if path.is_dir() else _open_bundle(path)


def _open_run(folder: Path) -> Subject:
    import torch

    from ecg2lab_export.architecture.contract_fit import check_fit
    from ecg2lab_export.checkpoint.run_folder import CONTRACT_FILE, RECORD_FILE, read_run
    from ecg2lab_export.network import cardiolab
    from ecg2lab_training.network.model import FusionModel

    run = read_run(folder)
    network = cardiolab.read(run.weights)
    check_fit(network, run.contract)
    model = FusionModel.from_network(network).eval()

    @torch.no_grad()
    def outputs(*inputs: NDArray[Any]) -> Outputs:
        logits, features = model.outputs(*map(torch.from_numpy, inputs))
        return logits.numpy(), features.numpy()

    return Subject(
        kind="run",
        contract=run.contract,
        outputs=outputs,
        weights_sha256=file_sha256(run.weights),
        digest=file_sha256(folder / CONTRACT_FILE),
        synthetic_weights=run.record.synthetic_weights,
        training_data=run.record.training_data,
        dataset_sha256=_dataset_sha256(folder / RECORD_FILE),
        features=model.head.in_features,
        space=experience.find(run.contract, folder),
    )


class _Record(msgspec.Struct):
    dataset_sha256: str | None = None


def _dataset_sha256(record: Path) -> str | None:
    return msgspec.json.decode(record.read_bytes(), type=_Record).dataset_sha256


def _open_bundle(path: Path) -> Subject:
    from ecg2lab import bundle as bundles
    from ecg2lab import loading

    opened = bundles.Bundle.open(path)
    manifest = opened.manifest
    return Subject(
        kind="bundle",
        contract=opened.contract,
        outputs=loading.load(opened).outputs,
        weights_sha256=manifest.lineage.checkpoint_sha256,
        digest=opened.digest,
        synthetic_weights=manifest.synthetic_weights,
        training_data=manifest.lineage.training_data,
        training_population=population.from_card(opened.member(bundles.CARD).decode()),
        features=opened.features,
        space=_space(opened),
    )


def _space(opened: Bundle) -> Space | None:
    if opened.contract.experience is None:
        return None
    return experience.of_arrays(opened.tensors(EXPERIENCE), f"{opened.source}: {EXPERIENCE}")
