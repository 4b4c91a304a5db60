"""State spaces and networks with random weights, of any size."""

from __future__ import annotations

import numpy as np

from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr
from ecg2lab_export.network.fusion import StaticBlock, StoredLayer, StoredNetwork


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
