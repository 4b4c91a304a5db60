"""What the tests of several parts share: where data lie, and builders of random state spaces and networks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ecg2lab import cpu
from ecg2lab.errors import BackendError
from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr
from ecg2lab_export.network.fusion import StaticBlock, StoredLayer, StoredNetwork

DATA = Path(__file__).parent / "data"


class ParityCase(NamedTuple):
    """A checkpoint in the authors' format, and what their modules computed with it."""

    checkpoint: Path
    io: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def data_folder():
    return DATA


@pytest.fixture(scope="session", params=["bidirectional-small", "causal-small"])
def parity_case(request):
    folder = DATA / "parity" / request.param
    with np.load(folder / "io.npz") as stored:
        return ParityCase(folder / "checkpoint.ckpt", dict(stored))


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
    return make_system


@pytest.fixture(scope="session")
def random_network():
    return make_network


def make_system(seed=0, *, channels=3, state=8, length=250, directions=2, dt=(1e-3, 1e-1), poles="hippo"):
    """A DPLR system as a checkpoint stores one.

    `poles`: "hippo" the published ones; "perturbed" HiPPO moved by about 10 % with q ≠ conj(p); "real" w on the real
    axis (each stored twice, as its own conjugate); "coincident" all w equal; "slow" |w| so small that the poles of Ā
    are within about dt/20 of 1.
    """
    random = np.random.default_rng(seed)
    half, shape = state // 2, (channels, state // 2)

    def noise(*size):
        return random.standard_normal(size) + 1j * random.standard_normal(size)

    w, p, b = (np.tile(x, (channels, 1)) for x in dplr.hippo_legs(state))
    q = p.conj()
    if poles == "perturbed":
        w = w.real * random.uniform(0.9, 1.5, shape) + 1j * w.imag * random.uniform(0.9, 1.1, shape)
        p, b = p * (1 + 0.1 * noise(*shape)), b * (1 + 0.1 * noise(*shape))
        q = p.conj() * (1 + 0.02 * noise(*shape))
    elif poles == "real":
        w = -np.sort(random.uniform(0.5, 20, shape)) + 0j
    elif poles == "coincident":
        w = np.full(shape, -0.5 + 3j)
    elif poles == "slow":
        w, p = w / np.abs(w) * 0.05, p * 0.05
        q = p.conj()
    c = noise(directions, channels, half) / np.sqrt(2)
    return Dplr(w, p, q, b, c, np.log(random.uniform(*dt, channels)), length)


def make_network(
    seed=0,
    *,
    hidden=8,
    state=8,
    layers=2,
    length=250,
    directions=2,
    targets=10,
    leads=12,
    tables=((2, 16), (5, 32)),
    numbers=10,
    widths=(16, 16, 16),
):
    """A network of any size with random weights, as large as those of a fresh one; every number is a float32."""
    random = np.random.default_rng(seed)

    def linear(out, into):
        bound = 1 / np.sqrt(into)
        return _single(random.uniform(-bound, bound, (out, into))), _single(random.uniform(-bound, bound, out))

    def layer(index):
        system = make_system(seed * 100 + index, channels=hidden, state=state, length=length, directions=directions)
        return StoredLayer(
            Dplr(*map(_single, system[:-1]), system.length),
            _single(random.standard_normal(hidden)),
            *linear(2 * hidden, hidden),
            _single(random.uniform(0.8, 1.2, hidden)),
            _single(random.normal(0, 0.1, hidden)),
        )

    embedded = sum(size for _, size in tables)
    static, width = [], numbers + embedded
    # statistics of raw inputs: vitals are around 100, embeddings and inner activations around 0
    mean = np.concatenate([random.normal(0, 0.3, embedded), random.uniform(20, 150, numbers)])
    variance = np.concatenate([random.uniform(0.5, 2, embedded), random.uniform(100, 1000, numbers)])
    for out in widths:
        norm = random.uniform(0.8, 1.2, width), random.normal(0, 0.1, width)
        static.append(StaticBlock(*map(_single, (*norm, mean, variance)), *linear(out, width)))
        width, mean, variance = out, random.normal(0, 0.3, out), random.uniform(0.5, 2, out)
    encoder = linear(hidden, leads)
    tables = tuple(_single(random.standard_normal(size)) for size in tables)
    return StoredNetwork(
        *encoder, tuple(layer(i) for i in range(layers)), tables, tuple(static), *linear(targets, hidden + width)
    )


def _single(x):
    """The same numbers as float32 would hold them."""
    return x.astype(np.complex64 if np.iscomplexobj(x) else np.float32).astype(
        np.complex128 if np.iscomplexobj(x) else np.float64
    )


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
