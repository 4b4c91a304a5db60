"""Random networks: the same seed, the same network; and whatever is drawn can be exported and proved."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.bundle import PARITY, Bundle
from ecg2lab.proof.parity import ParityReport
from ecg2lab_bench.measuring import workload
from ecg2lab_bench.synthetic import export_network, random_network
from ecg2lab_export.network import cardiolab

SMALL = {"hidden": 8, "state_size": 4, "layers": 2, "window": 50, "targets": 3}


def test_the_same_seed_gives_the_same_network() -> None:
    first, again = (cardiolab.tensors_of(random_network(**SMALL, seed=7)) for _ in range(2))
    other = cardiolab.tensors_of(random_network(**SMALL, seed=8))
    assert first.keys() == again.keys() == other.keys()
    assert all(np.array_equal(first[key], again[key]) for key in first)
    drawn = [
        key for key in first if key.endswith(("kernel.C", "log_dt", "output_linear.0.weight", "embeddings.0.weight"))
    ]
    assert drawn
    assert not any(np.array_equal(first[key], other[key]) for key in drawn)


def test_defaults_are_the_published_sizes() -> None:
    network = random_network(targets=5)
    assert (network.leads, network.hidden, network.state_size, len(network.layers)) == (12, 512, 8, 4)
    assert (network.window, network.causal, network.targets) == (250, False, 5)
    assert [block.weight.shape for block in network.static] == [(128, 58), (128, 128), (128, 128)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("state_size", [2, 8])
def test_the_export_of_a_random_network_passes_parity(tmp_path: Path, causal: bool, state_size: int) -> None:
    network = random_network(**{**SMALL, "state_size": state_size}, causal=causal)
    path = export_network(network, tmp_path / "x.ecg2lab")
    bundle = Bundle.open(path)
    report = msgspec.json.decode(bundle.member(PARITY), type=ParityReport)
    assert report.checks
    assert all(check.passed for check in report.checks)
    assert bundle.manifest.synthetic_weights
    assert bundle.manifest.causal == causal

    # Independent of the report: the engine against the drawn network, which differs by one rounding of each weight.
    inputs = workload.network_inputs(bundle.contract, 2)
    truth = network.logits(*inputs)
    with ecg2lab.load(bundle, threads=1) as engine:
        assert np.abs(engine.run(*inputs) - truth).max() <= 1e-5 * max(1, np.abs(truth).max())


@pytest.mark.parametrize("size", [0, 3])
def test_an_impossible_state_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"state size {size}"):
        random_network(**{**SMALL, "state_size": size})
