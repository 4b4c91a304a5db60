"""The PyTorch network equals the float64 reference that export is proved against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ecg2lab_export.network import cardiolab, dplr
from ecg2lab_training.network.model import FusionModel
from ecg2lab_training.network.s4 import Kernel, draw_system
from ecg2lab_training.network.sizes import Sizes

PARITY = Path(__file__).parents[2] / "data" / "parity"

SIZES = (
    Sizes(targets=3, hidden=6, state=4, layers=2, window=40, static_widths=(9, 5), static_dropout=(0.1, 0.5)),
    Sizes(targets=3, hidden=6, state=4, layers=2, window=40, static_widths=(9, 5), static_dropout=(0.1, 0.5),
          bidirectional=False),
    Sizes(targets=1, leads=2, hidden=5, state=8, layers=1, window=51, continuous=3, categories=(4,),
          embedding_widths=(7,), static_widths=(4,), static_dropout=(0.5,)),
    Sizes(targets=24, hidden=32, state=8, layers=4),
)  # fmt: skip


def inputs(sizes: Sizes, batch: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random signal, numbers and categories."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(batch, sizes.leads, sizes.window)).astype(np.float32)
    continuous = rng.normal(size=(batch, sizes.continuous)).astype(np.float32)
    categorical = np.stack([rng.integers(0, n, size=batch) for n in sizes.categories], axis=1)
    return signal, continuous, categorical


def logits(model: FusionModel, *arrays: np.ndarray) -> np.ndarray:
    """Forward pass in evaluation mode."""
    with torch.no_grad():
        return model.eval()(*map(torch.from_numpy, arrays)).numpy()


def trained_a_little(sizes: Sizes) -> FusionModel:
    """A model whose running statistics and parameters have left their initial values."""
    torch.manual_seed(0)
    model = FusionModel(sizes, seed=3).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(3):
        optimiser.zero_grad()
        model(*map(torch.from_numpy, inputs(sizes, batch=8, seed=step))).square().mean().backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_logits_equal_the_reference(sizes: Sizes) -> None:
    model = trained_a_little(sizes)
    arrays = inputs(sizes, seed=9)
    expected = model.to_network().logits(*arrays)
    # float32 over a few hundred additions; logits are of order 1
    np.testing.assert_allclose(logits(model, *arrays), expected, atol=1e-5)


@pytest.mark.parametrize("sizes", SIZES[:3], ids=str)
@pytest.mark.slow
def test_network_and_back_is_the_same_model(sizes: Sizes) -> None:
    model = trained_a_little(sizes)
    arrays = inputs(sizes)
    again = FusionModel.from_network(model.to_network())
    np.testing.assert_array_equal(logits(again, *arrays), logits(model, *arrays))


def test_saved_and_read_back_is_the_same_model(tmp_path: Path) -> None:
    model = trained_a_little(SIZES[0])
    cardiolab.write(model.to_network(), tmp_path / "model.safetensors")
    again = FusionModel.from_network(cardiolab.read(tmp_path / "model.safetensors"))
    arrays = inputs(SIZES[0])
    # the stored numbers are exactly those that were trained, so the logits are too
    np.testing.assert_array_equal(logits(again, *arrays), logits(model, *arrays))


@pytest.mark.parametrize("case", ["bidirectional-small", "causal-small", "cpu-saved"])
def test_authors_checkpoints(case: str) -> None:
    model = FusionModel.from_network(cardiolab.read(PARITY / case / "checkpoint.ckpt"))
    with np.load(PARITY / case / "io.npz") as io:
        arrays = io["signal"], io["continuous"], io["categorical"]
        expected = io["logits"]
    found = logits(model, arrays[0].astype(np.float32), arrays[1].astype(np.float32), arrays[2])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("window", [30, 31, 250])
def test_kernel_equals_the_published_algorithm(directions: int, window: int) -> None:
    system = draw_system(7, 8, window, directions, np.random.default_rng(1))
    kernel = Kernel(system)
    expected = dplr.kernel(kernel.system())
    error = np.abs(kernel().detach().numpy() - expected).max()
    assert error < 1e-5 * np.abs(expected).max()  # the basis is float32


def test_gradient_of_the_kernel_reaches_c_exactly() -> None:
    kernel = Kernel(draw_system(3, 4, 20, 2, np.random.default_rng(2))).double()
    pull = torch.randn(2, 3, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (kernel() * pull).sum().backward()
    assert kernel.c.grad is not None
    step = 0.5  # the kernel is linear in C̃: a difference of any size is exact
    for index in np.ndindex(2, 3, 4):
        system = kernel.system()
        change = np.zeros(system.c.shape, dtype=complex)
        direction, channel, part = index
        change[direction, channel, part % 2] = step if part < 2 else step * 1j
        moved = dplr.kernel(system._replace(c=system.c + change)) - dplr.kernel(system)
        expected = (moved * pull.numpy()).sum() / step
        assert kernel.c.grad[index].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_causal_layers_do_not_look_ahead() -> None:
    sizes = SIZES[1]
    model = FusionModel(sizes).eval()
    u = torch.randn(sizes.hidden, 1, sizes.window, generator=torch.Generator().manual_seed(0))
    later = u.clone()
    later[..., 25:] += 1
    with torch.no_grad():
        before, after = model.layers[0](u), model.layers[0](later)
    torch.testing.assert_close(before[..., :25], after[..., :25], atol=1e-5, rtol=0)
    assert (before[..., 25:] - after[..., 25:]).abs().max() > 0.1


def test_only_c_of_the_state_space_trains() -> None:
    kernel = FusionModel(SIZES[0]).layers[0].kernel
    assert [name for name, _ in kernel.named_parameters()] == ["c"]
    assert {"w", "p", "q", "b", "log_dt"} <= {name for name, _ in kernel.named_buffers()}


def test_dropout_takes_whole_channels_of_single_records() -> None:
    layer = FusionModel(SIZES[0]).layers[0]
    layer.dropout = 0.5
    torch.manual_seed(0)
    mask = layer.train().mask(torch.ones(6, 40, 30))
    assert mask.shape == (6, 40, 1)  # one draw for all times
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    assert layer.eval().mask(torch.ones(6, 40, 30)) is None


def test_a_layer_drops_out_after_its_convolution_and_after_its_gate() -> None:
    layer = FusionModel(SIZES[0]).layers[0].train()
    masks = [torch.zeros(6, 40, 1), torch.ones(6, 40, 1), torch.ones(6, 40, 1), torch.zeros(6, 40, 1)]
    draws = iter(masks)
    layer.mask = lambda _: next(draws)
    x = torch.randn(6, 40, 30, generator=torch.Generator().manual_seed(0))
    norm = torch.nn.functional.layer_norm
    with torch.no_grad():
        gated = torch.nn.functional.glu(layer.output.bias, dim=0)  # of a layer without a convolution
        expected = norm((x + gated[:, None, None]).movedim(0, -1), (6,), eps=1e-5).movedim(-1, 0)
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=0)
        expected = norm(x.movedim(0, -1), (6,), eps=1e-5).movedim(-1, 0)  # nothing but the residual
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=0)
    assert next(draws, None) is None


def test_static_layers_drop_out_at_rates_of_their_own() -> None:
    assert [dropout.p for dropout in FusionModel(SIZES[3]).static.dropouts] == [0.25, 0.25, 0.5]  # as published
    with pytest.raises(ValueError, match="1 rates for the 2 layers"):
        Sizes(targets=1, static_widths=(4, 3), static_dropout=(0.5,))
