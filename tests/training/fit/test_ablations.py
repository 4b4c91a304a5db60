"""An ablation is the same network with zeros in the head, and stays so."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
import torch

from ecg2lab_export.network import cardiolab
from ecg2lab_training.data import dataset
from ecg2lab_training.data.crops import Recordings, probabilities
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit
from ecg2lab_training.measures import curves
from ecg2lab_training.network.model import FusionModel
from ecg2lab_training.network.sizes import Inputs, Sizes

pytestmark = pytest.mark.slow


def trained(patients: Path, tiny_config: Path, run: Path, inputs: Inputs) -> FusionModel:
    """Train an ablation, and read what it wrote."""
    settings = msgspec.structs.replace(config.read(str(tiny_config)), inputs=inputs, epochs=8)
    fit(settings, dataset.read(patients), run)
    return FusionModel.from_network(cardiolab.read(run / "model.safetensors"))


@pytest.mark.parametrize(("inputs", "silent"), [("ecg", slice(8, None)), ("tabular", slice(0, 8))])
def test_the_other_part_is_not_heard(
    patients: Path, tiny_config: Path, tmp_path: Path, inputs: Inputs, silent: slice
) -> None:
    model = trained(patients, tiny_config, tmp_path / "run", inputs)
    assert (model.head.weight[:, silent] == 0).all()
    batch = Recordings(dataset.read(patients), "test").windows([0, 1, 2])[0]
    other = batch._replace(signal=batch.signal + 1) if inputs == "tabular" else batch._replace(
        continuous=batch.continuous + 1, categorical=torch.zeros_like(batch.categorical)
    )  # fmt: skip
    with torch.no_grad():
        np.testing.assert_array_equal(model.eval()(*batch[:3]).numpy(), model(*other[:3]).numpy())


@pytest.mark.parametrize(("inputs", "seen", "unseen"), [("ecg", 0, 1), ("tabular", 1, 0)])
def test_it_learns_what_its_part_tells(
    more_patients: Path, tiny_config: Path, tmp_path: Path, inputs: Inputs, seen: int, unseen: int
) -> None:
    model = trained(more_patients, tiny_config, tmp_path / "run", inputs)
    recordings = Recordings(dataset.read(more_patients), "train")
    areas = curves.per_target(probabilities(model, recordings), recordings.labels)
    assert areas[seen] > 0.8
    # 540 patients, whose other label is independent of it: a standard error of 0.025 around 0.5, and some overfitting
    assert areas[unseen] < 0.65


@pytest.mark.parametrize("inputs", get_args(Inputs))
def test_parameters_of_the_part_at_rest_do_not_move(inputs: Inputs) -> None:
    torch.manual_seed(0)
    sizes = Sizes(
        targets=2, hidden=6, state=4, layers=1, window=40, static_widths=(5, 3), static_dropout=(0, 0), inputs=inputs
    )
    model = FusionModel(sizes).train()
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimiser = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), weight_decay=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model(torch.randn(4, 12, 40), torch.randn(4, 10), torch.zeros(4, 2, dtype=torch.long)).square().sum().backward()
        optimiser.step()
    moved = {name.split(".")[0] for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    part_at_rest = {"fusion": set(), "ecg": {"static"}, "tabular": {"encoder", "layers"}}[inputs]
    assert moved == {"encoder", "layers", "static", "head"} - part_at_rest
