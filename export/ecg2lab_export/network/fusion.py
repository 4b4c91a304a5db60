"""The S4 fusion network as plain arrays, and its forward pass in float64: the truth of every parity proof.

Glossary: B batch, L window, H channels, N state size, D directions, E embedding width, n targets; shapes in comments.
The network is that of Lopez Alcaraz & Strodthoff 2025 (doi 10.1038/s41598-025-26715-5); every size is free.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab_export.architecture.protocol import Truth
from ecg2lab_export.network import dplr
from ecg2lab_export.network.dplr import Dplr, Real
from ecg2lab_export.network.realisation import Realisation, realise_system

NORM_EPSILON = 1e-5
"""Of LayerNorm and BatchNorm: PyTorch's default, which the authors keep."""


class StateSpace(Protocol):
    """Of a layer, in whatever form it is kept."""

    @property
    def length(self) -> int:
        """L."""

    @property
    def directions(self) -> int:
        """D."""


@dataclass(frozen=True)
class S4Layer(ABC):
    """y = conv(u, k) + D·u; GELU; linear H → 2H; GLU; residual; LayerNorm."""

    system: StateSpace
    d: Real  # (H)
    output_weight: Real  # (2H H)
    output_bias: Real  # (2H)
    norm_weight: Real  # (H)
    norm_bias: Real  # (H)

    @property
    @abstractmethod
    def kernel(self) -> Real:
        """(D H L)."""

    @property
    @abstractmethod
    def realisation(self) -> Realisation:
        """The layer as a real recurrence."""


@dataclass(frozen=True)
class StoredLayer(S4Layer):
    """As a checkpoint stores it; kernel and realisation depend on parameters alone and are computed once."""

    system: Dplr

    @cached_property
    def kernel(self) -> Real:
        """(D H L) by the published algorithm."""
        return dplr.kernel(self.system)

    @cached_property
    def realisation(self) -> Realisation:
        """The layer as a real recurrence."""
        return realise_system(self.system)


@dataclass(frozen=True)
class RealisedLayer(S4Layer):
    """As a bundle holds it: without the published parameters."""

    system: Realisation

    @cached_property
    def kernel(self) -> Real:
        """(D H L)."""
        return self.system.kernel()

    @property
    def realisation(self) -> Realisation:
        """As it was stored."""
        return self.system


@dataclass(frozen=True)
class StaticBlock:
    """BatchNorm (running statistics), then linear."""

    norm_weight: Real  # (I)
    norm_bias: Real  # (I)
    mean: Real  # (I)
    variance: Real  # (I)
    weight: Real  # (O I)
    bias: Real  # (O)

    def folded(self) -> tuple[Real, Real, Real]:
        """Mean (I), weight (O I) and bias (O): at inference the block is weight·(x - mean) + bias.

        The mean stays apart: a feature that hardly varied in training has a huge scale, and folded into the bias its
        mean would be subtracted only after the rounding of two huge products.
        """
        scale = self.norm_weight / np.sqrt(self.variance + NORM_EPSILON)
        return self.mean, self.weight * scale, self.weight @ self.norm_bias + self.bias


