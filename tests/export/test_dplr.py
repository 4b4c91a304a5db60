"""The published kernel, HiPPO and the realisation, against power iteration written out per channel."""

import numpy as np
import pytest

from ecg2lab_export import cardiolab, dplr, realise
from ecg2lab_export.realisation import Realisation, realise_system

POLES = ("hippo", "perturbed", "real", "coincident", "slow")


def discretised(system, channel):
    """Ā and B̄ of one channel, from the definition (PAPER.md, The S4 kernel), conjugates completed."""
    w, p, q, b = (np.concatenate([x[channel], x[channel].conj()]) for x in system[:4])
    dt, eye = np.exp(system.log_dt[channel]), np.eye(len(w))
    a = np.diag(w) - np.outer(p, q)
    inverse = np.linalg.inv(eye - dt / 2 * a)
    return inverse @ (eye + dt / 2 * a), inverse @ (dt * b)


def power_iteration(system, c):
    """k[t] = C Āᵗ B̄ for the true C (D H N/2), sample by sample: (D H L)."""
    taps = np.empty((*c.shape[:2], system.length))
    for channel in range(c.shape[1]):
        a_bar, state = discretised(system, channel)
        rows = np.concatenate([c[:, channel], c[:, channel].conj()], axis=-1)
        for t in range(system.length):
            product = rows @ state
            assert np.abs(product.imag).max() <= 1e-9 * max(1, np.abs(rows).max() * np.abs(state).max())
            taps[:, channel, t] = product.real
            state = a_bar @ state
    return taps


def with_true_c(system):
    """The system whose checkpoint would hold C̃ = C (I − Āᴸ) for this C, and C."""
    shortened = np.empty_like(system.c)
    for channel in range(system.c.shape[1]):
        a_bar, _ = discretised(system, channel)
        rows = np.concatenate([system.c[:, channel], system.c[:, channel].conj()], axis=-1)
        product = rows - rows @ np.linalg.matrix_power(a_bar, system.length)
        shortened[:, channel] = product[:, : system.c.shape[-1]]
    return system._replace(c=shortened), system.c


def relative(found, expected):
    scale = np.abs(expected).max(axis=-1, keepdims=True)
    return float((np.abs(found - expected) / scale).max())


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(
    "dt", [(1e-3, 1.001e-3), (1e-2, 1.001e-2), (0.0999, 0.1)], ids=["dt=0.001", "dt=0.01", "dt=0.1"]
)
@pytest.mark.parametrize("length", [2, 3, 37, 50, 250, 251, 1000])
@pytest.mark.parametrize("poles", POLES)
def test_kernel_and_realisation_are_the_power_iteration(random_system, poles, length, dt, directions):
    """In float64. C̃ cancels where Āᴸ is near I: 1e-12 is usual, 2e-10 the worst measured, with slow poles and L = 2."""
    system, c = with_true_c(random_system(length, length=length, poles=poles, dt=dt, directions=directions))
    expected = power_iteration(system, c)
    assert relative(dplr.kernel(system), expected) < 1e-9
    assert relative(realise_system(system).kernel(length), expected) < 1e-9


@pytest.mark.parametrize("length", [37, 250])
@pytest.mark.parametrize("state", [2, 4, 16, 32, 64])
@pytest.mark.parametrize("poles", ["hippo", "perturbed", "coincident"])
def test_every_state_size_gives_the_power_iteration(random_system, poles, state, length):
    system, c = with_true_c(random_system(state, state=state, length=length, poles=poles, channels=2))
    expected = power_iteration(system, c)
    assert relative(dplr.kernel(system), expected) < 1e-9
    assert relative(realise_system(system).kernel(length), expected) < 1e-9


def test_stored_kernels_of_the_authors_are_reproduced(parity_case):
    """Computed in float64 by the authors' modules from the same float32 parameters."""
    network = cardiolab.read(parity_case.checkpoint)
    for layer, kernel, stored in zip(network.layers, network.kernels, parity_case.io["kernels"], strict=True):
        assert relative(kernel, stored) < 1e-9
        assert relative(realise_system(layer.system).kernel(network.window), stored) < 1e-9


def test_taking_the_stored_c_as_c_is_caught_by_every_kernel_tolerance(parity_case):
    """In the median channel 0.7 to 4 % wrong; hardly at all where Āᴸ has died out, 100 % where it has not."""
    network = cardiolab.read(parity_case.checkpoint)
    for layer, stored in zip(network.layers, parity_case.io["kernels"], strict=True):
        wrong = power_iteration(layer.system, layer.system.c)
        errors = np.abs(wrong - stored).max(axis=-1) / np.abs(stored).max(axis=-1)
        assert errors.max() > 0.1
        assert np.median(errors) > 5e-3


def test_realise_takes_plain_lists_and_single_precision(random_system):
    system = random_system(0, channels=2, length=20)
    whole = realise_system(system)
    lists = realise(*(x.tolist() for x in system[:-1]), system.length)
    np.testing.assert_array_equal(lists.a, whole.a)
    np.testing.assert_array_equal(lists.c, whole.c)
    single = realise(*(x.astype(np.complex64) for x in system[:5]), system.log_dt.astype(np.float32), 20)
    assert single.a.dtype == np.float64
    assert isinstance(single, Realisation)


