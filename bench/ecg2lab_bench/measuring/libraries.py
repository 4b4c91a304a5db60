"""Libraries that may be missing: what cannot be had is left out by name."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib import util
from typing import Any


class LeftOut(Exception):
    """Something cannot be timed fairly here; the message says why."""


def need(*packages: str) -> None:
    """Check that packages are installed.

    Raises
    ------
    LeftOut
        If one is not.
    """
    for package in packages:
        if util.find_spec(package) is None:
            raise LeftOut(f"{package} is not installed")


def torch_with(threads: int, undo: ExitStack) -> Any:
    """PyTorch at so many threads; it has one count for the process, which `undo` gives back.

    Raises
    ------
    LeftOut
        If it is not installed.
    """
    need("torch")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch loads: idle helpers sleep
    import torch

    undo.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    return torch
