"""Checkpoints of other shapes, written here in the authors' key layout, against the published formula in PyTorch.

Nothing of ours makes the expected values: not the state-space code, not the reference network. A kernel is compared as
well as the logits, since taking C̃ for C changes probabilities by one percent only.
"""

import sys
import types
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab_export import export, realise
from ecg2lab_export.network import cardiolab

pytestmark = pytest.mark.slow

SERIES = "ts_encoder.predictor.predictor."
LEADS, NUMBERS, TABLES = 12, 10, ((2, 16), (5, 32))


class Shape(NamedTuple):
    hidden: int
    state: int
    layers: int
    window: int
    targets: int
    directions: int
    with_d: bool
    flags: str
    as_convolution: bool
    """Whether the output's weight is (2H H 1) or (2H H)."""


SHAPES = [
    Shape(1, 2, 1, 50, 1, 1, True, "none", True),
    Shape(1, 4, 2, 78, 204, 2, False, "continuous", False),
    Shape(1, 64, 1, 1000, 2, 1, False, "continuous", True),
    Shape(24, 2, 6, 250, 10, 2, True, "categorical", True),
    Shape(24, 4, 5, 50, 20, 1, True, "categorical", False),
    Shape(24, 32, 3, 78, 5, 1, False, "none", True),
    Shape(24, 64, 2, 1000, 3, 2, True, "continuous", False),
    Shape(96, 4, 4, 250, 204, 2, False, "categorical", True),
    Shape(96, 32, 2, 50, 12, 2, False, "none", False),
    Shape(96, 64, 1, 250, 1, 2, True, "none", True),
    Shape(96, 2, 1, 1000, 7, 1, True, "none", False),
]


