"""The spectral form's plan and constants, in float64: the two levels are one discrete Fourier transform."""

import numpy as np
import pytest

from ecg2lab_export.forms import recurrent, spectral, window_graph
from ecg2lab_export.forms.recurrent import chunk_for
from ecg2lab_export.forms.spectral import Plan, plan_for, spectrum, transforms
from ecg2lab_export.network.fusion import convolve

WINDOWS = (*range(1, 601), 997, 1000, 1024, 2500, 4999, 5000, 5003)


@pytest.mark.parametrize("windows", [WINDOWS[i::10] for i in range(10)], ids=lambda w: f"{w[0]}...")
def test_every_window_has_a_plan_that_holds_it(windows):
    for window in windows:
        plan = plan_for(window)
        assert plan.length >= 2 * window - 1  # no lag comes round to another
        assert plan.outer % 2 == 0
        assert plan.outer >= 2
        assert 1 <= plan.inner <= window
        assert plan.rows <= plan.outer
        assert plan.rows * plan.inner == window + plan.padding
        assert 0 <= plan.padding < plan.inner


def test_the_published_window_needs_no_padding_and_a_fifth_of_the_dense_product():
    plan = plan_for(250)
    assert (plan.outer, plan.inner, plan.padding) == (50, 10, 0)
    assert plan.multiplications == 55_750
    assert plan.multiplications < 0.22 * 250 * 1024


@pytest.mark.parametrize("window", [50, 250, 251, 600])
def test_the_plan_is_the_cheapest(window):
    best = min(
        plan.multiplications + (spectral._COPY_COST * window if plan.padding else 0)
        for plan in (spectral._shortest(window, inner) for inner in range(1, window + 1))
    )
    plan = plan_for(window)
    assert plan.multiplications + (spectral._COPY_COST * window if plan.padding else 0) == best


def convolved(plan, kernel, skip, u):
    """The form's five products in float64: (L H) → (L H)."""
    to, channels = transforms(plan), u.shape[1]
    x = np.pad(u, ((0, plan.padding), (0, 0))).reshape(plan.rows, plan.inner * channels)
    x = (to.outer @ x).reshape(plan.groups, 2 * plan.inner, channels)
    x = (to.inner @ x) * spectrum(plan, kernel, skip)
    x = (to.inner_back @ x).reshape(plan.outer, plan.inner * channels)
    return (to.outer_back @ x).reshape(-1, channels)[: plan.window]


def random_kernel(window, directions, channels=2):
    random = np.random.default_rng(window)
    return random.normal(size=(directions, channels, window)), random.normal(size=channels)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 5, 7, 10, 16, 31, 50, 53, 97, 128, 250, 251, 600])
def test_it_is_the_convolution(window, directions):
    """Odd, even and prime windows; 1e-13 of the largest output: float64, and sums of 2L terms."""
    kernel, skip = random_kernel(window, directions)
    u = np.random.default_rng(1).normal(size=(window, 2))
    expected = convolve(u[None], kernel)[0] + skip * u
    found = convolved(plan_for(window), kernel, skip, u)
    np.testing.assert_allclose(found, expected, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("inner", [1, 2, 3, 5, 8, 9, 23, 24])
@pytest.mark.parametrize("extra", [0, 2, 6])
def test_any_split_is_the_convolution(inner, extra):
    """Also those that `plan_for` would not choose: odd and even Q, Q that does not divide L, longer transforms."""
    window = 24
    outer = -(-(2 * window - 1) // inner)
    plan = Plan(window, outer + outer % 2 + extra, inner)
    kernel, skip = random_kernel(window, 2)
    u = np.random.default_rng(2).normal(size=(window, 2))
    expected = convolve(u[None], kernel)[0] + skip * u
    found = convolved(plan, kernel, skip, u)
    np.testing.assert_allclose(found, expected, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("window", [7, 50, 250])
def test_the_transform_is_that_of_fourier(window):
    """Rows of a group are re + im, re, im of its frequencies: against NumPy's FFT."""
    plan = plan_for(window)
    to = transforms(plan)
    u = np.random.default_rng(3).normal(size=window)
    x = np.pad(u, (0, plan.padding)).reshape(plan.rows, plan.inner)
    x = to.inner @ (to.outer @ x).reshape(plan.groups, 2 * plan.inner, 1)
    expected = np.fft.fft(u, plan.length)
    for group, frequency, _, column, real in spectral._bins(plan):
        re = x[group, column if real else column + 1, 0]
        assert re == pytest.approx(expected[frequency].real, abs=1e-12 * window)
        if not real:
            assert x[group, column + 2, 0] == pytest.approx(expected[frequency].imag, abs=1e-12 * window)


@pytest.mark.parametrize("window", [1, 2, 7, 50, 250, 251])
def test_the_frequencies_are_all_there_and_none_twice(window):
    plan = plan_for(window)
    found = [b.frequency for b in spectral._bins(plan)]
    mirrored = {-f % plan.length for f in found}
    assert len(set(found)) == len(found)
    assert set(found) | mirrored == set(range(plan.length))
    places = [(b.group, b.column + i) for b in spectral._bins(plan) for i in range(1 if b.real else 3)]
    assert len(set(places)) == len(places)
    assert max(column for _, column in places) < 3 * plan.inner


def test_the_file_is_at_most_twice_the_parameters_at_the_published_size(random_network):
    """H = 512, N = 8, L = 250, four layers, 204 targets: transforms are stored once, spectra are 3 L H a layer."""
    network = random_network(0, hidden=512, layers=4, targets=204, widths=(128, 128, 128))
    size = len(window_graph.build(network, "spectral").SerializeToString())
    assert size <= 2 * 4 * network.parameters


@pytest.mark.parametrize(("window", "form"), [(50, "spectral"), (250, "spectral"), (20_000, "recurrent")])
def test_the_faster_form_comes_first(random_network, window, form):
    network = random_network(0, length=window, layers=1, hidden=2)
    assert window_graph.by_speed(network)[0] == form
    assert set(window_graph.by_speed(network)) == set(window_graph.FORMS)


def test_a_chunk_is_sane_for_every_window():
    for window in (*range(1, 601), 1000, 4999, 5000):
        chunk = chunk_for(window)
        assert 1 <= chunk <= min(window, 30), window
        assert -window % chunk < chunk, window


@pytest.mark.slow
def test_the_borders_are_solved_for_any_number_of_chunks(random_system, s4_layer):
    """From one chunk to 40, so that every remainder of the passes in threes occurs; in float32, 2e-6 as everywhere."""
    from ecg2lab.backends.onnxruntime import make_session
    from ecg2lab.proof.kernels import impulse_error, two_sided

    for window in (*range(29, 33), *range(50, 1001, 25)):
        layer = s4_layer(random_system(1, channels=2, length=window))
        session = make_session(window_graph.build_convolution(layer, "recurrent").SerializeToString(), threads=1)
        error = impulse_error(lambda u, s=session: s.run(None, {"u": u})[0], two_sided(layer.kernel, layer.d))
        assert error < 2e-6, (window, -(-window // recurrent.chunk_for(window)))
