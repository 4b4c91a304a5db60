"""What runs the bare network, `run(signal, continuous, categorical) → Outputs`; and the table of all to be chosen.

Imported by the command line for its help: the table and the protocol need no array library.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ecg2lab.errors import BackendError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecg2lab.bundle import Bundle
    from ecg2lab.bundle.network_outputs import Outputs


class Backend(Protocol):
    """The interface of every backend; safe to share between threads."""

    @property
    def name(self) -> str:
        """As in `ecg2lab.load(backend=…)`."""

    @property
    def provider(self) -> str:
        """The part of the backend that answers."""

    @property
    def device(self) -> str:
        """What it runs on."""

    @property
    def precision(self) -> str:
        """Of the graph that it runs."""

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that it runs on."""

    @property
    def caution(self) -> str:
        """What every answer must say of how it was computed; mostly nothing."""

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n) and (B F), for B ≥ 1."""


class Home:
    """The process in which something was made whose threads a process that is forked off does not have."""

    def __init__(self) -> None:
        self._process = os.getpid()

    @property
    def is_foreign(self) -> bool:
        """Whether this process was forked off that one."""
        return os.getpid() != self._process

    def require(self) -> None:
        """Refuse any other process.

        Raises
        ------
        BackendError
            Saying what to do there.
        """
        if self.is_foreign:
            raise BackendError(
                "this process was forked from the one that loaded the model, whose threads it does not have: load the "
                "bundle in this process"
            )


def silent(message: str) -> None:
    """Tell nobody."""
    del message


class Request(NamedTuple):
    """How a bundle is to be run; see `ecg2lab.load`."""

    threads: int = 1
    """Of one call."""
    precision: str | None = None
    """None: the bundle's own."""
    adapter: int | str | None = None
    allow_software: bool = False
    tell: Callable[[str], None] = silent
    """Is told what takes long."""


class Choice(NamedTuple):
    """One backend; its module is imported when it is chosen."""

    backend: str
    """Module and class, which is called with bundle and request."""
    other_precisions: bool = False
    """Whether it can have a precision that the bundle does not carry, if the manifest holds its gate."""
    proved: bool = True
    """Whether `selftest` tries it."""
    adapters: bool = False
    """Whether it chooses among adapters, software among them."""

    def open(self, bundle: Bundle, request: Request) -> Backend:
        """Make it ready to run.

        Raises
        ------
        BackendError
            If it cannot run here, or not this bundle.
        BundleError
            If graph or weights do not fit the contract.
        MissingExtraError
            If its package is not installed.
        """
        backend: Backend = self._class()(bundle, request)
        return backend

    def probe(self) -> str:
        """What it would run on here.

        Raises
        ------
        BackendError, MissingExtraError
            Saying why it would not.
        """
        return str(self._class().probe())

    def _class(self) -> Any:
        module, name = self.backend.split(":")
        return getattr(import_module(f"ecg2lab.backends.{module}"), name)


BACKENDS = {
    "native": Choice("native:NativeBackend", other_precisions=True),
    "onnxruntime": Choice("onnxruntime:OnnxRuntimeBackend"),
    "onnxruntime-cuda": Choice("onnxruntime_cuda:OnnxRuntimeCudaBackend"),
    "webgpu": Choice("webgpu:WebGpuBackend", adapters=True),
    "tensorrt": Choice("tensorrt:TensorRtBackend", other_precisions=True),
    "torch": Choice("torch:TorchBackend", proved=False),
}
CHOICES = ", ".join(("auto", *BACKENDS))
"""What `ecg2lab.load` takes, as helps and refusals say it."""
