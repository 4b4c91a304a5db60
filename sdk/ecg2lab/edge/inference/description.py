"""What a model is to programs that ask by the Open Inference Protocol: its name, its tensors, whose it is."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecg2lab._native import _core
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL, graph_tensors
from ecg2lab.engine import Engine

VERSION = "1"
"""Of the model: a node has one."""
SERVER = {"name": "ecg2lab", "version": _core.version, "extensions": ["binary_tensor_data"]}
_DATATYPES: dict[type, str] = {np.float32: "FP32", np.int64: "INT64"}
_LITTLE_ENDIAN = {"FP32": "<f4", "INT64": "<i8"}


class Declared(NamedTuple):
    """A tensor as the model has it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """Behind the batch."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its bytes."""
        return np.dtype(_LITTLE_ENDIAN[self.datatype])

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it, as where a model takes no categories: it may be left out."""
        return math.prod(self.shape) == 0

    def metadata(self) -> dict[str, Any]:
        """As the protocol describes a tensor; -1 is the batch."""
        return {"name": self.name, "datatype": self.datatype, "shape": [-1, *self.shape]}


class Description(NamedTuple):
    """Of one model."""

    name: str
    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    about: dict[str, str]
    """What goes with every answer: the notice, and the digest of the bundle."""

    def metadata(self) -> dict[str, Any]:
        """As the protocol describes a model."""
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": SERVER["name"],
            "inputs": [tensor.metadata() for tensor in self.inputs if not tensor.empty],
            "outputs": [tensor.metadata() for tensor in self.outputs],
        }


def describe(engine: Engine, name: str | None) -> Description:
    """The model of an engine.

    Parameters
    ----------
    name
        What to call it; None: after the bundle's file, as `ecg2lab triton` does.
    """
    tensors = {
        key: Declared(key, _DATATYPES[dtype], shape)
        for key, (shape, dtype) in graph_tensors(engine.contract, engine.feature_width).items()
    }
    inputs = tuple(tensors.pop(key) for key in (SIGNAL, CONTINUOUS, CATEGORICAL))
    info = engine.info
    about = {"notice": info.notice, "bundle_digest": info.bundle_digest}
    return Description(name or _named_after(info.bundle), inputs, tuple(tensors.values()), about)


def _named_after(bundle: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", Path(bundle).stem).strip("_-") or "model"
