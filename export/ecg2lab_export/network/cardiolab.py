"""The authors' layout of a checkpoint (CardioLab): their key names, from and to a `StoredNetwork`.

Our own training writes the same names into safetensors, so one reader serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab_export.checkpoint.state_dict import StateDict, listing
from ecg2lab_export.checkpoint.tensor_file import read_state_dict
from ecg2lab_export.network.dplr import Complex, Dplr, Real
from ecg2lab_export.network.fusion import StaticBlock, StoredLayer, StoredNetwork
from ecg2lab_export.network.stability import require_stable

_SERIES = "ts_encoder.predictor.predictor."
_LAYER = _SERIES + "s4_layers.{}."
_KERNEL = _LAYER + "kernel.kernel."
_NORM = _SERIES + "norms.{}."
_EMBEDDING = "static_encoder.embeddings.{}.weight"
_STATIC = "static_encoder.layers.{}."
_STATIC_STRIDE = 4
"""BatchNorm, dropout, linear, activation: four modules a block, of which the first and the third have parameters."""
_HEAD = "head.linear."
ANCHOR = _LAYER.format(0)
"""Start of a key that every such network has."""
_NODES = ".kernel.kernel.z"
"""Key of a buffer that omega determines: the authors' code saves it, ours does not."""
_UNUSED = (".num_batches_tracked", _NODES)


def network_from(tensors: Mapping[str, NDArray[Any]]) -> StoredNetwork:
    """Build the network from a state dictionary in the authors' key names.

    Raises
    ------
    CheckpointError
        Naming missing or unknown keys, or a key of the wrong shape. If the authors' code wrote it for an odd window.
    """
    state = StateDict(tensors, ANCHOR, "an S4 fusion network", _UNUSED)
    encoder = state(_SERIES + "encoder.weight", 2), state(_SERIES + "encoder.bias", 1)
    count = state.count(_LAYER)
    # without any D the layers have no skip; one layer that lacks it among others that have it is damage
    with_d = any(_LAYER.format(index) + "D" in state for index in range(count))
    systems = tuple(_system(state, index) for index in range(count))
    layers = tuple(_layer(state, index, system, with_d) for index, system in enumerate(systems))
    embeddings = tuple(state(_EMBEDDING.format(i), 2) for i in range(state.count("static_encoder.embeddings.{}.")))
    blocks = max(1, state.count(_STATIC, step=_STATIC_STRIDE))
    static = tuple(_static_block(state, index) for index in range(blocks))
    head = state(_HEAD + "weight", 2), state(_HEAD + "bias", 1)
    if state.missing:
        raise CheckpointError(f"missing {listing(state.missing)}")
    if unknown := state.unknown():
        raise CheckpointError(f"unknown {listing(unknown)}; this is another network")
    _check_sizes(encoder, layers, systems, static, embeddings, head)
    for index, system in enumerate(systems):
        require_stable(system, f"s4_layers.{index}")
    with np.errstate(all="ignore"):  # what overflows is not finite, and named below
        network = StoredNetwork(*encoder, layers, embeddings, static, *head)
        if network.window % 2 and any(key.endswith(_NODES) for key in tensors):
            raise CheckpointError(
                f"its window of {network.window} samples is odd, for which the authors' code computes with other "
                "kernels than its state space has (docs/recurrence.md, Odd windows); train with an even window"
            )
        for index, kernel in enumerate(network.kernels):
            if not np.isfinite(kernel).all():
                raise CheckpointError(f"the kernel of s4_layers.{index} is not finite: its state space is damaged")
    return network


def _system(state: StateDict, index: int) -> Dplr:
    kernel = _KERNEL.format(index)
    return Dplr(
        w=state.complex(kernel + "w", 2),
        p=state.complex(kernel + "P", 2),
        q=state.complex(kernel + "Q", 2),
        b=state.complex(kernel + "B", 2),
        c=_c(state, kernel + "C"),
        log_dt=state(kernel + "log_dt", 1),
        length=_length(state, kernel + "omega"),
    )


def _layer(state: StateDict, index: int, system: Dplr, with_d: bool) -> StoredLayer:
    layer, norm = _LAYER.format(index), _NORM.format(index)
    return StoredLayer(
        system=system,
        d=state(layer + "D", 1) if with_d else np.zeros(system.w.shape[0]),
        output_weight=state(layer + "output_linear.0.weight", 2),
        output_bias=state(layer + "output_linear.0.bias", 1),
        norm_weight=state(norm + "weight", 1),
        norm_bias=state(norm + "bias", 1),
    )


def _c(state: StateDict, key: str) -> Complex:
    c = state.complex(key, 3)
    if key not in state.missing and c.shape[0] not in (1, 2):
        raise CheckpointError(f"key {key} has {c.shape[0]} directions; one (causal) or two (bidirectional) are known")
    return c


def _length(state: StateDict, key: str) -> int:
    """The window is not a key: omega[1] = exp(-2πi/L), and omega has L//2 + 1 rows."""
    omega = state.complex(key, 1)
    if key in state.missing:
        return 2
    rows = omega.shape[0]
    turn = -np.angle(omega[1]) % (2 * np.pi) if rows > 1 else 0.0
    estimate = 2 * np.pi / turn if turn else 0.0
    doubt = 2 * rows * _rounding(omega)  # of the estimate, in samples
    length = round(estimate)
    if doubt > 0.25:  # of the two windows that have so many rows, the even one ends in -1, the odd one π/L before it
        last = tuple(np.round(-omega[-2:].imag * 2 * rows / np.pi))  # two rows, in units of π/L before -1
        ends = {(2, 0): 2 * rows - 2, (3, 1): 2 * rows - 1}
        length = ends.get(last, 0) if abs(estimate - 2 * rows) < 2 + 2 * doubt else 0
    if length < 2 or length // 2 + 1 != rows:
        raise CheckpointError(f"key {key} does not hold roots of unity: the window cannot be told from it")
    return length


def _rounding(values: Complex) -> float:
    """Relative precision of the coarsest type that holds the numbers: bfloat16, float16, or more digits than needed."""
    mantissa, _ = np.frexp(values.view(np.float64))
    return next((2.0**-bits for bits in (8, 11) if not (mantissa * 2.0**bits % 1).any()), 2.0**-24)


def _static_block(state: StateDict, index: int) -> StaticBlock:
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
    layers: tuple[StoredLayer, ...],
    systems: tuple[Dplr, ...],
    static: tuple[StaticBlock, ...],
    embeddings: tuple[Real, ...],
    head: tuple[Real, Real],
) -> None:
    hidden = encoder[0].shape[0]
    first = systems[0]
    half, length, directions = first.w.shape[1], first.length, first.c.shape[0]
    expected: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [("encoder.bias", encoder[1].shape, (hidden,))]
    for i, (layer, s) in enumerate(zip(layers, systems, strict=True)):
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
    for name, shape, fitting in expected:
        if shape != fitting:
            raise CheckpointError(f"{name} has shape {shape}, but the rest of the network needs {fitting}")


def tensors_of(network: StoredNetwork) -> dict[str, NDArray[np.float32]]:
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


def write(network: StoredNetwork, path: str | Path) -> None:
    """Write safetensors in the authors' key names."""
    from safetensors.numpy import save_file

    save_file(tensors_of(network), str(path))


def read(path: str | Path) -> StoredNetwork:
    """Read a Lightning checkpoint of the authors, or safetensors of ours.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or another network; missing and unknown keys are named.
    """
    return read_state_dict(path, network_from)
