"""The realisation: a real recurrence with the published kernel, however close to instability or however degenerate."""

import numpy as np
import pytest
from pairwise import pairwise

from ecg2lab.errors import CheckpointError
from ecg2lab_export import realise
from ecg2lab_export.network import cardiolab, dplr
from ecg2lab_export.network.realisation import Realisation, realise_system

POLES = ("hippo", "perturbed", "real", "coincident", "slow")
TOLERANCE = 1e-8
"""Of float64 kernels, relative to a channel's largest tap. Undoing C̃ = C (I − Āᴸ) is ill conditioned where Āᴸ is close
to I: 2e-9 with slow poles, dt = 0.001 and L = 50, the worst measured; 1e-12 is usual."""


@pairwise(poles=POLES, state=[2, 4, 8, 16, 32, 64], length=[50, 250, 1000])
def test_the_kernel_is_the_published_one(random_system, reference, poles, state, length):
    """The published algorithm takes C̃ as stored, the realisation undoes it: they share no step."""
    system = random_system(state, channels=4, state=state, length=length, poles=poles)
    system = system._replace(log_dt=np.log([1e-3, 4e-3, 2e-2, 1e-1]))
    assert reference.relative(realise_system(system).kernel(), dplr.kernel(system)) < TOLERANCE


@pairwise(poles=POLES, length=[2, 3, 37, 251], directions=[1, 2])
def test_the_kernel_is_the_power_iteration(random_system, reference, poles, length, directions):
    """Of the C from which C̃ was made, so that no algorithm of ours is the reference."""
    system, c = reference.with_true_c(random_system(length, length=length, poles=poles, directions=directions))
    assert reference.relative(realise_system(system).kernel(), reference.power_iteration(system, c)) < TOLERANCE


def test_stored_kernels_of_the_authors_are_reproduced(parity_case, reference):
    """Computed in float64 by the authors' modules from the same float32 parameters."""
    network = cardiolab.read(parity_case.checkpoint)
    for layer, stored in zip(network.layers, parity_case.io["kernels"], strict=True):
        assert reference.relative(layer.realisation.kernel(network.window), stored) < 1e-9


def test_taking_the_stored_c_as_c_is_caught_by_every_kernel_tolerance(parity_case, reference):
    """In the median channel 0.7 to 4 % wrong; hardly at all where Āᴸ has died out, 100 % where it has not."""
    network = cardiolab.read(parity_case.checkpoint)
    for layer, stored in zip(network.layers, parity_case.io["kernels"], strict=True):
        wrong = reference.power_iteration(layer.system, layer.system.c)
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


@pytest.mark.parametrize("directions", [1, 2])
def test_all_of_it_is_real_and_has_a_direction_first(random_system, directions):
    """D H R R, D H R: each direction has a basis of its own."""
    real = realise_system(random_system(0, channels=3, length=50, directions=directions))
    assert real.a.shape == (directions, 3, 8, 8)
    assert real.b.shape == real.c.shape == (directions, 3, 8)
    assert (real.directions, real.states, real.length) == (directions, 8, 50)
    assert {x.dtype for x in real.parameters} == {np.dtype(np.float64)}


def test_it_computes_more_taps_than_the_window(random_system, reference):
    """The recurrence has no window: taps beyond L go on with Āᵗ, where the published kernel knows nothing."""
    system, c = reference.with_true_c(random_system(1, length=50))
    real = realise_system(system)
    expected = reference.power_iteration(system._replace(length=200), c)
    assert reference.relative(real.kernel(200), expected) < 1e-9


@pytest.mark.parametrize("length", [1, 2, 3, 49, 50, 51, 120])
def test_the_first_taps_do_not_depend_on_how_many_are_asked_for(random_system, reference, length):
    """Taps are computed in strides of √length."""
    real = realise_system(random_system(2, length=50))
    found = real.kernel(length)
    assert found.shape == (2, 3, length)
    np.testing.assert_allclose(found, real.kernel(120)[:, :, :length], atol=1e-13 * np.abs(found).max())


