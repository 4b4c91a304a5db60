"""ONNX Runtime."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab import cpu
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.extras import installed_version, require
from ecg2lab.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL

PROVIDER = "CPUExecutionProvider"


def import_runtime() -> Any:
    """Import ONNX Runtime, its telemetry switched off: since 1.32 it leaves files in the user's home at import.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    require("onnx", "onnxruntime")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def make_session(model: bytes, threads: int) -> Any:
    """An inference session on the CPU with exactly `threads` threads that sleep while idle.

    Parameters
    ----------
    model
        Serialised ONNX.
    threads
        Of one call; 1 runs in the caller's thread.
    """
    onnxruntime = import_runtime()
    if installed_version("onnxruntime") and installed_version("onnxruntime-gpu"):
        raise BackendError(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other; uninstall one of them"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=[PROVIDER])
    except Exception as error:  # the runtime's exception classes are not public
        first_line = str(error).strip().split("\n")[0]
        raise BackendError(f"ONNX Runtime {onnxruntime.__version__} cannot load the graph: {first_line}") from None


class OnnxRuntimeBackend:
    """Runs the bundle's window graph."""

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, bundle: Bundle, threads: int, precision: str | None = None) -> None:
        if precision not in (None, bundle.manifest.precision):
            raise BackendError(f"the graph of {bundle.source} is {bundle.manifest.precision}, not {precision}")
        self.precision: str = bundle.manifest.precision
        cpu.require(self.precision)
        self._session = make_session(bundle.member(WINDOW_GRAPH), threads)
        _check_fit(self._session, bundle)

    @property
    def provider(self) -> str:
        """The execution provider that answers."""
        return str(self._session.get_providers()[0])

    @property
    def versions(self) -> dict[str, str]:
        """Of the runtime."""
        return {"onnxruntime": str(import_runtime().__version__)}

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(B leads L), (B features), (B categories) → (B n)."""
        feed = {SIGNAL: signal, CONTINUOUS: continuous, CATEGORICAL: categorical}
        try:
            logits: NDArray[np.float32] = self._session.run(None, feed)[0]
        except Exception as error:  # the runtime's exception classes are not public
            raise BackendError(f"ONNX Runtime failed: {str(error).strip().splitlines()[0]}") from None
        return logits


def _check_fit(session: Any, bundle: Bundle) -> None:
    """Refuse a graph that is not the one its contract speaks of."""
    contract, columns = bundle.contract, bundle.contract.static_inputs
    wanted = {
        SIGNAL: ("tensor(float)", [len(contract.signal.leads), contract.signal.window_samples]),
        CONTINUOUS: ("tensor(float)", [len(columns.continuous)]),
        CATEGORICAL: ("tensor(int64)", [len(columns.categorical)]),
        LOGITS: ("tensor(float)", [len(contract.targets)]),
    }
    found = {value.name: (value.type, value.shape[1:]) for value in (*session.get_inputs(), *session.get_outputs())}
    for name in (*wanted, *found):
        if wanted.get(name) != found.get(name):
            raise BundleError(f"{bundle.source}: its graph does not fit its contract at {name!r}; export it again")
