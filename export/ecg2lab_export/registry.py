"""The architectures whose checkpoints can be exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ecg2lab_export.architecture.protocol import Architecture, Network
from ecg2lab_export.checkpoint.tensor_file import read_state_dict
from ecg2lab_export.forms.fusion_forms import FusionArchitecture

_architectures: dict[str, Architecture] = {FusionArchitecture.name: FusionArchitecture()}


class Recognised(NamedTuple):
    """A checkpoint."""

    architecture: Architecture
    network: Network


def register(architecture: Architecture) -> None:
    """Let export know another kind of network; to be loaded it is registered with `ecg2lab.architectures` too."""
    _architectures[architecture.name] = architecture


def unregister(name: str) -> None:
    """Forget it again."""
    del _architectures[name]


def read(path: str | Path) -> Recognised:
    """Read a checkpoint of any registered architecture.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or of no such architecture; what none recognises is refused in the words of the
        first.
    """
    return read_state_dict(path, _recognise)


def _recognise(tensors: Mapping[str, NDArray[Any]]) -> Recognised:
    first, *others = _architectures.values()
    chosen = next((kind for kind in others if kind.recognises(tensors)), first)
    return Recognised(chosen, chosen.read(tensors))