def pole_system(poles, length=250, directions=1):
    """One channel for each pole of Ā, N = 2 and no rank-1 part; C̃ is that of C = 1."""
    step = 0.01
    poles = np.asarray(poles, dtype=np.complex128)
    w = (2 / step * (poles - 1) / (poles + 1))[:, None]
    zero, one = np.zeros_like(w), np.ones_like(w)
    system = dplr.Dplr(w, zero, zero, one, one[None], np.full(len(poles), np.log(step)), length)
    return system._replace(c=np.repeat(dplr.truncate(system, system.c), directions, axis=0))


@pytest.mark.parametrize("length", [50, 250, 5000])
@pytest.mark.parametrize("pole", [1 - 1e-7, (1 - 1e-7) * np.exp(1e-6j), (1 - 1e-7) * np.exp(0.3j), -(1 - 1e-7)])
def test_poles_within_1e_7_of_the_unit_circle_are_realised(reference, pole, length):
    """1 − Āᴸ of 1e-5 or less costs C five to seven of its sixteen digits: 2e-10 is the worst measured."""
    system = pole_system([0.5, pole], length)
    assert reference.relative(realise_system(system).kernel(), dplr.kernel(system)) < TOLERANCE


def test_a_pole_at_zero_has_one_tap(reference):
    system = pole_system([0, 0.5])
    kernel = realise_system(system).kernel()
    assert reference.relative(kernel, dplr.kernel(system)) < TOLERANCE
    assert np.abs(kernel[0, 0, 1:]).max() < 1e-12 * abs(kernel[0, 0, 0])


@pytest.mark.parametrize("dead", ["b", "c"])
def test_a_channel_that_is_never_reached_or_never_seen_is_silent(random_system, reference, dead):
    """B = 0 or C = 0: balancing divides by singular values, and here all of them are zero."""
    system = random_system(3, length=60)
    values = getattr(system, dead).copy()
    values[..., 1, :] = 0
    system = system._replace(**{dead: values})
    kernel, expected = realise_system(system).kernel(), dplr.kernel(system)
    np.testing.assert_array_equal(kernel[:, 1], 0)
    others = [0, 2]
    assert reference.relative(kernel[:, others], expected[:, others]) < TOLERANCE


def test_a_layer_without_any_live_channel_is_silent(random_system):
    system = random_system(3, length=60)
    real = realise_system(system._replace(b=np.zeros_like(system.b)))
    assert real.states == 1
    np.testing.assert_array_equal(real.kernel(), 0)


@pytest.mark.parametrize("state", [2, 8])
def test_one_channel_is_enough(random_system, reference, state):
    system = random_system(4, channels=1, state=state, length=31)
    assert reference.relative(realise_system(system).kernel(), dplr.kernel(system)) < TOLERANCE


@pytest.mark.parametrize("pole", [1.04, 30, -1.5, 1.2j])
def test_an_unstable_system_is_refused(pole):
    unstable = pole_system([0.5, pole], length=2).w
    with pytest.raises(CheckpointError, match="unstable"):
        realise_system(pole_system([0.5, 0.9])._replace(w=unstable))


def test_a_pole_at_one_is_refused():
    """1 − Āᴸ is singular: no C has this C̃."""
    with pytest.raises(CheckpointError, match="pole at 1"):
        realise_system(pole_system([0.5, 0.9])._replace(w=np.zeros((2, 1), np.complex128)))


@pytest.mark.parametrize("name", ["w", "p", "q", "b", "c", "log_dt"])
def test_a_number_that_is_not_finite_is_refused(random_system, name):
    system = random_system(5, length=40)
    spoiled = getattr(system, name).copy()
    spoiled.flat[0] = np.nan
    with pytest.raises(CheckpointError, match="not finite"):
        realise_system(system._replace(**{name: spoiled}))
