"""Checkpoints in the authors' layout (CardioLab): their key names, from and to a `Network`.

Our own training writes the same names into safetensors, so one reader serves both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab_export import torch_archive
from ecg2lab_export.dplr import Complex, Dplr, Real
from ecg2lab_export.network import Network, S4Layer, StaticBlock

_SERIES = "ts_encoder.predictor.predictor."
_LAYER = _SERIES + "s4_layers.{}."
_KERNEL = _LAYER + "kernel.kernel."
_NORM = _SERIES + "norms.{}."
_EMBEDDING = "static_encoder.embeddings.{}.weight"
_STATIC = "static_encoder.layers.{}."
_STATIC_STRIDE = 4
"""BatchNorm, dropout, linear, activation: four modules a block, of which the first and the third have parameters."""
_HEAD = "head.linear."
OUR_SUFFIX = ".safetensors"
"""Of weights that `write` wrote."""
_UNUSED = re.compile(r"\.(num_batches_tracked|kernel\.kernel\.z)$")
"""Counters and a buffer that omega determines."""


class _State:
    """A state dictionary that knows which of its keys were asked for, and which were missed."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self._used: set[str] = set()
        self.missing: list[str] = []

    def __call__(self, key: str, ndim: int) -> Real:
        self._used.add(key)
        if key not in self._tensors:
            self.missing.append(key)
            return np.full((1,) * ndim, np.nan)
        array = np.asarray(self._tensors[key])
        while array.ndim > ndim and 1 in array.shape:  # a linear kept as 1×1 convolution, a D of shape (1 H)
            array = np.squeeze(array, axis=array.shape.index(1))
        if array.dtype.kind != "f":
            raise CheckpointError(f"key {key} is of type {array.dtype}; save the checkpoint in float32")
        if array.ndim != ndim:
            raise CheckpointError(f"key {key} has shape {array.shape}: {ndim} axes were expected")
        if not np.isfinite(array).all():
            raise CheckpointError(f"key {key} holds values that are not finite")
        return array.astype(np.float64)

    def complex(self, key: str, ndim: int) -> Complex:
        """Real and imaginary part are on the last axis; a leading axis of rank 1 is dropped."""
        self._used.add(key)
        if key not in self._tensors:
            self.missing.append(key)
            return np.full((1,) * ndim, np.nan, dtype=np.complex128)
        array = np.asarray(self._tensors[key])
        if array.ndim == ndim + 2 and array.shape[0] == 1:
            array = array[0]
        if array.ndim != ndim + 1 or array.shape[-1] != 2 or array.dtype.kind != "f":
            raise CheckpointError(f"key {key} has shape {array.shape}: real and imaginary parts were expected last")
        if not np.isfinite(array).all():
            raise CheckpointError(f"key {key} holds values that are not finite")
        return array[..., 0].astype(np.float64) + 1j * array[..., 1].astype(np.float64)

    def count(self, pattern: str, step: int = 1) -> int:
        """How many consecutive multiples of `step`, from 0, fill the pattern."""
        index = 0
        while any(key.startswith(pattern.format(index * step)) for key in self._tensors):
            index += 1
        return index

    def unknown(self) -> list[str]:
        return sorted(k for k in self._tensors if k not in self._used and not _UNUSED.search(k))


