"""A network so small that a test may time it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecg2lab_bench.synthetic import export_network, random_network


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """H 8, N 4, one layer, L 50: 20 windows in a recording of 10 s."""
    network = random_network(hidden=8, state_size=4, layers=1, window=50, targets=3)
    return export_network(network, tmp_path_factory.mktemp("bench") / "tiny.ecg2lab")
