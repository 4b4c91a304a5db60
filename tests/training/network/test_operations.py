"""The passes of an S4 layer equal what they stand for, and so do their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional

from ecg2lab_training.network import operations
from ecg2lab_training.network.operations import circular, convolve_gelu, gate_norm, transform_length

H, B, L = 2, 3, 5


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Arrays are tiny: threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(*shape: int) -> torch.Tensor:
    """Normal numbers in double precision, to be differentiated."""
    generator = torch.Generator().manual_seed(math.prod(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


@pytest.fixture(params=[1, 10, 1 << 20], ids=["part by part", "a few parts", "at once"])
def _part_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes work through the array in parts of any size."""
    monkeypatch.setattr(operations, "_PART", request.param)


def convolved(u: np.ndarray, k: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The sum over all pairs of times: (H B L), (D H L), (H) → (H B L)."""
    y = d[:, None, None] * u
    for t in range(L):
        for s in range(L):
            lag = t - s
            if lag >= 0:
                y[..., t] += k[0, :, None, lag] * u[..., s]
            elif len(k) == 2:
                y[..., t] += k[1, :, None, -lag - 1] * u[..., s]
    return y


@pytest.mark.usefixtures("_part_size")
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
def test_convolution_equals_the_sum(directions: int, masked: bool) -> None:
    u, k, d = draw(H, B, L), draw(directions, H, L), draw(H)
    mask = (draw(H, B, 1).detach() > 0) / 0.5 if masked else None
    expected = functional.gelu(torch.from_numpy(convolved(*(x.detach().numpy().copy() for x in (u, k, d)))))
    expected = expected if mask is None else expected * mask
    torch.testing.assert_close(convolve_gelu(u, circular(k, d), mask), expected, atol=1e-12, rtol=0)


@pytest.mark.usefixtures("_part_size")
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
def test_gradient_of_the_convolution(directions: int, masked: bool) -> None:
    mask = (draw(H, B, 1).detach() > 0) / 0.5 if masked else None
    inputs = draw(H, B, L), draw(directions, H, L), draw(H)
    assert torch.autograd.gradcheck(lambda u, k, d: convolve_gelu(u, circular(k, d), mask), inputs)


def plain(
    x: torch.Tensor, z: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor | None, *norm: torch.Tensor
) -> torch.Tensor:
    """The same from PyTorch's own operators."""
    gated = functional.glu(z + bias[:, None, None], dim=0)
    total = x + (gated if mask is None else mask * gated)
    return functional.layer_norm(total.movedim(0, -1), (H,), *norm, eps=operations.NORM_EPSILON).movedim(-1, 0)


@pytest.mark.usefixtures("_part_size")
@pytest.mark.parametrize("masked", [True, False])
def test_gate_and_norm_equal_pytorchs_own(masked: bool) -> None:
    mask = (draw(H, B, 1).detach() > 0) / 0.5 if masked else None
    inputs = draw(H, B, L), draw(2 * H, B, L), draw(2 * H), mask, draw(H), draw(H)
    found, expected = gate_norm(*inputs), plain(*inputs)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    pull = draw(H, B, L).detach()
    trained = [x for x in inputs if x is not None and x.requires_grad]
    gradients = (torch.autograd.grad((y * pull).sum(), trained) for y in (found, expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-11, rtol=0)


@pytest.mark.parametrize("window", [1, 30, 33, 250, 1000, 5000])
def test_the_transform_has_room_for_every_lag_and_little_more(window: int) -> None:
    length = transform_length(window)
    assert 2 * window - 1 <= length <= 1.2 * (2 * window + 64)


def test_parts_cover_everything_once() -> None:
    x = torch.empty(7, 50_000, device="meta")
    assert operations._parts(x, 0) == [slice(0, 7)]  # not a CPU: one part
    y = torch.empty(7, 200_000)
    parts = operations._parts(y, 0)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(7))
    assert len(parts) > 1