def network_from(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """Build the network from a state dictionary in the authors' key names.

    Raises
    ------
    CheckpointError
        Naming missing or unknown keys, or a key of the wrong shape.
    """
    state = _State(tensors)
    layer_count = state.count(_LAYER)
    if layer_count == 0:
        raise CheckpointError(f"no key starts with {_LAYER.format(0)!r}: this is not an S4 fusion network")
    encoder = state(_SERIES + "encoder.weight", 2), state(_SERIES + "encoder.bias", 1)
    layers = tuple(_layer(state, index) for index in range(layer_count))
    embeddings = tuple(state(_EMBEDDING.format(i), 2) for i in range(state.count("static_encoder.embeddings.{}.")))
    blocks = max(1, state.count(_STATIC, step=_STATIC_STRIDE))
    static = tuple(_static_block(state, index) for index in range(blocks))
    head = state(_HEAD + "weight", 2), state(_HEAD + "bias", 1)
    if state.missing:
        raise CheckpointError(f"missing key{_s(state.missing)}: {_listing(state.missing)}")
    if unknown := state.unknown():
        raise CheckpointError(f"unknown key{_s(unknown)}: {_listing(unknown)}; this is another network")
    _check_sizes(encoder, layers, static, embeddings, head)
    with np.errstate(all="ignore"):
        network = Network(*encoder, layers, embeddings, static, *head)
    for index, kernel in enumerate(network.kernels):
        if not np.isfinite(kernel).all():
            raise CheckpointError(f"the kernel of s4_layers.{index} is not finite: its state space is damaged")
    return network


def _s(names: list[str]) -> str:
    return "s" if len(names) > 1 else ""


def _listing(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _layer(state: _State, index: int) -> S4Layer:
    kernel, layer, norm = _KERNEL.format(index), _LAYER.format(index), _NORM.format(index)
    system = Dplr(
        w=state.complex(kernel + "w", 2),
        p=state.complex(kernel + "P", 2),
        q=state.complex(kernel + "Q", 2),
        b=state.complex(kernel + "B", 2),
        c=_c(state, kernel + "C"),
        log_dt=state(kernel + "log_dt", 1),
        length=_length(state, kernel + "omega"),
    )
    return S4Layer(
        system=system,
        d=state(layer + "D", 1),
        output_weight=state(layer + "output_linear.0.weight", 2),
        output_bias=state(layer + "output_linear.0.bias", 1),
        norm_weight=state(norm + "weight", 1),
        norm_bias=state(norm + "bias", 1),
    )


def _c(state: _State, key: str) -> Complex:
    c = state.complex(key, 3)
    if key not in state.missing and c.shape[0] not in (1, 2):
        raise CheckpointError(f"key {key} has {c.shape[0]} directions; one (causal) or two (bidirectional) are known")
    return c


def _length(state: _State, key: str) -> int:
    """The window is not a key: omega[1] = exp(-2πi/L), and omega has L//2 + 1 rows."""
    omega = state.complex(key, 1)
    if key in state.missing:
        return 2
    rows = omega.shape[0]
    length = round(-2 * np.pi / np.angle(omega[1])) if rows > 1 and np.angle(omega[1]) else 0
    if length < 2 or length // 2 + 1 != rows:
        raise CheckpointError(f"key {key} does not hold roots of unity: the window cannot be told from it")
    return length


def _static_block(state: _State, index: int) -> StaticBlock:
    norm = _STATIC.format(index * _STATIC_STRIDE)
    linear = _STATIC.format(index * _STATIC_STRIDE + 2)
    return StaticBlock(
        norm_weight=state(norm + "weight", 1),
        norm_bias=state(norm + "bias", 1),
        mean=state(norm + "running_mean", 1),
        variance=state(norm + "running_var", 1),
        weight=state(linear + "weight", 2),
        bias=state(linear + "bias", 1),
    )


def _check_sizes(
    encoder: tuple[Real, Real],
    layers: tuple[S4Layer, ...],
    static: tuple[StaticBlock, ...],
    embeddings: tuple[Real, ...],
    head: tuple[Real, Real],
) -> None:
    hidden = encoder[0].shape[0]
    first = layers[0].system
    half, length, directions = first.w.shape[1], first.length, first.c.shape[0]
    expected: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [("encoder.bias", encoder[1].shape, (hidden,))]
    for i, layer in enumerate(layers):
        s = layer.system
        for name, array in (("w", s.w), ("P", s.p), ("Q", s.q), ("B", s.b)):
            expected.append((f"s4_layers.{i} {name}", array.shape, (hidden, half)))
        expected += [
            (f"s4_layers.{i} C", s.c.shape, (directions, hidden, half)),
            (f"s4_layers.{i} log_dt", s.log_dt.shape, (hidden,)),
            (f"s4_layers.{i} window", (s.length,), (length,)),
            (f"s4_layers.{i} D", layer.d.shape, (hidden,)),
            (f"s4_layers.{i} output_linear.0.weight", layer.output_weight.shape, (2 * hidden, hidden)),
            (f"s4_layers.{i} output_linear.0.bias", layer.output_bias.shape, (2 * hidden,)),
            (f"norms.{i}.weight", layer.norm_weight.shape, (hidden,)),
            (f"norms.{i}.bias", layer.norm_bias.shape, (hidden,)),
        ]
    if head[1].size == 0:
        raise CheckpointError("head.linear.bias is empty: the network has no outputs")
    for i, block in enumerate(static):
        if (block.variance < 0).any():
            raise CheckpointError(f"static block {i} has a negative running variance")
    width = static[0].weight.shape[1]
    if width < sum(table.shape[1] for table in embeddings):
        raise CheckpointError("the static branch is narrower than its embeddings")
    for i, block in enumerate(static):
        for name in ("norm_weight", "norm_bias", "mean", "variance"):
            expected.append((f"static block {i} {name}", getattr(block, name).shape, (width,)))
        expected.append((f"static block {i} weight", block.weight.shape, (block.bias.size, width)))
        width = block.bias.size
    expected.append(("head.linear.weight", head[0].shape, (head[1].size, hidden + width)))
    for name, found, wanted in expected:
        if found != wanted:
            raise CheckpointError(f"{name} has shape {found}, but the rest of the network needs {wanted}")


def tensors_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """State dictionary in the authors' key names, float32."""
    out: dict[str, NDArray[Any]] = {
        _SERIES + "encoder.weight": network.encoder_weight,
        _SERIES + "encoder.bias": network.encoder_bias,
        _HEAD + "weight": network.head_weight,
        _HEAD + "bias": network.head_bias,
    }
    for index, layer in enumerate(network.layers):
        kernel, name, norm = _KERNEL.format(index), _LAYER.format(index), _NORM.format(index)
        s = layer.system
        omega = np.exp(-2j * np.pi * np.arange(s.length // 2 + 1) / s.length)
        out |= {kernel + "w": _pair(s.w), kernel + "C": _pair(s.c), kernel + "omega": _pair(omega)}
        out |= {kernel + key: _pair(x)[None] for key, x in (("P", s.p), ("Q", s.q), ("B", s.b))}
        out |= {kernel + "log_dt": s.log_dt, name + "D": layer.d[None]}
        out |= {name + "output_linear.0.weight": layer.output_weight}
        out |= {name + "output_linear.0.bias": layer.output_bias[:, None]}
        out |= {norm + "weight": layer.norm_weight, norm + "bias": layer.norm_bias}
    for index, table in enumerate(network.embeddings):
        out[_EMBEDDING.format(index)] = table
    for index, block in enumerate(network.static):
        norm = _STATIC.format(index * _STATIC_STRIDE)
        linear = _STATIC.format(index * _STATIC_STRIDE + 2)
        out |= {norm + "weight": block.norm_weight, norm + "bias": block.norm_bias}
        out |= {norm + "running_mean": block.mean, norm + "running_var": block.variance}
        out |= {linear + "weight": block.weight, linear + "bias": block.bias}
    return {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in out.items()}


def _pair(x: Complex) -> Real:
    return np.stack([x.real, x.imag], axis=-1)


def write(network: Network, path: str | Path) -> None:
    """Write safetensors in the authors' key names."""
    from safetensors.numpy import save_file

    save_file(tensors_of(network), str(path))


def read(path: str | Path) -> Network:
    """Read a Lightning checkpoint of the authors, or safetensors of ours.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or another network; missing and unknown keys are named.
    """
    path = Path(path)
    tensors = _read_safetensors(path) if path.suffix == OUR_SUFFIX else _state_dict(torch_archive.read(path))
    try:
        return network_from(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _state_dict(content: Any) -> Mapping[str, NDArray[Any]]:
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise CheckpointError("the checkpoint holds no state_dict")
    return {str(key): value for key, value in state.items() if isinstance(value, np.ndarray)}


def _read_safetensors(path: Path) -> Mapping[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(str(path))
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint at {path}") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from None
