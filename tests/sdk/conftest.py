"""What the SDK's tests share: a contract, a bundle and an engine of the parity checkpoint, and real records."""

from pathlib import Path

import pytest

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab_export import export

DATA = Path(__file__).parent.parent / "data"
CHECKPOINT = DATA / "parity" / "bidirectional-small" / "checkpoint.ckpt"


@pytest.fixture(scope="session")
def records():
    return DATA


@pytest.fixture(scope="session")
def contract():
    return contracts.read(DATA / "parity" / "contract.json")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, contract):
    path = tmp_path_factory.mktemp("bundle") / "model.ecg2lab"
    export(CHECKPOINT, path, contract=contract, synthetic_weights=True)
    return path


@pytest.fixture(scope="session")
def bare_bundle(tmp_path_factory):
    """Exported without a contract."""
    path = tmp_path_factory.mktemp("bundle") / "bare.ecg2lab"
    export(CHECKPOINT, path)
    return path


@pytest.fixture(scope="session")
def engine(bundle):
    with ecg2lab.load(bundle, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def recording(records):
    return ecg2lab.read(records / "HR06000.hea")