@dataclass(frozen=True)
class FusionNetwork:
    """All parameters in float64."""

    encoder_weight: Real  # (H leads)
    encoder_bias: Real  # (H)
    layers: tuple[S4Layer, ...]
    embeddings: tuple[Real, ...]  # each (categories E)
    static: tuple[StaticBlock, ...]
    head_weight: Real  # (n H+static)
    head_bias: Real  # (n)

    @property
    def kernels(self) -> tuple[Real, ...]:
        """Of each layer, (D H L)."""
        return tuple(layer.kernel for layer in self.layers)

    @property
    def leads(self) -> int:
        """Input channels."""
        return int(self.encoder_weight.shape[1])

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.encoder_weight.shape[0])

    @property
    def window(self) -> int:
        """L."""
        return self.layers[0].system.length

    @property
    def causal(self) -> bool:
        """Whether the kernel looks back only."""
        return self.layers[0].system.directions == 1

    @property
    def continuous_features(self) -> int:
        """Numbers that join the embeddings."""
        embedded = sum(table.shape[1] for table in self.embeddings)
        return int(self.static[0].weight.shape[1]) - embedded

    @property
    def categories(self) -> tuple[int, ...]:
        """How many codes each category has."""
        return tuple(len(table) for table in self.embeddings)

    @property
    def targets(self) -> int:
        """Outputs."""
        return int(self.head_bias.shape[0])

    @property
    def features(self) -> int:
        """F = H + E: what the last layer is given."""
        return int(self.head_weight.shape[1])

    def logits(self, signal: NDArray[Any], continuous: NDArray[Any], categorical: NDArray[np.integer[Any]]) -> Real:
        """Of `outputs`, the logits: (B n)."""
        return self.outputs(signal, continuous, categorical).logits

    def outputs(self, signal: NDArray[Any], continuous: NDArray[Any], categorical: NDArray[np.integer[Any]]) -> Truth:
        """(B leads L) millivolt, (B features) raw units, (B categories) codes: the forward pass in float64."""
        u = np.swapaxes(signal.astype(np.float64), 1, 2)  # (B L leads)
        x = u @ self.encoder_weight.T + self.encoder_bias  # (B L H)
        for layer in self.layers:
            x = _s4_layer(x, layer)
        pooled = x.mean(axis=1)  # (B H)
        features = np.concatenate([pooled, self._static(continuous, categorical)], axis=1)  # (B F)
        return Truth(features @ self.head_weight.T + self.head_bias, features)

    def _static(self, continuous: NDArray[Any], categorical: NDArray[np.integer[Any]]) -> Real:
        embedded = [table[categorical[:, i]] for i, table in enumerate(self.embeddings)]
        x = np.concatenate([*embedded, continuous.astype(np.float64)], axis=1)
        for index, block in enumerate(self.static):
            mean, weight, bias = block.folded()
            x = (x - mean) @ weight.T + bias
            if index < len(self.static) - 1:
                x = np.maximum(x, 0)
        return x


@dataclass(frozen=True)
class StoredNetwork(FusionNetwork):
    """Copies of what a checkpoint holds."""

    layers: tuple[StoredLayer, ...]

    @property
    def state_size(self) -> int:
        """N, both of each conjugate pair counted."""
        return self.layers[0].system.state_size

    @property
    def parameters(self) -> int:
        """Count of trained numbers and fixed state-space buffers."""
        arrays = [self.encoder_weight, self.encoder_bias, *self.embeddings, self.head_weight, self.head_bias]
        for layer in self.layers:
            arrays += [layer.d, layer.output_weight, layer.output_bias, layer.norm_weight, layer.norm_bias]
            arrays += layer.system.parameters
        for block in self.static:
            arrays += [block.norm_weight, block.norm_bias, block.mean, block.variance, block.weight, block.bias]
        return sum(a.size for a in arrays)


@dataclass(frozen=True)
class RealisedNetwork(FusionNetwork):
    """What a bundle holds: state spaces as they recur, BatchNorm folded."""

    layers: tuple[RealisedLayer, ...]

    @property
    def states(self) -> int:
        """R, the states that were kept."""
        return self.layers[0].system.states


def convolve(u: Real, kernel: Real) -> Real:
    """Direction 0 acts on lags ≥ 0; direction 1, read at index m, on lag -(m+1).

    Parameters
    ----------
    u
        (B L H).
    kernel
        (D H L).
    """
    length = u.shape[1]
    size = 2 * length
    two_sided = np.zeros((kernel.shape[1], size))
    two_sided[:, :length] = kernel[0]
    if kernel.shape[0] == 2:
        two_sided[:, length:] = kernel[1][:, ::-1]  # circular index -(m+1)
    spectrum = np.fft.rfft(u, n=size, axis=1) * np.fft.rfft(two_sided, axis=1).T
    return np.fft.irfft(spectrum, n=size, axis=1)[:, :length]


def gelu(x: Real) -> Real:
    """Exact GELU, x Φ(x)."""
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _s4_layer(x: Real, layer: S4Layer) -> Real:
    y = gelu(convolve(x, layer.kernel) + layer.d * x)  # (B L H)
    value, gate = np.split(y @ layer.output_weight.T + layer.output_bias, 2, axis=-1)
    residual = x + value / (1 + np.exp(-gate))
    centred = residual - residual.mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    return centred * scale * layer.norm_weight + layer.norm_bias
