"""Stability of a layer: what is refused, what just passes, and that the cheap bound never lets an unstable one by."""

import numpy as np
import pytest

from ecg2lab.errors import CheckpointError
from ecg2lab_export.network import cardiolab, dplr, stability
from ecg2lab_export.network.dplr import Dplr

STEP = 0.01


def system_of(poles):
    """One channel for each pole of Ā, N = 2, without a rank-1 part: w is where the bilinear transform takes it from."""
    poles = np.asarray(poles, dtype=np.complex128)
    w = (2 / STEP * (poles - 1) / (poles + 1))[:, None]
    zero, one = np.zeros_like(w), np.ones_like(w)
    return Dplr(w, zero, zero, one, one[None], np.full(len(poles), np.log(STEP)), 50)


def radii(system):
    a_bar, _ = dplr.discretise(system)
    return np.abs(np.linalg.eigvals(a_bar)).max(axis=-1)


@pytest.mark.parametrize("pole", [1 - 1e-7, -(1 - 1e-7), (1 - 1e-7) * np.exp(0.3j), 0.999, 0, 1j * 0.5])
def test_poles_up_to_one_are_allowed(pole):
    stability.require_stable(system_of([0.5, pole]), "s4_layers.0")


@pytest.mark.parametrize("pole", [1 + 1e-7, 1.04, -1.2, 1.01 * np.exp(2j), 30])
def test_poles_beyond_one_are_refused_by_channel_and_radius(pole):
    with pytest.raises(CheckpointError, match="s4_layers.3 is unstable: the spectral radius of channel 2 is") as error:
        stability.require_stable(system_of([0.5, 0.9, pole, 0.1]), "s4_layers.3")
    stated = float(str(error.value).split(" is ")[2].split(",")[0])
    assert stated == pytest.approx(abs(pole), rel=1e-9)


def test_the_worst_of_several_channels_is_named_and_the_others_are_counted():
    with pytest.raises(CheckpointError, match=r"channel 3 is 1\.2.*; so are 2 other channels"):
        stability.require_stable(system_of([1.1, 0.5, 1.01, 1.2]), "s4_layers.0")


def test_a_pole_where_the_transform_has_no_value_is_refused():
    """With w = 2/dt = 2, exactly, I - dt/2·A is singular."""
    system = system_of([0.5])._replace(w=np.array([[2 + 0j]]), log_dt=np.zeros(1))
    with pytest.raises(CheckpointError, match="channel 0 is inf"):
        stability.require_stable(system, "s4_layers.0")


@pytest.mark.parametrize("state", [2, 4, 8, 32])
def test_the_bound_holds_for_no_unstable_channel(state):
    """Random systems about the edge of stability, far from HiPPO: where the bound is sure, the eigenvalues agree."""
    random = np.random.default_rng(state)
    shape = 3000 if state < 32 else 300, state // 2

    def normal():
        return random.standard_normal(shape) + 1j * random.standard_normal(shape)

    size = random.uniform(0, 1, (shape[0], 1))
    p = normal() * size
    q = p.conj() + normal() * random.uniform(0, 1, (shape[0], 1)) ** 4
    w = -random.exponential(1, shape) + random.uniform(-0.1, 0.3, (shape[0], 1)) + 5j * random.standard_normal(shape)
    steps = np.log(random.uniform(1e-3, 1, shape[0]))
    system = Dplr(w, p, q, p, p[None], steps, 50)
    sure, stable = stability._certainly_stable(system), radii(system) < 1
    assert stable[sure].all()
    assert 0 < sure.sum() < stable.sum() < shape[0]  # the draw has all three kinds


@pytest.mark.parametrize("poles", ["hippo", "perturbed", "real", "coincident", "slow"])
@pytest.mark.parametrize("state", [2, 8, 64])
def test_the_state_spaces_that_we_export_are_stable(random_system, poles, state):
    system = random_system(1, channels=16, state=state, poles=poles)
    assert (radii(system) < 1).all()
    stability.require_stable(system, "s4_layers.0")


def test_hippo_costs_no_eigenvalues(random_system, parity_case):
    """Also after rounding to float32, in which a checkpoint holds it."""
    assert stability._certainly_stable(random_system(2, channels=64, state=64)).all()
    for layer in cardiolab.read(parity_case.checkpoint).layers:
        assert stability._certainly_stable(layer.system).all()