def legs(state):
    """HiPPO-LegS as diagonal plus rank one, one of each conjugate pair: w, P, B (arXiv 2111.00396)."""
    n = torch.arange(state, dtype=torch.float64)
    b = torch.sqrt(2 * n + 1)
    p = torch.sqrt(n + 0.5)
    a = -torch.tril(torch.outer(b, b), -1) - torch.diag(n + 1)
    frequency, basis = torch.linalg.eigh(-1j * (a + torch.outer(p, p) + torch.eye(state) / 2))
    half = slice(state // 2, None)
    adjoint = basis.mH
    return (
        torch.complex(torch.full_like(frequency, -0.5), frequency)[half],
        (adjoint @ (p + 0j))[half],
        (adjoint @ (b + 0j))[half],
    )


def complete(half):
    return torch.cat([half, half.conj()], dim=-1)


def discretise(w, p, q, b, dt):
    """Ā (H N N) and B̄ (H N) of A = diag(w) - p qᵀ."""
    eye = torch.eye(w.shape[-1], dtype=torch.complex128)
    a = torch.diag_embed(w) - p[:, :, None] * q[:, None, :]
    inverse = torch.linalg.inv(eye - dt[:, None, None] / 2 * a)
    return inverse @ (eye + dt[:, None, None] / 2 * a), (inverse @ (dt[:, None] * b)[..., None])[..., 0]


def kernel_of(tensors, layer, window, *, recover=True):
    """k[t] = C Āᵗ B̄ with C = C̃ (I - Āᴸ)⁻¹: (D H L); or C̃ mistaken for C."""
    stored = {key: tensors[f"{SERIES}s4_layers.{layer}.kernel.kernel.{key}"].double() for key in "wPQBC"}
    w, p, q, b, c = (complete(torch.view_as_complex(x)) for x in stored.values())
    dt = torch.exp(tensors[f"{SERIES}s4_layers.{layer}.kernel.kernel.log_dt"].double())
    a_bar, x = discretise(w, p[0], q[0], b[0], dt)
    whole = torch.eye(a_bar.shape[-1]) - torch.linalg.matrix_power(a_bar, window)
    c = (c[:, :, None, :] @ torch.linalg.inv(whole))[:, :, 0] if recover else c
    taps = []
    for _ in range(window):
        taps.append((c * x).sum(dim=-1).real)
        x = (a_bar @ x[..., None])[..., 0]
    return torch.stack(taps, dim=-1)


def logits_of(tensors, shape, kernels, signal, continuous, categorical):
    """The published network, in PyTorch's own functions and float64."""
    t = {key: x.double() for key, x in tensors.items()}
    x = functional.linear(
        signal.double().transpose(1, 2), t[SERIES + "encoder.weight"], t[SERIES + "encoder.bias"]
    )  # (B L H)
    for i, kernel in enumerate(kernels):
        layer = f"{SERIES}s4_layers.{i}."
        y = convolved(x.transpose(1, 2), kernel)  # (B H L)
        if shape.with_d:
            y = y + t[layer + "D"].reshape(-1, 1) * x.transpose(1, 2)
        weight, bias = t[layer + "output_linear.0.weight"], t[layer + "output_linear.0.bias"]
        y = functional.linear(functional.gelu(y.transpose(1, 2)), weight.reshape(weight.shape[:2]), bias.flatten())
        norm = f"{SERIES}norms.{i}."
        x = functional.layer_norm(
            x + functional.glu(y, dim=-1), (shape.hidden,), t[norm + "weight"], t[norm + "bias"], eps=1e-5
        )
    tables = [t[f"static_encoder.embeddings.{i}.weight"] for i in range(categorical.shape[1])]
    z = torch.cat([table[categorical[:, i]] for i, table in enumerate(tables)] + [continuous.double()], dim=1)
    for i in (0, 4, 8):
        norm, linear = f"static_encoder.layers.{i}.", f"static_encoder.layers.{i + 2}."
        statistics = t[norm + "running_mean"], t[norm + "running_var"]
        z = functional.batch_norm(z, *statistics, t[norm + "weight"], t[norm + "bias"], training=False, eps=1e-5)
        z = functional.linear(z, t[linear + "weight"], t[linear + "bias"])
        z = functional.relu(z) if i < 8 else z
    return functional.linear(torch.cat([x.mean(dim=1), z], dim=1), t["head.linear.weight"], t["head.linear.bias"])


def convolved(u, kernel):
    """Channel set 0 acts on lags ≥ 0; set 1, read at index m, on lag -(m+1)."""
    channels, length = u.shape[1:]
    lags = torch.zeros(channels, 2 * length - 1, dtype=torch.float64)  # from lag L-1 down to -(L-1), as conv1d reads
    lags[:, :length] = kernel[0].flip(-1)
    if len(kernel) == 2:
        lags[:, length:] = kernel[1][:, : length - 1]
    return functional.conv1d(u, lags[:, None], padding=length - 1, groups=channels)


def draw(shape, seed=0):
    """A state dictionary as the authors' code leaves one: float32, complex numbers as pairs, a rank axis on B, P, Q."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(size, generator=generator)

    def linear(name, inputs, outputs, convolution=False):
        weight, bias = normal(outputs, inputs) / inputs**0.5, 0.1 * normal(outputs)
        return {name + "weight": weight[..., None] if convolution else weight, name + "bias": bias}

    def norm(name, width):
        return {name + "weight": 1 + 0.1 * normal(width), name + "bias": 0.1 * normal(width)}

    tensors = linear(SERIES + "encoder.", LEADS, shape.hidden)
    for i in range(shape.layers):
        layer = f"{SERIES}s4_layers.{i}."
        tensors |= {layer + "kernel.kernel." + key: x for key, x in state_space(shape, generator).items()}
        tensors |= {layer + "D": normal(1, shape.hidden)} if shape.with_d else {}
        tensors |= linear(layer + "output_linear.0.", shape.hidden, 2 * shape.hidden, shape.as_convolution)
        tensors |= norm(f"{SERIES}norms.{i}.", shape.hidden)
    tables = TABLES + ((2, 4),) * (NUMBERS if shape.flags == "categorical" else 0)
    for i, size in enumerate(tables):
        tensors[f"static_encoder.embeddings.{i}.weight"] = normal(*size)
    flags = NUMBERS if shape.flags == "continuous" else 0
    embedded = sum(width for _, width in tables)
    width = embedded + NUMBERS + flags
    mean = torch.cat([torch.zeros(embedded), torch.full((NUMBERS,), 90.0), torch.full((flags,), 0.3)])
    variance = torch.cat([torch.ones(embedded), torch.full((NUMBERS,), 500.0), torch.full((flags,), 0.2)])
    for i in (0, 4, 8):
        name = f"static_encoder.layers.{i}."
        tensors |= norm(name, width) | linear(f"static_encoder.layers.{i + 2}.", width, 16)
        tensors |= {name + "running_mean": mean, name + "running_var": variance}
        tensors |= {name + "num_batches_tracked": torch.tensor(1000)}
        width, mean, variance = 16, 0.1 * normal(16), torch.ones(16)
    return tensors | linear("head.linear.", shape.hidden + 16, shape.targets)


def state_space(shape, generator):
    """HiPPO-LegS with steps of 0.001 to 0.1, and C stored as C̃ = C (I - Āᴸ)."""
    w, p, b = (x.expand(shape.hidden, -1) for x in legs(shape.state))
    dt = torch.exp(torch.rand(shape.hidden, generator=generator, dtype=torch.float64) * np.log(100) + np.log(1e-3))
    size = shape.directions, shape.hidden, shape.state // 2
    c = complete(torch.randn(size, generator=generator, dtype=torch.complex128))
    a_bar, _ = discretise(*map(complete, (w, p, p.conj(), b)), dt)
    truncated = c - (c[:, :, None, :] @ torch.linalg.matrix_power(a_bar, shape.window))[:, :, 0]
    omega = torch.exp(torch.tensor(-2j * np.pi / shape.window)) ** torch.arange(shape.window // 2 + 1)
    found = {"C": truncated[..., : shape.state // 2], "P": p[None], "B": b[None], "w": w, "Q": p.conj()[None]}
    pairs = {key: torch.view_as_real(x.resolve_conj().contiguous()).float() for key, x in found.items()}
    moebius = torch.view_as_real(2 * (1 - omega) / (1 + omega)).float()
    return pairs | {"log_dt": torch.log(dt).float(), "omega": torch.view_as_real(omega).float(), "z": moebius}


class Case(NamedTuple):
    shape: Shape
    path: object
    tensors: dict
    kernels: list
    inputs: tuple
    logits: np.ndarray


@pytest.fixture(scope="module", params=SHAPES, ids=lambda s: "-".join(map(str, s)))
def case(request, tmp_path_factory):
    """A Lightning file, and what the published formula makes of it."""
    shape = request.param
    tensors = draw(shape)
    path = tmp_path_factory.mktemp("case") / "epoch=39.ckpt"
    save_as_lightning(tensors, path)
    kernels = [kernel_of(tensors, i, shape.window) for i in range(shape.layers)]
    inputs = random_inputs(shape)
    logits = logits_of(tensors, shape, kernels, *map(torch.from_numpy, inputs)).numpy()
    return Case(shape, path, tensors, [k.numpy() for k in kernels], inputs, logits)


def random_inputs(shape, batch=3):
    random = np.random.default_rng(1)
    signal = np.clip(random.normal(0, 0.6, (batch, LEADS, shape.window)), -3, 3).astype(np.float32)
    continuous = random.uniform(40, 140, (batch, NUMBERS))
    categorical = np.stack([random.integers(0, n, batch) for n, _ in TABLES], axis=1)
    flags = random.integers(0, 2, (batch, NUMBERS))
    if shape.flags == "continuous":
        continuous = np.concatenate([continuous, flags], axis=1)
    elif shape.flags == "categorical":
        categorical = np.concatenate([categorical, flags], axis=1)
    return signal, continuous.astype(np.float32), categorical


def save_as_lightning(tensors, path):
    """With hyper-parameters of OmegaConf's class names, optimiser and averages, as Lightning writes them."""
    modules = {name: types.ModuleType(name) for name in ("omegaconf", "omegaconf.dictconfig", "omegaconf.base")}
    config = type("DictConfig", (), {"__module__": "omegaconf.dictconfig"})
    metadata = type("ContainerMetadata", (), {"__module__": "omegaconf.base"})
    modules["omegaconf.dictconfig"].DictConfig = config
    modules["omegaconf.base"].ContainerMetadata = metadata
    hyper = config()
    hyper.__dict__ |= {"_metadata": metadata(), "_parent": None, "_content": {"lr": 1e-3, "layers": [1, 2]}}
    first = next(iter(tensors.values()))
    content = {
        "epoch": 39,
        "pytorch-lightning_version": "1.9.0",
        "state_dict": tensors,
        "optimizer_states": [{"state": {0: {"step": torch.tensor(9.0), "exp_avg": first}}, "param_groups": [{}]}],
        "callbacks": {"EMA{'decay': 0.999}": {"ema": {"shadow": first}}},
        "hyper_parameters": hyper,
    }
    sys.modules.update(modules)
    try:
        torch.save(content, path)
    finally:
        for name in modules:
            del sys.modules[name]


def apart(kernel, published):
    """Largest difference, relative to the largest tap."""
    return np.abs(kernel - published).max() / np.abs(published).max()


def test_kernels_are_those_of_the_published_formula(case):
    """Both in float64; (I - Āᴸ)⁻¹, which only this side forms, costs up to three digits where dt is short."""
    network = cardiolab.read(case.path)
    assert len(network.kernels) == case.shape.layers
    for ours, published in zip(network.kernels, case.kernels, strict=True):
        assert apart(ours, published) < 1e-12


def test_the_realisation_recurs_to_the_same_kernels(case):
    """In float64; far from HiPPO's eigenvectors, whose condition would cost four digits and more."""
    network = cardiolab.read(case.path)
    for layer, published in zip(network.layers, case.kernels, strict=True):
        assert apart(realise(*layer.system).kernel(case.shape.window), published) < 1e-11


def test_mistaking_c_tilde_for_c_would_be_seen(case):
    """The slip changes these kernels by 7e-5 (N = 64, one channel) to 1: far more than any tolerance above."""
    for index, published in enumerate(case.kernels):
        wrong = kernel_of(case.tensors, index, case.shape.window, recover=False).numpy()
        assert apart(wrong, published) > 1e-5


def test_logits_are_those_of_the_published_network(case):
    """In float64, from kernels that agree within 1e-12; sums over up to 1000 samples and 96 channels."""
    network = cardiolab.read(case.path)
    np.testing.assert_allclose(network.logits(*case.inputs), case.logits, rtol=0, atol=1e-10)
    assert network.window == case.shape.window
    assert network.causal == (case.shape.directions == 1)


def test_the_exported_bundle_computes_the_published_network(case, tmp_path):
    """Without a contract. No bundle may be further away than 2e-5, which is relative where logits exceed 10."""
    from safetensors.numpy import load

    export(case.path, tmp_path / "x.ecg2lab", synthetic_weights=True)
    bundle = Bundle.open(tmp_path / "x.ecg2lab")
    assert bundle.contract.missing_flags == case.shape.flags
    with ecg2lab.load(bundle, backend="onnxruntime", threads=1) as engine:
        logits = engine.run(*case.inputs)
    limit = 2e-5 * max(1, np.abs(case.logits).max() / 10)
    np.testing.assert_allclose(logits, case.logits, rtol=0, atol=limit)
    weights = load(bundle.member("weights.safetensors"))
    for index, published in enumerate(case.kernels):
        a, state, c = (weights[f"layers.{index}.{key}"] for key in "abc")
        taps = np.empty_like(published)
        for t in range(case.shape.window):
            taps[..., t] = (c * state).sum(axis=-1)
            state = np.einsum("...nm,...m->...n", a, state)
        assert apart(taps, published) < 1e-10
