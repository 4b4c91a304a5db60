"""The balanced basis: reachability and observability are one diagonal, and the kernel is left alone."""

import numpy as np
import pytest

from ecg2lab_export.network import balancing
from ecg2lab_export.network.balancing import NEGLIGIBLE, balance
from ecg2lab_export.network.realisation import realise_system


def gramians(a, b, c, length):
    """Σ γ²ᵗ aᵗ b bᵀ aᵗᵀ and Σ γ²ᵗ aᵗᵀ cᵀ c aᵗ, γ = exp(−1/L), summed until nothing is left: (H R R) each."""
    fade = np.exp(-1 / length)
    reach, see = np.zeros_like(a), np.zeros_like(a)
    column, row = b, c
    for _ in range(25 * length):
        reach += column[:, :, None] * column[:, None, :]
        see += row[:, :, None] * row[:, None, :]
        column = fade * np.einsum("hnm,hm->hn", a, column)
        row = fade * np.einsum("hn,hnm->hm", row, a)
    return reach, see


@pytest.mark.parametrize("poles", ["hippo", "perturbed", "real", "slow"])
@pytest.mark.parametrize("state", [2, 4, 8])
def test_each_state_is_as_hard_to_reach_as_it_is_to_see(random_system, monkeypatch, poles, state):
    """Both Gramians are the same diagonal matrix. 1e-9 of the largest value: float64 after QR, SVD and 25 L sums."""
    monkeypatch.setattr(balancing, "_SLOWER", ())  # channels that grew would have another fading
    system = random_system(state, state=state, length=60, poles=poles, dt=(1e-2, 1e-1))
    real = realise_system(system)
    for direction in range(2):
        a, b, c = real.a[direction], real.b[direction], real.c[direction]
        reach, see = gramians(a, b, c, 60)
        largest = np.abs(reach).max(axis=(1, 2), keepdims=True)
        diagonal = np.einsum("hn,nm->hnm", np.diagonal(reach, axis1=1, axis2=2), np.eye(real.states))
        assert (np.abs(reach - diagonal) / largest).max() < 1e-9
        assert (np.abs(reach - see) / largest).max() < 1e-9
        values = np.diagonal(reach, axis1=1, axis2=2)
        assert (np.diff(values, axis=1) <= 1e-9 * largest[:, 0]).all()  # hardest to reach last


def test_the_directions_are_balanced_each_for_itself(random_system):
    """They share Ā and B̄ but not C: one basis could serve only one of them."""
    real = realise_system(random_system(1, length=60))
    assert np.abs(real.a[0] - real.a[1]).max() > 1e-3


def random_stable(channels=3, states=6, seed=0):
    random = np.random.default_rng(seed)
    basis = random.normal(size=(channels, states, states))
    a = basis @ (random.uniform(-0.9, 0.9, (channels, states))[:, :, None] * np.linalg.inv(basis))
    return a, random.normal(size=(channels, states)), random.normal(size=(channels, states))


def taps(a, b, c, length=40):
    out, state = [], b
    for _ in range(length):
        out.append((c * state).sum(axis=1))
        state = np.einsum("hnm,hm->hn", a, state)
    return np.stack(out, axis=1)


def test_the_kernel_is_left_alone():
    system = random_stable()
    expected = taps(*system)
    np.testing.assert_allclose(taps(*balance(*system, 40)), expected, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("never", ["reached", "seen"])
def test_states_without_effect_are_left_out(never):
    """Two of six states are cut off from the input, or from the output."""
    a, b, c = random_stable()
    live, dead = slice(2, 6), slice(0, 2)
    a[:, dead, live], a[:, live, dead] = 0, 0
    (b if never == "reached" else c)[:, dead] = 0
    a *= 0.9 / np.abs(np.linalg.eigvals(a)).max(axis=1)[:, None, None]
    expected = taps(a, b, c)
    found = balance(a, b, c, 40)
    assert found.b.shape == (3, 4)
    np.testing.assert_allclose(taps(*found), expected, atol=1e-11 * np.abs(expected).max())


def test_coincident_poles_need_one_pair_of_states(random_system):
    """HiPPO's rank-1 part still tells them apart; without it all pairs are one and the same."""
    system = random_system(2, length=60, poles="coincident")
    none = np.zeros_like(system.p)
    assert realise_system(system._replace(p=none, q=none)).states == 2


def test_the_channel_that_needs_most_states_decides_for_all():
    a, b, c = random_stable(channels=2)
    c[0] = 0
    found = balance(a, b, c, 40)
    assert found.b.shape == (2, 6)
    np.testing.assert_array_equal(found.c[0], 0)


def test_a_system_is_widened_by_states_that_do_nothing():
    system = balance(*random_stable(), 40)
    wide = system.widened(9)
    assert wide.a.shape == (3, 9, 9)
    np.testing.assert_allclose(taps(*wide), taps(*system), atol=1e-14 * np.abs(taps(*system)).max())


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
def test_the_doubling_reaches_the_end_of_a_slow_pole(distance):
    """Σ_t aᵗaᵗ of a scalar is 1/(1 − a²): millions of terms in some thirty passes. `a` itself is rounded to 1e-16."""
    factor = balancing._triangular(np.array([[[1 - distance]]]), np.ones((1, 1)))
    assert factor[0, 0, 0] ** 2 == pytest.approx(1 / (distance * (2 - distance)), rel=1e-16 / distance + 1e-12)


def test_nothing_that_counts_is_left_out(random_system):
    """Dropped singular values are below 1e-12 of the largest, so HiPPO at N = 8 keeps all of its states."""
    assert NEGLIGIBLE <= 1e-12
    assert realise_system(random_system(3, length=250)).states == 8


@pytest.mark.parametrize("poles", ["hippo", "perturbed", "slow"])
@pytest.mark.parametrize("state", [8, 16, 64])
@pytest.mark.parametrize("length", [50, 250])
def test_what_is_shipped_is_stable_beyond_its_window(random_system, poles, state, length):
    """Truncation of the faded system alone gave HiPPO radii up to 1.017: a stream would have grown without end."""
    from ecg2lab_export.network import dplr
    from ecg2lab_export.network.balancing import spectral_radius
    from ecg2lab_export.network.realisation import realise_system

    system = random_system(3, channels=6, state=state, length=length, poles=poles, dt=(1e-3, 1e-1), directions=1)
    real = realise_system(system)
    assert (spectral_radius(real.a[0]) < 1).all()
    exact = dplr.kernel(system)
    assert (np.abs(real.kernel() - exact).max(axis=-1) / np.abs(exact).max(axis=-1)).max() < 1e-8


def test_the_public_call_refuses_a_pole_barely_outside(random_system):
    from ecg2lab.errors import CheckpointError
    from ecg2lab_export import realise

    s = random_system(3, channels=2, directions=1)
    w = s.w.copy()
    w[1] = 1e-3 + 2j
    p = 0 * s.p
    with pytest.raises(CheckpointError, match=r"channel 1 is 1\.0"):
        realise(w, p, p, s.b, s.c, s.log_dt, s.length)
