"""The architectures whose checkpoints can be exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ecg2lab_export.architecture.protocol import Architecture, Network
from ecg2lab_export.checkpoint.tensor_file import read_state_dict
from ecg2lab_export.forms.fusion_forms import FusionArchitecture

ARCHITECTURES: dict[str, Architecture] = {FusionArchitecture.name: FusionArchitecture()}
"""By name; another one is added here for export, and to `ecg2lab.bundle.architectures` for loading."""


def read(path: str | Path) -> tuple[Architecture, Network]:
    """Read a checkpoint of any of the architectures.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or of no such architecture; what none recognises is refused in the words of the
        first.
    """
    return read_state_dict(path, _recognise)


def _recognise(tensors: Mapping[str, NDArray[Any]]) -> tuple[Architecture, Network]:
    first, *others = ARCHITECTURES.values()
    chosen = next((architecture for architecture in others if architecture.recognises(tensors)), first)
    return chosen, chosen.read(tensors)
