"""What the export's tests share: a small bundle's bytes and the contract of the parity checkpoints."""

from __future__ import annotations

import pytest

from ecg2lab import contract as contracts


@pytest.fixture(scope="session")
def contract(data_folder):
    return contracts.read(data_folder / "parity" / "contract.json")


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory, random_network):
    """The smallest network of the published inputs, exported: about 10 kB, so that every byte can be flipped."""
    from ecg2lab_export import cardiolab, export

    folder = tmp_path_factory.mktemp("small")
    network = random_network(
        0, hidden=1, state=2, layers=1, length=2, targets=1, tables=((2, 1), (5, 1)), widths=(1, 1, 1)
    )
    cardiolab.write(network, folder / "small.safetensors")
    export(folder / "small.safetensors", folder / "small.ecg2lab")
    return (folder / "small.ecg2lab").read_bytes()
