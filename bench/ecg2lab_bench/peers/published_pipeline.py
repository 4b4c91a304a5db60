"""The authors' way from samples to probabilities, at its best: what a user of the published code has.

resampy for the signal, four windows as one batch in PyTorch, and the kernels of all layers computed once per call from
the parameters of the checkpoint, by the Cauchy sums of S4 (Gu, Goel & Ré 2022, arXiv 2111.00396, section 3.2). The
published code computes them in every layer's forward pass; that, too, is once per call.

Glossary: H channels, N/2 stored states, D directions, L window, F = L/2 + 1 frequencies; shapes in comments.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.recording import Recording
from ecg2lab_bench.measuring.libraries import need, torch_with
from ecg2lab_bench.peers.cauchy import Cauchy, by_pytorch
from ecg2lab_bench.peers.eager import eager_network
from ecg2lab_bench.peers.runtimes import Inputs
from ecg2lab_export.network.dplr import Dplr
from ecg2lab_export.network.fusion import StoredLayer, StoredNetwork

if TYPE_CHECKING:
    import torch

CLIP_MV = 3.0


def published_pipeline(
    network: StoredNetwork, threads: int, undo: ExitStack, cauchy: Cauchy = by_pytorch
) -> Callable[[Recording, Inputs], NDArray[Any]]:
    """Build it.

    Parameters
    ----------
    network
        Parameters as a checkpoint stores them.
    threads
        Of one call; PyTorch has one count for the process, which `undo` gives back.
    undo
        See `threads`.
    cauchy
        What adds up the kernels' terms.

    Returns
    -------
    callable
        From a recording, whose leads are already in the network's order, and the static inputs of one window, to the
        probabilities of each target, averaged over windows.

    Raises
    ------
    LeftOut
        If torch or resampy is not installed.
    """
    torch = torch_with(threads, undo)
    need("resampy")
    from resampy import resample

    eager = eager_network(network, partial(_recomputed, cauchy=cauchy))

    def run(recording: Recording, inputs: Inputs) -> NDArray[Any]:
        clipped = np.clip(recording.samples, -CLIP_MV, CLIP_MV)
        signal = resample(clipped, recording.fs, 100, axis=1, filter="kaiser_best").astype(np.float32)
        count = signal.shape[1] // network.window
        windows = signal[:, : count * network.window].reshape(len(signal), count, network.window).swapaxes(0, 1)
        static = [np.repeat(x[:1], count, axis=0) for x in inputs[1:]]
        with torch.inference_mode():
            logits = eager(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (windows, *static)))
            probabilities: NDArray[Any] = logits.sigmoid().mean(dim=0).numpy()
        return probabilities

    return run


def _recomputed(layer: StoredLayer, cauchy: Cauchy) -> Callable[[torch.Tensor], torch.Tensor]:
    """(B H L) → (B H L), the kernel computed anew in every call."""
    import torch

    kernel = PublishedKernel(layer.system, cauchy)
    skip = torch.from_numpy(layer.d.astype(np.float32))[:, None]
    window = layer.system.length

    def convolve(u: torch.Tensor) -> torch.Tensor:
        taps = kernel()  # (D H L)
        both = torch.nn.functional.pad(taps[0], (0, window))
        if len(taps) == 2:
            both = both + torch.nn.functional.pad(taps[1].flip(-1), (window, 0))
        spectrum = torch.fft.rfft(both, n=2 * window) * torch.fft.rfft(u, n=2 * window)
        return torch.fft.irfft(spectrum, n=2 * window)[..., :window] + skip * u

    return convolve


class PublishedKernel:
    """The kernel of a layer in single precision, from its parameters, whenever it is called."""

    def __init__(self, system: Dplr, cauchy: Cauchy = by_pytorch) -> None:
        import torch

        self._cauchy = cauchy
        w, p, q, b = (torch.from_numpy(x.astype(np.complex64)) for x in system.half())  # (H N/2)
        self._w, self._p, self._q, self._b = w, p, q, b
        self._c = torch.from_numpy(system.c.astype(np.complex64))  # (D H N/2)
        self._dt = torch.from_numpy(np.exp(system.log_dt).astype(np.float32))[:, None]  # (H 1)
        self._length = system.length
        nodes = np.exp(-2j * np.pi * np.arange(system.length // 2 + 1) / system.length)
        self._last = system.length % 2 == 0  # the bilinear map has its pole at -1
        safe = np.where((np.arange(len(nodes)) * 2 == system.length), 1, nodes)
        self._g = torch.from_numpy((2 * (1 - safe) / (1 + safe)).astype(np.complex64))  # (F)
        self._scale = torch.from_numpy((2 / (1 + safe)).astype(np.complex64))

    def __call__(self) -> torch.Tensor:
        """(D H L)."""
        import torch

        dt, w = self._dt, self._w * self._dt  # everything in units of a step
        b, p, q = self._b * dt, self._p * dt, self._q
        left = torch.cat([self._c, q[None]])  # (D+1 H N/2)
        right = torch.stack([b, p])  # (2 H N/2)
        v = left[:, None] * right[None]  # (D+1 2 H N/2)
        r = self._cauchy(v, self._g, w)  # (D+1 2 H F)
        inner = r[:-1, 0] - r[:-1, 1] * r[-1:, 0] / (1 + r[-1:, 1])
        spectrum = self._scale * inner
        if self._last:
            spectrum[..., -1] = v[:-1, 0].sum(-1).real.to(spectrum.dtype)
        return torch.fft.irfft(spectrum, n=self._length)
