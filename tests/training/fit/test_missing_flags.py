"""A data set whose contract has missing flags trains a network that is told what was missing, and exports as such."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ecg2lab import contract as contracts
from ecg2lab.errors import ContractError, DatasetError
from ecg2lab_export.architecture.contract_fit import check_fit
from ecg2lab_export.network import cardiolab
from ecg2lab_training.data import dataset, imputation
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit

pytestmark = pytest.mark.slow


def changed(data: Dataset, **fields: object) -> Dataset:
    """The data set with other fields in its contract."""
    return dataclasses.replace(data, contract=msgspec.structs.replace(data.contract, **fields))


@pytest.mark.parametrize("layout", ["continuous", "categorical"])
def test_filled_features_carry_a_flag_for_each_missing_number(patients: Path, layout: str) -> None:
    data = changed(dataset.read(patients), missing_flags=layout)
    missing = np.isnan(data.continuous)
    assert missing.any()
    continuous, categorical = imputation.fill(data, imputation.learn(data))
    flags = continuous[:, 10:] if layout == "continuous" else categorical[:, 2:]
    np.testing.assert_array_equal(flags, missing)
    assert np.isfinite(continuous).all()


@pytest.mark.parametrize(("layout", "widths"), [("continuous", [2, 3]), ("categorical", [2, 3] + [1] * 10)])
def test_a_run_with_flags_fits_its_own_contract(
    patients: Path, tiny_config: Path, tmp_path: Path, layout: str, widths: list[int]
) -> None:
    settings = json.loads(tiny_config.read_text()) | {"epochs": 1}
    settings["model"] |= {"embedding_widths": widths}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings))
    fit(config.read(str(path)), changed(dataset.read(patients), missing_flags=layout), tmp_path / "run")
    contract = contracts.read(tmp_path / "run" / "contract.json")
    assert contract.missing_flags == layout
    check_fit(cardiolab.read(tmp_path / "run" / "model.safetensors"), contract)


def test_an_embedding_width_is_wanted_for_each_flag(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    data = changed(dataset.read(patients), missing_flags="categorical")
    with pytest.raises(DatasetError, match="embedding_widths names 2, but the data set has 12"):
        fit(config.read(str(tiny_config)), data, tmp_path / "run")


def test_a_window_that_could_not_be_exported_is_refused_before_the_work(
    patients: Path, tiny_config: Path, tmp_path: Path
) -> None:
    data = dataset.read(patients)
    short = changed(data, signal=msgspec.structs.replace(data.contract.signal, window_samples=40))
    with pytest.raises(ContractError, match=r"0\.4 s.*0\.5 s"):
        fit(config.read(str(tiny_config)), short, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
