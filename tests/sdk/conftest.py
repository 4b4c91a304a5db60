"""What the SDK's tests share: a contract, a bundle and an engine of the parity checkpoint, and real records."""

from pathlib import Path

import msgspec
import pytest

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
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
def causal_bundle(tmp_path_factory, contract):
    """Of a model that looks back only, and therefore has a step."""
    path = tmp_path_factory.mktemp("bundle") / "causal.ecg2lab"
    export(DATA / "parity" / "causal-small" / "checkpoint.ckpt", path, contract=contract, synthetic_weights=True)
    return path


@pytest.fixture(scope="session")
def doctored():
    """A bundle with members exchanged and digests made right again: `doctored(path, {name: bytes}, **manifest)`."""

    def make(path, contents, **changes):
        opened = Bundle.open(path)
        old = {name: opened.member(name) for name in opened.manifest.members}
        manifest = msgspec.structs.replace(opened.manifest, **changes)
        out = path.with_name("doctored.ecg2lab")
        bundles.write(out, manifest, old | contents)
        return out

    return make


@pytest.fixture(scope="session")
def engine(bundle):
    with ecg2lab.load(bundle, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def recording(records):
    return ecg2lab.read(records / "HR06000.hea")
