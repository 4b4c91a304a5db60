"""What this machine has to compute on: CPU, GPUs, and which backend would run on what, or why not."""

from __future__ import annotations

import msgspec

from ecg2lab.backends import BACKENDS
from ecg2lab.backends.webgpu import adapters
from ecg2lab.backends.webgpu.adapter import Adapter
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.loading import usable_cpus
from ecg2lab.system import cpu


class BackendNote(msgspec.Struct, frozen=True, kw_only=True):
    """One backend here."""

    backend: str
    runs_on: str | None
    """None: it cannot be had."""
    why_not: str | None


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """All of this machine."""

    cpu: str
    instruction_sets: tuple[str, ...]
    usable_cpus: int
    gpus: tuple[Adapter, ...]
    """That the operating system shows to WebGPU, software adapters among them."""
    why_no_gpus: str | None
    backends: tuple[BackendNote, ...]


def survey() -> Devices:
    """Look; nothing is loaded onto a GPU."""
    gpus: tuple[Adapter, ...] = ()
    why = None
    try:
        gpus = tuple(adapters())
    except (BackendError, MissingExtraError) as error:
        why = str(error)
    return Devices(
        cpu=cpu.name(),
        instruction_sets=cpu.features(),
        usable_cpus=usable_cpus(),
        gpus=gpus,
        why_no_gpus=why or (None if gpus else "no driver shows one"),
        backends=tuple(map(_note, BACKENDS)),
    )


def _note(name: str) -> BackendNote:
    try:
        return BackendNote(backend=name, runs_on=BACKENDS[name].probe(), why_not=None)
    except (BackendError, MissingExtraError) as error:
        return BackendNote(backend=name, runs_on=None, why_not=str(error))
    except Exception as error:  # a package that is there and broken: what is asked for here is to hear of it
        return BackendNote(backend=name, runs_on=None, why_not=f"it is broken: {type(error).__name__}: {error}")
