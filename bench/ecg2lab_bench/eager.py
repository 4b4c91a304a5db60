"""The network in PyTorch eager mode, its kernels computed once: what a user has who exports nothing.

Glossary: B batch, L window, H channels; shapes in comments. Channels come before time, as in the published code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from importlib import util
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.measuring import two_sided
from ecg2lab_bench.floors import LeftOut
from ecg2lab_bench.runtimes import Inputs, Run
from ecg2lab_export.network import NORM_EPSILON, Network, S4Layer

if TYPE_CHECKING:
    import torch

    Convolve = Callable[[torch.Tensor], torch.Tensor]
    """(B H L) → (B H L)"""


def in_eager_mode(network: Network, convolution: str, threads: int, undo: ExitStack) -> Run:
    """Build the network.

    Parameters
    ----------
    network
        Parameters.
    convolution
        A key of `CONVOLUTIONS`.
    threads
        Of one call. PyTorch has one count for the process, which `undo` gives back.
    undo
        See `threads`.

    Raises
    ------
    LeftOut
        If PyTorch is not installed.
    """
    if util.find_spec("torch") is None:
        raise LeftOut("torch is not installed")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch loads: idle helpers sleep
    import torch

    undo.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    eager = EagerNetwork(network, CONVOLUTIONS[convolution])

    def run(inputs: Inputs) -> NDArray[Any]:
        with torch.inference_mode():
            return eager(*(torch.from_numpy(x) for x in inputs)).numpy()

    return run


def _single(x: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def _by_fft(layer: S4Layer) -> Convolve:
    """By a real FFT of twice the window, the spectrum of the kernel kept."""
    import torch

    window = layer.system.length
    lags = _single(np.roll(np.pad(two_sided(layer.kernel, layer.d), ((0, 1), (0, 0))), 1 - window, axis=0).T)
    spectrum = torch.fft.rfft(lags)  # (H L+1) of lag 0 … L-1, one zero, lag -(L-1) … -1

    def convolve(u: torch.Tensor) -> torch.Tensor:
        product = torch.fft.rfft(u, n=2 * window) * spectrum
        return torch.fft.irfft(product, n=2 * window)[..., :window]

    return convolve


def _depthwise(layer: S4Layer) -> Convolve:
    """By a convolution of each channel with its 2L-1 taps, or L if the layer is causal."""
    import torch

    window, channels = layer.system.length, layer.d.size
    ahead = 0 if layer.system.directions == 1 else window - 1
    lags = two_sided(layer.kernel, layer.d)[window - 1 - ahead :]
    taps = _single(lags[::-1].T[:, None, :])  # (H 1 taps); the operator correlates

    def convolve(u: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(u, (window - 1, ahead))
        return torch.nn.functional.conv1d(padded, taps, groups=channels)

    return convolve


CONVOLUTIONS: dict[str, Callable[[S4Layer], Convolve]] = {"FFT": _by_fft, "depthwise Conv": _depthwise}


class EagerNetwork:
    """The forward pass in float32."""

    def __init__(self, network: Network, make: Callable[[S4Layer], Convolve]) -> None:
        """With a convolution for each layer, (B H L) → (B H L)."""
        self._encoder = _single(network.encoder_weight), _single(network.encoder_bias[:, None])
        self._layers = [_Layer(layer, make(layer)) for layer in network.layers]
        self._tables = [_single(table) for table in network.embeddings]
        self._static = [tuple(_single(x) for x in block.folded()) for block in network.static]
        self._head = _single(network.head_weight), _single(network.head_bias)

    def __call__(self, signal: torch.Tensor, continuous: torch.Tensor, categorical: torch.Tensor) -> torch.Tensor:
        import torch

        weight, bias = self._encoder
        x = weight @ signal + bias  # (B H L)
        for layer in self._layers:
            x = layer(x)
        pooled = x.mean(dim=2)  # (B H)
        static = torch.cat([*(t[categorical[:, i]] for i, t in enumerate(self._tables)), continuous], dim=1)
        for index, (mean, weight, bias) in enumerate(self._static):
            static = torch.nn.functional.linear(static - mean, weight, bias)
            static = static.relu() if index < len(self._static) - 1 else static
        return torch.nn.functional.linear(torch.cat([pooled, static], dim=1), *self._head)


class _Layer:
    """Convolution, GELU, linear, GLU, residual, norm."""

    def __init__(self, layer: S4Layer, convolve: Convolve) -> None:
        self._convolve = convolve
        self._weight, self._bias = _single(layer.output_weight), _single(layer.output_bias[:, None])
        self._norm = _single(layer.norm_weight), _single(layer.norm_bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        y = torch.nn.functional.gelu(self._convolve(x))
        y = torch.nn.functional.glu(self._weight @ y + self._bias, dim=1)
        residual = (x + y).transpose(1, 2)  # (B L H)
        scale, shift = self._norm
        normed = torch.nn.functional.layer_norm(residual, scale.shape, scale, shift, NORM_EPSILON)
        return normed.transpose(1, 2)
