"""Chunked blocks: inside a chunk one product, across chunks the state alone, and both together the convolution."""

import numpy as np
import pytest

from ecg2lab_export.forms.chunked import cut
from ecg2lab_export.network.fusion import convolve
from ecg2lab_export.network.realisation import realise_system

TOLERANCE = 1e-10
"""Relative to the largest output: float64 throughout, against convolution by FFT with the published kernel."""


def run(blocks, u, direction_order=(1, -1)):
    """The recurrence of `Border`, written out: (H L) → (H L)."""
    channels, length = u.shape
    count = -(-length // blocks.chunk)
    padded = np.pad(u, ((0, 0), (0, count * blocks.chunk - length))).reshape(channels, count, blocks.chunk)
    y = np.einsum("hjs,hsi->hji", padded, blocks.inside)
    for border, order in zip(blocks.borders, direction_order, strict=False):
        state = np.zeros((channels, border.carry.shape[-1]))
        for j in range(count)[::order]:
            y[:, j] += np.einsum("hn,hni->hi", state, border.leave)
            state = np.einsum("hnm,hm->hn", border.carry, state) + np.einsum("hs,hsn->hn", padded[:, j], border.enter)
    return y.reshape(channels, -1)[:, :length]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("length", [75, 31])
@pytest.mark.parametrize("chunk", [1, 2, 7, 25, 31, 100])
def test_they_compute_the_convolution(random_system, s4_layer, chunk, length, directions):
    """A window that is no multiple of the chunk, one that is, and a chunk longer than the window."""
    random = np.random.default_rng(0)
    layer = s4_layer(random_system(2, length=length, directions=directions), random.normal(size=3))
    u = random.normal(size=(3, length))
    expected = convolve(u.T[None], layer.kernel)[0].T + layer.d[:, None] * u
    blocks = cut(layer.realisation, layer.d, chunk)
    assert len(blocks.borders) == directions
    np.testing.assert_allclose(run(blocks, u), expected, atol=TOLERANCE * np.abs(expected).max())


def test_inside_is_a_two_sided_toeplitz_matrix_with_d_on_lag_0(random_system):
    real = realise_system(random_system(3, length=50))
    skip = np.array([1.0, -2.0, 3.0])
    inside, taps = cut(real, skip, 6).inside, real.kernel(6)
    for s in range(6):
        for i in range(6):
            expected = taps[0, :, i - s] if i >= s else taps[1, :, s - i - 1]
            np.testing.assert_array_equal(inside[:, s, i], expected + skip * (i == s))


def test_a_causal_layer_leaves_nothing_to_the_past(random_system):
    blocks = cut(realise_system(random_system(3, length=50, directions=1)), np.ones(3), 6)
    np.testing.assert_array_equal(np.tril(blocks.inside, -1), 0)  # an input after the output


def test_the_chunk_does_not_matter(random_system):
    """Two cuts of one realisation agree far beyond float32: only the order of additions differs."""
    real, u = realise_system(random_system(4, length=60)), np.random.default_rng(1).normal(size=(3, 60))
    one, other = (run(cut(real, np.zeros(3), chunk), u) for chunk in (10, 23))
    np.testing.assert_allclose(one, other, atol=1e-12 * np.abs(one).max())
