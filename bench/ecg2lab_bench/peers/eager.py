"""The network in PyTorch eager mode, its kernels computed once: what a user has who exports nothing.

Glossary: B batch, L window, H channels; shapes in comments. Channels come before time, as in the published code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ecg2lab.backends.torch import TorchNetwork, as_tensor, by_fft
from ecg2lab.proof.kernels import two_sided
from ecg2lab_bench.measuring.libraries import torch_with
from ecg2lab_bench.peers.runtimes import Inputs, Run
from ecg2lab_export.forms.weights import dense_tensors
from ecg2lab_export.network.fusion import FusionNetwork, S4Layer

if TYPE_CHECKING:
    import torch

    Convolve = Callable[[torch.Tensor], torch.Tensor]
    """(B H L) → (B H L)"""


def in_eager_mode(network: FusionNetwork, convolution: str, threads: int, undo: ExitStack) -> Run:
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
    torch = torch_with(threads, undo)
    eager = eager_network(network, CONVOLUTIONS[convolution])

    def run(inputs: Inputs) -> NDArray[Any]:
        with torch.inference_mode():
            logits: NDArray[Any] = eager(*(torch.from_numpy(x) for x in inputs)).numpy()
        return logits

    return run


def eager_network(network: FusionNetwork, make: Callable[[S4Layer], Convolve]) -> TorchNetwork:
    """The forward pass of a network, with a convolution for each layer, (B H L) → (B H L)."""
    return TorchNetwork(dense_tensors(network), [make(layer) for layer in network.layers])


def _by_fft(layer: S4Layer) -> Convolve:
    """As the torch backend does."""
    return by_fft(two_sided(layer.kernel, layer.d))


def _depthwise(layer: S4Layer) -> Convolve:
    """By a convolution of each channel with its 2L-1 taps, or L if the layer is causal."""
    import torch

    window, channels = layer.system.length, layer.d.size
    ahead = 0 if layer.system.directions == 1 else window - 1
    lags = two_sided(layer.kernel, layer.d)[window - 1 - ahead :]
    taps = as_tensor(lags[::-1].T[:, None, :])  # (H 1 taps); the operator correlates

    def convolve(u: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(u, (window - 1, ahead))
        return torch.nn.functional.conv1d(padded, taps, groups=channels)

    return convolve


CONVOLUTIONS: dict[str, Callable[[S4Layer], Convolve]] = {"FFT": _by_fft, "depthwise Conv": _depthwise}
