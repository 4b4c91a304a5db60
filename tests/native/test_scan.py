"""The scan of one S4 layer against a plain float64 recurrence and a direct convolution, and its refusals."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from pairwise import pairwise

from ecg2lab._native import _core

TOLERANCE = 1e-5
"""Relative to the channel's largest output, for a kernel of order 1: float32 has 6e-8, and a state of N numbers is
carried over L/T chunks. Worst measured here: 1.0e-6."""
CHUNKS = (1, 7, 10, 17, 25, 300)
LENGTHS = (1, 5, 249, 250, 251)


def stable_system(seed, *, channels, state, directions):
    """Of each direction a real Ā, poles within a radius of 0.98, in a basis that mixes its states."""
    random = np.random.default_rng(seed)
    shape = directions, channels, state
    basis = np.linalg.qr(random.normal(size=(*shape, state)))[0]
    upper = np.triu(random.normal(size=(*shape, state)), 1) * 0.1 / np.sqrt(state)
    poles = random.uniform(-0.5, 0.98, shape)
    a = basis @ (upper + poles[..., None] * np.eye(state)) @ np.swapaxes(basis, -1, -2)
    b = random.normal(size=shape)
    c = random.normal(size=shape) / np.sqrt(state)
    return a, b, c, random.normal(size=channels)


def recurrence(system, u):
    """Sample by sample in float64: forward over lags ≥ 0, backward over lags −(m+1)."""
    a, b, c, d = system
    u = u.astype(np.float64)
    y = d * u
    state = np.zeros_like(b[0])
    for t in range(len(u)):
        state = np.einsum("hnm,hm->hn", a[0], state) + b[0] * u[t][:, None]
        y[t] += (c[0] * state).sum(axis=1)
    if len(c) == 2:
        state = np.zeros_like(b[1])
        for t in range(len(u) - 1, -1, -1):
            y[t] += (c[1] * state).sum(axis=1)
            state = np.einsum("hnm,hm->hn", a[1], state) + b[1] * u[t][:, None]
    return y


def convolution(system, u):
    """The definition: y[t] = Σ k₀[l] u[t−l] + Σ k₁[m] u[t+m+1] + d u[t], taps by powers of Ā."""
    _, _, c, d = system
    length, channels = u.shape
    taps = taps_of(system, length)
    y = d * u.astype(np.float64)
    for h in range(channels):
        y[:, h] += np.convolve(u[:, h], taps[0, h])[:length]
        if len(c) == 2:
            ahead = np.convolve(u[::-1, h], taps[1, h])[: length - 1]  # from u[t+1] on
            y[: length - 1, h] += ahead[::-1]
    return y


def taps_of(system, length):
    """(D H length), by powers of Ā in float64."""
    a, state, c, _ = system
    taps = np.empty((*state.shape[:2], length))
    for t in range(length):
        taps[..., t] = (c * state).sum(axis=-1)
        state = np.einsum("dhnm,dhm->dhn", a, state)
    return taps


def samples(seed, length, channels):
    return np.random.default_rng(seed).normal(size=(length, channels)).astype(np.float32)


def require_close(y, expected):
    scale = np.maximum(np.abs(expected).max(axis=0), 1)
    assert y.dtype == np.float32
    assert y.shape == expected.shape
    assert (np.abs(y - expected).max(axis=0) / scale).max() < TOLERANCE


@pytest.mark.parametrize("directions", [1, 2], ids=["causal", "bidirectional"])
def test_the_two_references_agree(directions):
    """Recurrence and convolution are written apart; if they disagree, no test below means anything."""
    system = stable_system(0, channels=3, state=8, directions=directions)
    u = samples(0, 120, 3)
    np.testing.assert_allclose(recurrence(system, u), convolution(system, u), atol=1e-12)


@pairwise(chunk=CHUNKS, length=LENGTHS, directions=[1, 2])
def test_every_chunk_and_length_computes_the_recurrence(chunk, length, directions):
    system = stable_system(1, channels=17, state=8, directions=directions)
    u = samples(length, length, 17)
    require_close(_core.Scan(*system, chunk).run(u), recurrence(system, u))


@pytest.mark.parametrize("directions", [1, 2], ids=["causal", "bidirectional"])
@pytest.mark.parametrize("state", [1, 2, 3, 4, 8, 16, 32, 64])
def test_every_state_size_computes_the_convolution(state, directions):
    system = stable_system(state, channels=5, state=state, directions=directions)
    u = samples(state, 97, 5)
    require_close(_core.Scan(*system, 10).run(u), convolution(system, u))


@pytest.mark.parametrize("channels", [1, 2, 15, 16, 17, 31, 32, 33])
def test_channels_around_the_vector_width_do_not_mix(channels):
    """Each channel computes what it computes alone, bit for bit: blocks of 16 and their remainder."""
    system = stable_system(channels, channels=channels, state=8, directions=2)
    a, b, c, d = system
    u = samples(channels, 60, channels)
    y = _core.Scan(*system, 10).run(u)
    require_close(y, recurrence(system, u))
    for h in {0, channels // 2, channels - 1}:
        one = slice(h, h + 1)
        alone = _core.Scan(*(np.ascontiguousarray(x[:, one]) for x in (a, b, c)), d[one], 10)
        np.testing.assert_array_equal(alone.run(np.ascontiguousarray(u[:, one]))[:, 0], y[:, h])


@pairwise(
    poles=["hippo", "perturbed", "real", "coincident", "slow"],
    state=[2, 8, 64],
    sizes=[(50, 10), (250, 10), (1000, 10), (1000, 25)],
)
def test_realised_s4_layers_are_computed_to_float32(random_system, poles, state, sizes):
    """Impulses at both ends show every tap, relative to a channel's largest: the project's limits for a form."""
    from ecg2lab_export.network.realisation import realise_system

    length, chunk = sizes
    real = realise_system(random_system(3, channels=16, state=state, length=length, poles=poles, dt=(1e-3, 1e-1)))
    system = (real.a, real.b, real.c, np.zeros(16))
    scan = _core.Scan(*system, chunk)
    taps = taps_of(system, length)
    lags = np.concatenate([taps[1, :, : length - 1][:, ::-1], taps[0]], axis=1).T
    scale = np.abs(lags).max(axis=0)
    for at in (0, length // 2, length - 1):
        u = np.zeros((length, 16), np.float32)
        u[at] = 1
        expected = lags[length - 1 - at : 2 * length - 1 - at]
        assert (np.abs(scan.run(u) - expected).max(axis=0) / scale).max() < (2e-6 if state <= 16 else 4e-6)


@pairwise(
    state=[2, 4, 6, 8, 10, 16, 18, 32, 64],
    directions=[1, 2],
    length=[1, 2, 3, 50, 251],
    instruction_set=_core.instruction_sets(),
)
def test_a_cascade_computes_its_kernel(state, directions, length, instruction_set):
    """Whole pipelines of four sections and what is left of them; windows shorter than a pipeline."""
    from ecg2lab_export.forms.cascade import Cascade

    random = np.random.default_rng(state)
    channels, sections = 19, state // 2
    h, r = (random.uniform(0.01, 0.9, (channels, sections)).astype(np.float32) for _ in "hr")
    taps = random.normal(size=(directions, channels, 2 * sections)).astype(np.float32)
    d = random.normal(size=channels)
    kernel = Cascade(h.astype(np.float64), r.astype(np.float64), taps.astype(np.float64)).kernel(length)
    u = samples(state, length, channels)
    y = d * u
    for lag in range(length):
        y[lag:] += kernel[0, :, lag] * u[: length - lag]
        if directions == 2 and lag:
            y[: length - lag] += kernel[1, :, lag - 1] * u[lag:]
    require_close(_core.Scan.cascade(h, r, taps, d, instruction_set).run(u), y)


@pytest.mark.parametrize("name", ["h", "r", "taps", "d"])
def test_a_cascade_of_inconsistent_sizes_is_refused(name):
    one = np.float32(0.5)
    right = {
        "h": np.full((3, 2), one),
        "r": np.full((3, 2), one),
        "taps": np.zeros((2, 3, 4), np.float32),
        "d": np.zeros(3),
    }
    with pytest.raises(ValueError, match="must be|inconsistent"):
        _core.Scan.cascade(**(right | {name: np.ascontiguousarray(right[name][..., :-1])}))


def test_a_causal_scan_never_looks_ahead():
    system = stable_system(2, channels=4, state=8, directions=1)
    scan, u = _core.Scan(*system, 10), samples(2, 100, 4)
    changed = u.copy()
    changed[57:] = 1e6
    np.testing.assert_array_equal(scan.run(u)[:57], scan.run(changed)[:57])


def test_the_second_direction_sees_the_future_only():
    """Index m of its kernel acts on lag −(m+1): never on the present sample, never on the past."""
    a, b, c, d = stable_system(3, channels=4, state=8, directions=2)
    c[0], d[:] = 0, 0
    scan, u = _core.Scan(a, b, c, d, 10), samples(3, 100, 4)
    changed = u.copy()
    changed[:58] = 1e6
    np.testing.assert_array_equal(scan.run(u)[57:], scan.run(changed)[57:])
    impulse = np.zeros((100, 4), np.float32)
    impulse[50] = 1
    np.testing.assert_allclose(scan.run(impulse)[49], (c[1] * b[1]).sum(axis=-1), rtol=1e-5)


def test_reversing_time_exchanges_the_directions():
    """With D = 0 and c₁ = c₀Ā, lag −l weighs what lag l weighs, but for lag 0: the scan is then its own mirror."""
    a, b, c, d = stable_system(4, channels=4, state=8, directions=2)
    a[1], b[1], c[1] = a[0], b[0], np.einsum("hn,hnm->hm", c[0], a[0])
    scan, u = _core.Scan(a, b, c, d, 10), samples(4, 97, 4)
    mirrored = scan.run(np.ascontiguousarray(u[::-1]))[::-1]
    np.testing.assert_allclose(scan.run(u), mirrored, atol=1e-5 * np.abs(mirrored).max())


def test_repetition_and_four_threads_at_once_give_the_same_bits():
    """One scan object is shared: it must hold nothing that a run changes."""
    system = stable_system(5, channels=33, state=16, directions=2)
    scan = _core.Scan(*system, 10)
    inputs = [samples(seed, 250, 33) for seed in range(4)]
    expected = [scan.run(u) for u in inputs]
    results = [[] for _ in inputs]

    def work(slot):
        for _ in range(10):
            results[slot].append(scan.run(inputs[slot]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for ys, y in zip(results, expected, strict=True):
        for again in ys:
            np.testing.assert_array_equal(again, y)


def test_no_samples_give_no_samples():
    scan = _core.Scan(*stable_system(6, channels=4, state=2, directions=2), 10)
    assert scan.run(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("a", (2, 4, 8, 7)),
        ("a", (2 * 4 * 8 * 8,)),
        ("a", (4, 2, 8, 8)),
        ("a", (1, 4, 8, 8)),
        ("b", (2, 4, 7)),
        ("b", (64,)),
        ("b", (2, 8, 4)),
        ("b", (1, 4, 8)),
        ("c", (3, 4, 8)),
        ("c", (0, 4, 8)),
        ("c", (2, 8, 4)),
        ("c", (2, 32)),
        ("c", (4, 2, 8)),
        ("d", (5,)),
        ("d", (2, 2)),
        ("d", (1, 4)),
    ],
)
def test_a_wrong_shape_is_refused(name, shape):
    """Equal sizes in another order too: a transposed c would be read as another system."""
    right = dict(zip("abcd", stable_system(7, channels=4, state=8, directions=2), strict=True))
    with pytest.raises(ValueError, match=r"must be|inconsistent"):
        _core.Scan(**(right | {name: np.zeros(shape)}), chunk=10)


@pytest.mark.parametrize("name", "abcd")
def test_a_wrong_type_is_refused(name):
    right = dict(zip("abcd", stable_system(7, channels=4, state=8, directions=2), strict=True))
    with pytest.raises(TypeError):
        _core.Scan(**(right | {name: right[name].astype(np.float32)}), chunk=10)


@pytest.mark.parametrize("chunk", [0, -1, 2.5, 2**50])
def test_an_impossible_chunk_is_refused(chunk):
    right = stable_system(7, channels=1, state=2, directions=1)
    with pytest.raises((ValueError, TypeError, MemoryError)):
        _core.Scan(*right, chunk)


def test_a_chunk_whose_double_overflows_is_refused_and_does_not_kill_the_process():
    """2⁶³+1 doubles to 2: such a size must not pass for a small one. In a process of its own, which may crash."""
    code = (
        "import numpy, ecg2lab._native._core as core\n"
        "core.Scan(numpy.zeros((1, 2, 2)), numpy.zeros((1, 2)), numpy.zeros((1, 1, 2)), numpy.zeros(1), 2**63 + 1)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, f"exit {ended.returncode}"
    assert "Error" in ended.stderr


@pytest.mark.parametrize(
    "u", [np.zeros((10, 5), np.float32), np.zeros(40, np.float32), np.zeros((2, 5, 4), np.float32)]
)
def test_an_input_of_another_shape_is_refused(u):
    scan = _core.Scan(*stable_system(8, channels=4, state=2, directions=2), 10)
    with pytest.raises(ValueError, match=r"length, channels"):
        scan.run(u)


def test_an_input_of_another_type_is_refused():
    scan = _core.Scan(*stable_system(8, channels=4, state=2, directions=2), 10)
    for dtype in (np.float64, np.int32, ">f4"):
        with pytest.raises(TypeError):
            scan.run(np.zeros((10, 4), dtype))


def test_a_transposed_input_is_not_read_in_the_wrong_order():
    scan = _core.Scan(*stable_system(9, channels=4, state=2, directions=2), 10)
    u = samples(9, 4, 10).T
    try:
        y = scan.run(u)
    except TypeError:
        return
    np.testing.assert_array_equal(y, scan.run(np.ascontiguousarray(u)))
