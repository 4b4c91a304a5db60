"""The published kernel and HiPPO, against power iteration written out per channel."""

import numpy as np
import pytest
from pairwise import pairwise

from ecg2lab_export.network import cardiolab, dplr

POLES = ("hippo", "perturbed", "real", "coincident", "slow")


@pairwise(
    poles=POLES,
    length=[2, 3, 37, 50, 250, 251, 1000],
    dt=[(1e-3, 1.001e-3), (1e-2, 1.001e-2), (0.0999, 0.1)],
    directions=[1, 2],
)
def test_the_kernel_is_the_power_iteration(random_system, reference, poles, length, dt, directions):
    """In float64: 1e-12 is usual, 1e-10 the limit, and beside it what rounding C̃ costs where Āᴸ is near I.

    That part is 5e-9 at worst, with slow poles, L = 3 and taps that cancel; how much of it is met depends on the CPU's
    linear algebra (2e-10 and 1.6e-9 were).
    """
    system = random_system(length, length=length, poles=poles, dt=dt, directions=directions)
    system, c = reference.with_true_c(system)
    expected = reference.power_iteration(system, c)
    limit = 1e-10 + 2 * reference.rounding_of_shortened_c(system, c, expected)
    assert reference.relative(dplr.kernel(system), expected) < limit


@pairwise(poles=["hippo", "perturbed", "coincident"], state=[2, 4, 16, 32, 64], length=[37, 250])
def test_every_state_size_gives_the_power_iteration(random_system, reference, poles, state, length):
    system = random_system(state, state=state, length=length, poles=poles, channels=2)
    system, c = reference.with_true_c(system)
    assert reference.relative(dplr.kernel(system), reference.power_iteration(system, c)) < 1e-9


def test_stored_kernels_of_the_authors_are_reproduced(parity_case, reference):
    """Computed in float64 by the authors' modules from the same float32 parameters."""
    network = cardiolab.read(parity_case.checkpoint)
    for kernel, stored in zip(network.kernels, parity_case.io["kernels"], strict=True):
        assert reference.relative(kernel, stored) < 1e-9


def test_the_training_basis_is_linear_in_the_stored_c_and_gives_the_kernel(random_system, reference):
    for poles in POLES:
        system, c = reference.with_true_c(random_system(3, length=60, poles=poles, dt=(1e-2, 1e-1)))
        basis = dplr.kernel_basis(system)
        weights = np.concatenate([system.c.real, system.c.imag], axis=-1)
        found = np.einsum("dhn,hnl->dhl", weights, basis)
        assert reference.relative(found, reference.power_iteration(system, c)) < 1e-8


def test_truncation_is_c_times_one_minus_the_power(random_system, reference):
    system, c = reference.with_true_c(random_system(4, length=33))
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
