"""What the tests of several parts share. Nothing here needs more than the runtime."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import hypothesis_profiles  # noqa: F401
import msgspec
import numpy as np
import pytest
from filelock import FileLock
from operating_points import write_with_points

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BackendError
from ecg2lab.system import cpu

pytest_plugins = ["c_library", "pretended_tensorrt"]

DATA = Path(__file__).parent / "data"


def pytest_configure(config):
    """What is started in the background of a shell ignores Ctrl-C, and so would the programs whose Ctrl-C is tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="of every test that is not slow its first case, few draws")


def pytest_ignore_collect(collection_path, config):
    """`make quick` does not import a module none of whose tests it runs: that alone took half of its time."""
    if config.getoption("quick") and collection_path.suffix == ".py" and LEFT_OUT.search(collection_path.read_text()):
        return True
    return None


LEFT_OUT = re.compile(r"^pytestmark = \[?pytest\.mark\.(slow|soak|system)\b", re.MULTILINE)


def pytest_collection_modifyitems(config, items):
    """What `make quick` runs: the first case of every test that is not marked slow, and all of those marked quick."""
    if not config.getoption("quick"):
        return
    first = {of_test(item): item for item in reversed(items)}
    chosen = [item for item in items if item.get_closest_marker("quick") or first[of_test(item)] is item]
    chosen = [item for item in chosen if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def of_test(item):
    """The name without the case."""
    return item.nodeid.partition("[")[0]


class ParityCase(NamedTuple):
    """A checkpoint in the authors' format, and what their modules computed with it."""

    checkpoint: Path
    io: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`made_once(name, make)`: a folder that `make(folder)` filled, once for all workers of this run; read only."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def folder(name, make):
        path, complete = shared / name, shared / f"{name}.complete"
        with FileLock(shared / f"{name}.lock"):
            if not complete.exists():
                path.mkdir(exist_ok=True)
                make(path)
                complete.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def data_folder():
    return DATA


def _parity_case(name):
    folder = DATA / "parity" / name
    with np.load(folder / "io.npz") as stored:
        return ParityCase(folder / "checkpoint.ckpt", dict(stored))


@pytest.fixture(scope="session", params=["bidirectional-small", "causal-small", "cpu-saved"])
def parity_case(request):
    return _parity_case(request.param)


@pytest.fixture(scope="session", params=["bidirectional-small", "causal-small"])
def contract_case(request):
    """Those that the contract fits."""
    return _parity_case(request.param)


@pytest.fixture(scope="session")
def recording():
    """10 s of twelve leads at 500 Hz."""
    return ecg2lab.read(DATA / "HR06000.hea")


@pytest.fixture(scope="session")
def contract():
    """Of the parity checkpoints, with medians and thresholds."""
    return contracts.read(DATA / "parity" / "contract.json")


@pytest.fixture(scope="session")
def bundle():
    """The bidirectional parity checkpoint with this contract."""
    return DATA / "parity" / "bidirectional-small.ecg2lab"


@pytest.fixture(scope="session")
def pointed(bundle, made_once):
    """The same, most of whose targets have operating points."""
    return made_once("pointed", lambda folder: write_with_points(bundle, folder / "x.ecg2lab")) / "x.ecg2lab"


@pytest.fixture(scope="session")
def bare_bundle():
    """Exported without a contract."""
    return DATA / "parity" / "bare-small.ecg2lab"


@pytest.fixture(scope="session")
def causal_bundle():
    """Of a model that looks back only, and therefore has a step."""
    return DATA / "parity" / "causal-small.ecg2lab"


@pytest.fixture
def doctored(tmp_path):
    """A bundle with members exchanged and digests made right again: `doctored(path, {name: bytes}, **manifest)`."""

    def make(path, contents, **changes):
        opened = Bundle.open(path)
        old = {name: opened.member(name) for name in opened.manifest.members}
        manifest = msgspec.structs.replace(opened.manifest, **changes)
        out = tmp_path / "doctored.ecg2lab"
        out.write_bytes(bundles.seal(manifest, old | contents))
        return out

    return make


@pytest.fixture(scope="session")
def opened(bundle):
    return Bundle.open(bundle)


@pytest.fixture(scope="session")
def inputs(opened):
    """Nine windows: more than two full batches."""
    random, contract = np.random.default_rng(5), opened.contract
    signal = random.normal(0, 0.3, (9, len(contract.signal.leads), contract.signal.window_samples))
    columns = contract.static_inputs
    continuous = random.uniform(20, 120, (9, len(columns.continuous)))
    categorical = np.stack([random.integers(0, count, 9) for count in columns.categorical.values()], axis=1)
    return signal.astype(np.float32), continuous.astype(np.float32), categorical


@pytest.fixture(scope="session")
def computable():
    """`computable(precision)` skips, by name, a test of what this CPU cannot compute."""

    def check(precision):
        try:
            cpu.require(precision)
        except BackendError as error:
            pytest.skip(str(error))

    return check


@pytest.fixture(scope="session")
def random_system():
    """`make_system` of `random_networks`, which needs the export: whoever asks for it has that."""
    from random_networks import make_system

    return make_system


@pytest.fixture(scope="session")
def random_network():
    """`make_network` of `random_networks`."""
    from random_networks import make_network

    return make_network


@pytest.fixture(scope="session")
def calibration_pulses():
    """`calibration_pulses(page, millimetre)`: places and sizes of the calibration pulses on a drawn page.

    `page` (height, width, 3) in 0 … 255 and `millimetre` in pixels; a row (left, top, width, height) for each, in mm.
    """
    return find_pulses


def find_pulses(page, millimetre):
    """Pairs of upright lines that are joined at their top."""
    ink = page.astype(int).sum(axis=2) < 330
    uprights = []
    for x in np.flatnonzero(ink.sum(axis=0) > 8 * millimetre):
        edges = np.flatnonzero(np.diff(np.r_[0, ink[:, x], 0]))
        uprights += [(x, top, end) for top, end in edges.reshape(-1, 2) if end - top > 8 * millimetre]
    pulses = {}
    for x, top, end in uprights:
        for other, other_top, _ in uprights:
            joined = 3 * millimetre < other - x < 8 * millimetre and abs(top - other_top) < 3
            if joined and ink[max(top, other_top) : max(top, other_top) + 2, x:other].all():
                pulses.setdefault(round(top / millimetre), []).append((x, top, other - x, end - top))
    # Lines are more than a pixel thick: the mean is from middle to middle.
    return np.array([np.mean(lines, axis=0) for _, lines in sorted(pulses.items())]) / millimetre
