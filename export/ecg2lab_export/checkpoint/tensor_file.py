"""The state dictionary in a file: a Lightning checkpoint, or safetensors. Nothing in it is executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab.system.files import regular_size
from ecg2lab_export.checkpoint import torch_archive

OUR_SUFFIX = ".safetensors"
"""Of weights that our own training wrote."""
T = TypeVar("T")


def read_state_dict(path: str | Path, use: Callable[[Mapping[str, NDArray[Any]]], T]) -> T:
    """Read a file, and make something of its tensors.

    Parameters
    ----------
    path
        `X.safetensors`, or what PyTorch saved.
    use
        Takes tensors by key; what it refuses is refused in the name of the file.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or no state dictionary, or `use` refuses it.
    """
    path = Path(path)
    content = _read_safetensors(path) if path.suffix == OUR_SUFFIX else torch_archive.read(path)
    try:
        return use(content if path.suffix == OUR_SUFFIX else _state_dict(content))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _state_dict(content: Any) -> Mapping[str, NDArray[Any]]:
    """The tensors of the network; averages, optimiser and callbacks beside them are not needed."""
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not any(isinstance(value, np.ndarray) for value in state.values()):
        raise CheckpointError("the checkpoint holds no state_dict")
    for key, value in state.items():
        if not isinstance(key, str):
            raise CheckpointError(f"the state_dict has a key of type {type(key).__name__}; names were expected")
        if not isinstance(value, np.ndarray):
            what = value.name if isinstance(value, torch_archive.Inert) else type(value).__name__
            raise CheckpointError(f"key {key} is no dense tensor ({what}); save the checkpoint in float32")
    return state


_SAFETENSORS_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1"}


def _read_safetensors(path: Path) -> Mapping[str, NDArray[Any]]:
    """As PyTorch's archive is read: bfloat16, which NumPy does not have, becomes float32."""
    from safetensors import SafetensorError, deserialize

    try:
        regular_size(path)
        stored = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # safetensors does not type it
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint at {path}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from None
    tensors = {}
    for key, tensor in stored:
        kind = tensor["dtype"]
        if kind not in _SAFETENSORS_TYPES:
            raise CheckpointError(f"{path}: key {key} is of type {kind}; save the checkpoint in float32")
        array = np.frombuffer(tensor["data"], _SAFETENSORS_TYPES[kind]).reshape(tensor["shape"])
        tensors[key] = torch_archive.widened(array) if kind == "BF16" else array
    return tensors
