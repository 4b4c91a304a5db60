"""The two passes of an S4 layer around its dense product, each with its gradient written out.

Glossary (as in `s4`): H channels, B batch, L window, N length of the Fourier transform, F = N/2 + 1.

Channels come first, (H B L), so that nothing is ever transposed: the Fourier transform runs along the last axis, the
dense product sees (H, B·L), and the halves of the GLU are contiguous. On a CPU each pass works through a part after
another that stays in the cache; torch's own operators would each fetch and store the whole activation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

NORM_EPSILON = 1e-5
_PART = 1 << 18
"""Numbers of a part: 1 MB in float32, of which a pass holds a handful."""


def _parts(x: Tensor, dim: int) -> list[slice]:
    """Slices along an axis whose parts stay in the cache; on an accelerator one."""
    count = x.shape[dim]
    if x.device.type != "cpu":
        return [slice(0, count)]
    size = max(1, min(count, _PART * count // max(1, x.numel())))
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def transform_length(window: int) -> int:
    """Length for linear convolution, at least 2L - 1: a multiple of 64 without a prime factor above 5.

    For L = 250 that is 512, which MKL transforms in two thirds of the time of 500.
    """
    length = -(-(2 * window - 1) // 64) * 64
    while _rest(length) > 1:
        length += 64
    return length


def _rest(number: int) -> int:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number


def circular(kernel: Tensor, d: Tensor) -> Tensor:
    """Both directions and the skip D as one circular kernel: (D H L), (H) → (H N), lag 0 first, lag -1 last.

    Direction 0 acts on lags ≥ 0; direction 1, read at m, on lag -(m+1); its last one, -L, lies outside every window.
    """
    window = kernel.shape[-1]
    taps = functional.pad(kernel[0], (0, transform_length(window) - window))
    taps[:, 0] += d
    if len(kernel) == 2:
        taps[:, 1 - window :] += kernel[1, :, :-1].flip(-1)
    return taps


def convolve_gelu(u: Tensor, taps: Tensor, mask: Tensor | None) -> Tensor:
    """GELU of a convolution of each channel, times a mask.

    Parameters are (H B L), (H N) circular with lag 0 first, (H B 1) or None; what comes back is (H B L).
    """
    y: Tensor = ConvolveGelu.apply(u, taps, mask)  # type: ignore[no-untyped-call]
    return y


def gate_norm(x: Tensor, z: Tensor, bias: Tensor, mask: Tensor | None, weight: Tensor, shift: Tensor) -> Tensor:
    """LayerNorm over channels of x + mask ∘ GLU(z + bias), with its weight and shift.

    Parameters are (H B L), (2H B L), (2H), (H B 1) or None, (H), (H); what comes back is (H B L).
    """
    y: Tensor = GateNorm.apply(x, z, bias, mask, weight, shift)  # type: ignore[no-untyped-call]
    return y


class ConvolveGelu(torch.autograd.Function):
    """See `convolve_gelu`."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, taps: Tensor, mask: Tensor | None) -> Tensor:
        """(H B L), (H N) circular, lag 0 first, (H B 1) or None → (H B L)."""
        length, window = taps.shape[-1], u.shape[-1]
        kernel = torch.fft.rfft(taps)[:, None]  # (H 1 F)
        y, out = torch.empty_like(u), torch.empty_like(u)
        spectrum = u.new_empty(*u.shape[:2], kernel.shape[-1], dtype=kernel.dtype)  # (H B F)
        for part in _parts(u, 0):
            torch.fft.rfft(u[part], n=length, out=spectrum[part])
            y[part] = torch.fft.irfft(spectrum[part] * kernel[part], n=length)[..., :window]
            out[part] = functional.gelu(y[part])
            if mask is not None:
                out[part] *= mask[part]
        ctx.save_for_backward(spectrum, kernel, y, mask)
        ctx.length = length
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """Correlate with the kernel, and with the input."""
        spectrum, kernel, y, mask = ctx.saved_tensors
        length, window = ctx.length, y.shape[-1]
        grad_u, grad_kernel = torch.empty_like(y), torch.empty_like(kernel)
        for part in _parts(y, 0):
            pull = grad[part] if mask is None else grad[part] * mask[part]
            pull = torch.ops.aten.gelu_backward(pull, y[part])
            pull = torch.fft.rfft(pull, n=length)  # (h B F)
            grad_kernel[part] = torch.linalg.vecdot(spectrum[part], pull, dim=1)[:, None]
            grad_u[part] = torch.fft.irfft(pull.mul_(kernel[part].conj()), n=length)[..., :window]
        return grad_u, torch.fft.irfft(grad_kernel[:, 0], n=length), None


class GateNorm(torch.autograd.Function):
    """See `gate_norm`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, z: Tensor, bias: Tensor, mask: Tensor | None, weight: Tensor, shift: Tensor
    ) -> Tensor:
        """(H B L), (2H B L), (2H), (H B 1) or None, (H), (H) → (H B L)."""
        channels = len(x)
        value, gate = z.new_empty(x.shape), z.new_empty(x.shape)
        normed, out = torch.empty_like(x), torch.empty_like(x)
        deviation = x.new_empty(1, *x.shape[1:])
        for part in _parts(x, 1):
            torch.add(z[:channels, part], bias[:channels, None, None], out=value[:, part])
            torch.add(z[channels:, part], bias[channels:, None, None], out=gate[:, part])
            gate[:, part].sigmoid_()
            sum_ = value[:, part] * gate[:, part]
            if mask is not None:
                sum_ *= mask[:, part]
            sum_ += x[:, part]
            sum_ -= _mean(sum_)
            scale = (_mean(sum_ * sum_) + NORM_EPSILON).rsqrt_()  # (1 b L)
            torch.mul(sum_, scale, out=normed[:, part])
            torch.addcmul(shift[:, None, None], normed[:, part], weight[:, None, None], out=out[:, part])
            deviation[:, part] = scale
        ctx.save_for_backward(value, gate, mask, normed, deviation, weight)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Back through norm, residual, mask and gate."""
        value, gate, mask, normed, scale, weight = ctx.saved_tensors
        channels = len(grad)
        grad_x = torch.empty_like(grad)
        grad_z = grad.new_empty(2 * channels, *grad.shape[1:])
        grad_weight, grad_shift, grad_bias = (grad.new_zeros(n) for n in (channels, channels, 2 * channels))
        for part in _parts(grad, 1):
            g, n = grad[:, part], normed[:, part]
            product = g * n
            grad_shift += g.sum(dim=(1, 2))
            grad_weight += product.sum(dim=(1, 2))
            pull = g * weight[:, None, None]
            product *= weight[:, None, None]
            pull -= _mean(pull)
            pull.addcmul_(n, _mean(product), value=-1)
            pull = torch.mul(pull, scale[:, part], out=grad_x[:, part])
            if mask is not None:
                pull = pull * mask[:, part]
            s, v = gate[:, part], value[:, part]
            of_value = torch.mul(pull, s, out=grad_z[:channels, part])
            of_gate = torch.mul(of_value, v, out=grad_z[channels:, part])
            of_gate *= 1 - s
            grad_bias += grad_z[:, part].sum(dim=(1, 2))
        return grad_x, grad_z, grad_bias, None, grad_weight, grad_shift


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=0, keepdim=True)  # over channels
