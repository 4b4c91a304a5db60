"""`weights.safetensors` of a bundle: what a native engine reads, and from which every graph can be built again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import WEIGHTS, Bundle
from ecg2lab.errors import BundleError
from ecg2lab_export.forms.cascade import Cascade
from ecg2lab_export.network.fusion import NORM_EPSILON, FusionNetwork, RealisedLayer, RealisedNetwork, StaticBlock
from ecg2lab_export.network.realisation import Realisation


def weight_tensors(network: FusionNetwork, cascades: Mapping[int, Cascade]) -> dict[str, NDArray[Any]]:
    """Weights in float32, the realised state spaces in float64, BatchNorm folded; `docs/bundle.md` lists the names.

    Parameters
    ----------
    network
        To be stored.
    cascades
        By layer; a layer whose cascade is not good enough has none.
    """
    out = dense_tensors(network)
    for i, cascade in cascades.items():
        out |= {f"layers.{i}.cascade.{key}": _single(getattr(cascade, key)) for key in ("h", "r", "taps")}
    for i, layer in enumerate(network.layers):
        out |= {f"layers.{i}.{key}": getattr(layer.realisation, key) for key in "abc"}
        out[f"layers.{i}.d"] = layer.d
    return out


def dense_tensors(network: FusionNetwork) -> dict[str, NDArray[Any]]:
    """Those that multiply, shift and look up, in float32: all but state spaces and cascades."""
    out: dict[str, NDArray[Any]] = {
        "encoder.weight": network.encoder_weight,
        "encoder.bias": network.encoder_bias,
        "head.weight": network.head_weight,
        "head.bias": network.head_bias,
    }
    for i, layer in enumerate(network.layers):
        out |= {f"layers.{i}.output.weight": layer.output_weight, f"layers.{i}.output.bias": layer.output_bias}
        out |= {f"layers.{i}.norm.weight": layer.norm_weight, f"layers.{i}.norm.bias": layer.norm_bias}
    out |= {f"embeddings.{i}": table for i, table in enumerate(network.embeddings)}
    for i, block in enumerate(network.static):
        out |= dict(zip((f"static.{i}.{key}" for key in ("mean", "weight", "bias")), block.folded(), strict=True))
    return {name: _single(x) for name, x in out.items()}


def _single(x: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x, dtype=np.float32)


def read_network(bundle: Bundle) -> RealisedNetwork:
    """The network of a bundle, its state spaces as they were realised.

    Raises
    ------
    BundleError
        If its weights are malformed.
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in bundle.tensors(WEIGHTS).items()}
    try:
        return _network(arrays, bundle.contract.signal.window_samples)
    except (KeyError, IndexError) as error:
        raise BundleError(f"{bundle.source}: {WEIGHTS} is not that of a network: {error} is missing") from None


def _network(arrays: Mapping[str, NDArray[np.float64]], window: int) -> RealisedNetwork:
    def numbered(pattern: str) -> range:
        count = 0
        while pattern.format(count) in arrays:
            count += 1
        return range(count)

    return RealisedNetwork(
        encoder_weight=arrays["encoder.weight"],
        encoder_bias=arrays["encoder.bias"],
        layers=tuple(_layer(arrays, i, window) for i in numbered("layers.{}.a")),
        embeddings=tuple(arrays[f"embeddings.{i}"] for i in numbered("embeddings.{}")),
        static=tuple(_linear(arrays, i) for i in numbered("static.{}.weight")),
        head_weight=arrays["head.weight"],
        head_bias=arrays["head.bias"],
    )


def _layer(arrays: Mapping[str, NDArray[np.float64]], index: int, window: int) -> RealisedLayer:
    own = f"layers.{index}."
    return RealisedLayer(
        system=Realisation(arrays[own + "a"], arrays[own + "b"], arrays[own + "c"], window),
        d=arrays[own + "d"],
        output_weight=arrays[own + "output.weight"],
        output_bias=arrays[own + "output.bias"],
        norm_weight=arrays[own + "norm.weight"],
        norm_bias=arrays[own + "norm.bias"],
    )


def _linear(arrays: Mapping[str, NDArray[np.float64]], index: int) -> StaticBlock:
    """A block whose BatchNorm does nothing but subtract the mean: its scale was folded into the weight."""
    mean, weight, bias = (arrays[f"static.{index}.{key}"] for key in ("mean", "weight", "bias"))
    one = np.ones(mean.size)
    return StaticBlock(one, 0 * one, mean, one - NORM_EPSILON, weight, bias)
