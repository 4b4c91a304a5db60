"""PyTorch in eager mode: a reference that needs no graph and no engine, on a GPU where PyTorch has one.

Its kernels are computed once, in float64, from the realised state spaces of the bundle; their convolution is a real FFT
of twice the window. Nothing of it was proved at export: it runs only when asked for, and `selftest` does not try it.

Glossary: B batch, L window, H channels, R states, D directions; shapes in comments. Channels come before time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Home, Request
from ecg2lab.bundle import WEIGHTS, Bundle
from ecg2lab.bundle.architectures import require_fusion
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.proof.kernels import scan_kernel, two_sided
from ecg2lab.system import cpu
from ecg2lab.system.extras import require

if TYPE_CHECKING:
    import torch

    Convolve = Callable[[torch.Tensor], torch.Tensor]
    """(B H L) → (B H L)"""

_NORM_EPSILON = 1e-5
_one_at_a_time = threading.Lock()
"""PyTorch has one number of threads for the process."""


class TorchBackend:
    """Runs the bundle's weights in float32; calls from several threads wait for each other.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    BackendError
        If another precision than fp32 is wanted, or the network is of another architecture.
    BundleError
        If the weights are not those of a network.
    """

    name, precision, caution = "torch", "fp32", ""

    def __init__(self, bundle: Bundle, request: Request) -> None:
        require_fusion(bundle, self.name)
        if (asked := request.precision or bundle.manifest.precision) != self.precision:
            raise BackendError(f"the torch backend computes in fp32, not {asked}; take another backend")
        require("train", "torch")
        import torch

        name = f"{bundle.source}: {WEIGHTS}"
        weights = bundle.tensors(WEIGHTS)
        self._home, self._threads = Home(), request.threads
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            window = bundle.contract.signal.window_samples
            layers = (_lags(weights, i, window) for i in _numbered(weights, "layers.{}.a"))
            self._network = TorchNetwork(weights, [by_fft(lags, self._device) for lags in layers], self._device)
        except (KeyError, IndexError, ValueError, RuntimeError) as error:
            raise BundleError(f"{name} cannot run: {error}") from None
        self._gives_features = bundle.features is not None
        self.provider = str(self._device)
        self.device: str = torch.cuda.get_device_name() if self._device.type == "cuda" else "cpu"
        self.versions = {"torch": str(torch.__version__)}

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        require("train", "torch")
        import torch

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else cpu.name()
        return f"{device}, torch {torch.__version__}"

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F)."""
        import torch

        self._home.require()
        with _one_at_a_time, torch.inference_mode():
            if torch.get_num_threads() != self._threads:
                torch.set_num_threads(self._threads)
            inputs = (torch.tensor(x, device=self._device) for x in (signal, continuous, categorical))
            try:
                logits, features = (x.cpu().numpy() for x in self._network.outputs(*inputs))
            except (RuntimeError, IndexError) as error:
                raise BackendError(f"PyTorch failed: {str(error).splitlines()[0]}") from None
        return Outputs(logits, features if self._gives_features else None)


class TorchNetwork:
    """The forward pass, given how each layer convolves.

    Parameters
    ----------
    weights
        By the names of `docs/bundle.md`, without need of the state spaces.
    convolutions
        Of each layer, (B H L) → (B H L), D included.
    device
        To keep them on; None: the CPU.
    """

    def __init__(
        self, weights: Mapping[str, NDArray[Any]], convolutions: Sequence[Convolve], device: torch.device | None = None
    ) -> None:
        def tensor(name: str) -> torch.Tensor:
            return as_tensor(weights[name], device)

        self._convolutions = convolutions
        self._encoder = tensor("encoder.weight"), tensor("encoder.bias")[:, None]
        self._layers = [
            (
                tensor(f"layers.{i}.output.weight"),
                tensor(f"layers.{i}.output.bias")[:, None],
                tensor(f"layers.{i}.norm.weight"),
                tensor(f"layers.{i}.norm.bias"),
            )
            for i in range(len(convolutions))
        ]
        self._tables = [tensor(f"embeddings.{i}") for i in _numbered(weights, "embeddings.{}")]
        self._static = [
            tuple(tensor(f"static.{i}.{part}") for part in ("mean", "weight", "bias"))
            for i in _numbered(weights, "static.{}.weight")
        ]
        self._head = tensor("head.weight"), tensor("head.bias")

    def __call__(self, signal: torch.Tensor, continuous: torch.Tensor, categorical: torch.Tensor) -> torch.Tensor:
        """(B leads L), (B features), (B categories) → (B n)."""
        return self.outputs(signal, continuous, categorical)[0]

    def outputs(
        self, signal: torch.Tensor, continuous: torch.Tensor, categorical: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B leads L), (B features), (B categories) → logits (B n), features (B H+E)."""
        import torch

        weight, bias = self._encoder
        x = weight @ signal + bias  # (B H L)
        for index, convolve in enumerate(self._convolutions):
            x = self._layer(index, x, convolve(x))
        static = torch.cat([*(t[categorical[:, i]] for i, t in enumerate(self._tables)), continuous], dim=1)
        for index, (mean, weight, bias) in enumerate(self._static):
            static = torch.nn.functional.linear(static - mean, weight, bias)
            static = static.relu() if index < len(self._static) - 1 else static
        features = torch.cat([x.mean(dim=2), static], dim=1)
        return torch.nn.functional.linear(features, *self._head), features

    def _layer(self, index: int, x: torch.Tensor, convolved: torch.Tensor) -> torch.Tensor:
        """GELU, linear, GLU, residual, norm."""
        import torch

        weight, bias, scale, shift = self._layers[index]
        y = torch.nn.functional.glu(weight @ torch.nn.functional.gelu(convolved) + bias, dim=1)
        residual = (x + y).transpose(1, 2)  # (B L H)
        return torch.nn.functional.layer_norm(residual, scale.shape, scale, shift, _NORM_EPSILON).transpose(1, 2)


def as_tensor(array: NDArray[Any], device: torch.device | None = None) -> torch.Tensor:
    """A float32 copy."""
    import torch

    return torch.tensor(np.ascontiguousarray(array, dtype=np.float32), device=device)


def by_fft(lags: NDArray[np.float64], device: torch.device | None = None) -> Convolve:
    """A convolution by a real FFT of twice the window; lags (2L-1 H) are as `two_sided` gives them.

    The spectrum of the kernel is kept, on the device.
    """
    import torch

    window = (len(lags) + 1) // 2
    # (H 2L) of lag 0 … L-1, one zero, lag -(L-1) … -1
    circular = np.roll(np.pad(lags, ((0, 1), (0, 0))), 1 - window, axis=0).T
    spectrum = torch.fft.rfft(as_tensor(circular, device))  # (H L+1)

    def convolve(u: torch.Tensor) -> torch.Tensor:
        product = torch.fft.rfft(u, n=2 * window) * spectrum
        whole: torch.Tensor = torch.fft.irfft(product, n=2 * window)
        return whole[..., :window]

    return convolve


def _numbered(weights: Mapping[str, Any], pattern: str) -> range:
    count = 0
    while pattern.format(count) in weights:
        count += 1
    return range(count)


def _lags(weights: Mapping[str, NDArray[Any]], index: int, window: int) -> NDArray[np.float64]:
    """The kernel of a layer, k[t] = c aᵗ b for each direction and D at lag 0, as (2L-1 H)."""
    a, b, c, d = (np.asarray(weights[f"layers.{index}.{part}"], dtype=np.float64) for part in "abcd")
    return two_sided(scan_kernel(a, b, c, window), d)