def test_the_realisation_is_real_and_computes_more_taps_than_the_window(random_system):
    """The recurrence has no window: taps beyond L go on with Āᵗ, where the published kernel knows nothing."""
    system, c = with_true_c(random_system(1, length=50))
    real = realise_system(system)
    for array in (real.a, real.b, real.c):
        assert array.dtype == np.float64
    expected = power_iteration(system._replace(length=200), c)
    assert relative(real.kernel(200), expected) < 1e-9


@pytest.mark.parametrize("chunk", [1, 2, 7, 25])
@pytest.mark.parametrize("directions", [1, 2])
def test_chunked_blocks_compute_the_convolution(random_system, chunk, directions):
    """The recurrence of `ChunkedBlocks`, written out, against the two-sided sum over taps."""
    length, channels = 75, 2
    system, c = with_true_c(random_system(2, channels=channels, length=length, directions=directions))
    taps = power_iteration(system, c)
    random = np.random.default_rng(0)
    u, skip = random.normal(size=(channels, length)), random.normal(size=channels)
    expected = skip[:, None] * u
    for h in range(channels):
        expected[h] += np.convolve(u[h], taps[0, h])[:length]
        if directions == 2:
            expected[h, :-1] += np.convolve(u[h, ::-1], taps[1, h])[: length - 1][::-1]

    blocks = realise_system(system).chunked(skip, chunk)
    count = -(-length // chunk)
    padded = np.pad(u, ((0, 0), (0, count * chunk - length))).reshape(channels, count, chunk)
    y = np.einsum("hjs,hsi->hji", padded, blocks.inside)
    state = np.zeros((channels, 8))
    for j in range(count):
        y[:, j] += np.einsum("hn,hni->hi", state, blocks.leave_forward)
        state = np.einsum("hm,hnm->hn", state, blocks.power) + np.einsum(
            "hs,hsn->hn", padded[:, j], blocks.enter_forward
        )
    assert (blocks.leave_backward is None) == (directions == 1)
    if directions == 2:
        state = np.zeros((channels, 8))
        for j in reversed(range(count)):
            y[:, j] += np.einsum("hn,hni->hi", state, blocks.leave_backward)
            state = np.einsum("hm,hnm->hn", state, blocks.power)
            state += np.einsum("hs,hsn->hn", padded[:, j], blocks.enter_backward)
    np.testing.assert_allclose(y.reshape(channels, -1)[:, :length], expected, atol=1e-10 * np.abs(expected).max())


def test_the_training_basis_is_linear_in_the_stored_c_and_gives_the_kernel(random_system):
    for poles in POLES:
        system, c = with_true_c(random_system(3, length=60, poles=poles, dt=(1e-2, 1e-1)))
        basis = dplr.kernel_basis(system)
        weights = np.concatenate([system.c.real, system.c.imag], axis=-1)
        found = np.einsum("dhn,hnl->dhl", weights, basis)
        assert relative(found, power_iteration(system, c)) < 1e-8


def test_truncation_is_c_times_one_minus_the_power(random_system):
    system, c = with_true_c(random_system(4, length=33))
    np.testing.assert_allclose(dplr.truncate(system, c), system.c, atol=1e-10 * np.abs(c).max())


@pytest.mark.parametrize("state", [2, 4, 8])
def test_hippo_has_the_poles_of_the_legs_matrix(state):
    """LegS is lower triangular with −1 … −N on its diagonal. 1e-5: eigenvalues of a non-normal matrix at N = 8."""
    w, p, _ = (dplr.complete(x) for x in dplr.hippo_legs(state))
    poles = np.linalg.eigvals(np.diag(w) - np.outer(p, p.conj()))
    np.testing.assert_allclose(np.sort_complex(poles), -np.arange(state, 0, -1), atol=1e-5)


@pytest.mark.parametrize("state", [2, 8, 64])
def test_hippo_is_the_legs_system_in_another_basis(state):
    """Bᵀ (s − A)⁻¹ B does not depend on a unitary basis; A and B of LegS from their definition (arXiv 2111.00396)."""
    n = np.arange(state)
    root = np.sqrt(2 * n + 1)
    legs = np.where(n[:, None] > n, -np.outer(root, root), np.diag(-(n + 1.0)))
    w, p, b = (dplr.complete(x) for x in dplr.hippo_legs(state))
    a = np.diag(w) - np.outer(p, p.conj())
    for s in (1.0, 0.3 + 2j, 50j):
        expected = root @ np.linalg.solve(s * np.eye(state) - legs, root)
        found = b.conj() @ np.linalg.solve(s * np.eye(state) - a, b)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_hippo_reproduces_the_stored_parameters(parity_case):
    """Up to the phase of each eigenvector, which p b̄ does not see. The authors computed them in float32: 1e-5."""
    w, p, b = dplr.hippo_legs(8)
    for layer in cardiolab.read(parity_case.checkpoint).layers:
        for channel in range(layer.system.w.shape[0]):
            order = np.argsort(layer.system.w[channel].imag)
            stored_w, stored_p, stored_q, stored_b = (x[channel][order] for x in layer.system.half())
            np.testing.assert_allclose(stored_w, w, atol=1e-5 * np.abs(w).max())
            np.testing.assert_allclose(np.abs(stored_p), np.abs(p), rtol=1e-5)
            np.testing.assert_allclose(stored_p * stored_b.conj(), p * b.conj(), rtol=2e-5)
            np.testing.assert_array_equal(stored_q, stored_p.conj())


@pytest.mark.parametrize("state", [0, -2, 3, 7])
def test_a_state_size_without_pairs_is_refused(state):
    with pytest.raises(ValueError, match="positive even"):
        dplr.hippo_legs(state)
