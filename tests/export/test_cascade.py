"""The Kautz cascade: exact for HiPPO at every size; where it is not, it says so."""

import numpy as np
import pytest

from ecg2lab.proof import kautz
from ecg2lab_export import export
from ecg2lab_export.forms import cascade, kernel_proof
from ecg2lab_export.forms.cascade import fit_cascade
from ecg2lab_export.network import cardiolab

STEPS = np.log([1e-3, 4e-3, 2e-2, 1e-1])


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("length", [50, 250, 1000])
@pytest.mark.parametrize("state", [2, 4, 8, 16, 32])
def test_hippo_passes_at_every_size(random_system, s4_layer, state, length, directions):
    system = random_system(state, channels=4, state=state, length=length, directions=directions)
    layer = s4_layer(system._replace(log_dt=STEPS))
    check = kernel_proof.fitted_cascade_check(fit_cascade(layer), layer, 0, state)
    assert check.passed, check


def test_the_authors_layers_pass(parity_case):
    network = cardiolab.read(parity_case.checkpoint)
    for layer in network.layers:
        assert kernel_proof.fitted_cascade_check(fit_cascade(layer), layer, 0, network.state_size).passed


@pytest.mark.parametrize("poles", ["real", "coincident", "perturbed"])
@pytest.mark.parametrize("state", [2, 8, 16])
def test_poles_of_every_kind_pass(random_system, s4_layer, poles, state):
    """Real poles are paired with their neighbours, coincident ones leave directions that the fit must not use."""
    system = random_system(state, channels=4, state=state, poles=poles)
    layer = s4_layer(system._replace(log_dt=STEPS))
    assert kernel_proof.fitted_cascade_check(fit_cascade(layer), layer, 0, state).passed


def run_as_documented(found, u):
    """The section as the class documents it, in float32, sample by sample: (L H) → (D L H)."""
    sections = found.h.shape[1]
    y = np.zeros((len(found.taps), *u.shape), np.float32)
    for direction, order in enumerate((1, -1)[: len(found.taps)]):
        w, e = np.zeros_like(found.h), np.zeros_like(found.h)
        for t in range(len(u))[::order]:
            if direction == 1:
                y[1, t] = (found.taps[1] * np.concatenate([w, e], axis=1)).sum(axis=1)
            v = u[t]
            for s in range(sections):
                v = v - e[:, s]
                e[:, s] += found.h[:, s] * (v - w[:, s])
                w[:, s] += found.r[:, s] * e[:, s]
                v = v - e[:, s]
            if direction == 0:
                y[0, t] = (found.taps[0] * np.concatenate([w, e], axis=1)).sum(axis=1)
    return y


def test_the_section_as_documented_computes_the_convolution(random_system, s4_layer):
    """What a native engine will do with h, r and taps. 1e-5 of the largest output: float32 sums of 120 samples."""
    from ecg2lab_export.network.fusion import convolve

    layer = s4_layer(random_system(1, length=120))
    u = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    expected = convolve(u[None].astype(np.float64), layer.kernel)[0]
    found = run_as_documented(fit_cascade(layer), u).sum(axis=0)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_section_is_an_all_pass():
    """Its output carries the energy of its input, whatever the poles: in a row of them no state is starved."""
    pairs = np.array([[0.9 + 0.3j, 0.9 - 0.3j], [-0.5, 0.8]])
    h = 1 - pairs.prod(axis=1).real[None]
    r = (1 - pairs).prod(axis=1).real[None] / h
    states = kautz.responses(h, r, 400)[0]  # (L 2S)
    impulse = np.zeros(400)
    impulse[0] = 1
    e_before = np.vstack([np.zeros(2), states[:-1, 2:]])
    v = impulse
    for section in range(2):
        v = v - e_before[:, section] - states[:, 2 + section]
        assert (v**2).sum() == pytest.approx(1, rel=1e-9)


def test_a_silent_channel_has_silent_taps(random_system, s4_layer):
    system = random_system(2, length=60)
    c = system.c.copy()
    c[:, 1] = 0
    found = fit_cascade(s4_layer(system._replace(c=c)))
    np.testing.assert_array_equal(found.kernel(60)[:, 1], 0)


@pytest.mark.slow
def test_where_it_is_not_good_enough_chunked_blocks_take_the_layer(random_system, s4_layer):
    """64 perturbed poles at dt = 0.1 are beyond float32 sections: 1e-5."""
    layer = s4_layer(random_system(0, channels=4, state=64, length=250, poles="perturbed", dt=(0.0999, 0.1)))
    check = kernel_proof.fitted_cascade_check(fit_cascade(layer), layer, 0, 64)
    assert not check.passed
    assert check.error < 1e-3  # not good enough, yet the right kernel


@pytest.mark.slow
@pytest.mark.parametrize("spoiled", [(0,), (0, 1)])
def test_an_export_without_a_good_cascade_says_so_and_goes_on(parity_case, tmp_path, monkeypatch, spoiled):
    """A missing cascade costs speed, never the bundle; the layers that have one keep it."""
    from safetensors.numpy import load

    from ecg2lab.bundle import Bundle

    layers = cardiolab.read(parity_case.checkpoint).layers

    def worse(layer):
        found = fit_cascade(layer)
        index = next(i for i, x in enumerate(layers) if np.array_equal(x.d, layer.d))
        return cascade.Cascade(found.h, found.r, found.taps * np.float32(1.0001 if index in spoiled else 1))

    monkeypatch.setattr(kernel_proof, "fit_cascade", worse)
    report = export(parity_case.checkpoint, tmp_path / "x.ecg2lab")
    assert report.passed
    names = {f"cascade, layer {i}" for i in spoiled}
    assert {name for name in report.left_out if name.startswith("cascade")} == names
    assert all("chunked blocks take this layer" in report.left_out[name] for name in names)
    stored = load(Bundle.open(tmp_path / "x.ecg2lab").member("weights.safetensors"))
    assert {name for name in stored if ".cascade." in name} == {
        f"layers.{i}.cascade.{key}" for i in range(2) if i not in spoiled for key in ("h", "r", "taps")
    }
