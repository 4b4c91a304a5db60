"""What runs the bare network, `run(signal, continuous, categorical) → Outputs`; and the table of all to be chosen.

Imported by the command line for its help: the table and the protocol need no array library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

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

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n) and (B F), for B ≥ 1."""


class Choice(NamedTuple):
    """One backend; its module is imported when it is chosen."""

    backend: str
    """Module and class, which is called with bundle, threads of one call, and precision (None: the bundle's own)."""
    other_precisions: bool = False
    """Whether it can have a precision that the bundle does not carry, if the manifest holds its gate."""
    proved: bool = True
    """Whether `selftest` tries it."""

    def open(self, bundle: Bundle, threads: int, precision: str | None) -> Backend:
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
        module, name = self.backend.split(":")
        backend: Backend = getattr(import_module(f"ecg2lab.backends.{module}"), name)(bundle, threads, precision)
        return backend


BACKENDS = {
    "native": Choice("native:NativeBackend", other_precisions=True),
    "onnxruntime": Choice("onnxruntime:OnnxRuntimeBackend"),
    "onnxruntime-cuda": Choice("onnxruntime:OnnxRuntimeCudaBackend"),
    "tensorrt": Choice("tensorrt:TensorRtBackend", other_precisions=True),
    "torch": Choice("torch:TorchBackend", proved=False),
}
CHOICES = ", ".join(("auto", *BACKENDS))
"""What `ecg2lab.load` takes, as helps and refusals say it."""
