"""The native core: scan, dense products and everything between them in one call, on any CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.backends import Request
from ecg2lab.bundle import WEIGHTS, Bundle
from ecg2lab.bundle.architectures import require_fusion
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.proof import parity
from ecg2lab.system import cpu


class NativeBackend:
    """Runs the bundle's weights, packed once for the instruction set of this machine."""

    name, device, caution = "native", "cpu", ""

    def __init__(self, bundle: Bundle, request: Request) -> None:
        self.precision: str = request.precision or bundle.manifest.precision
        if not computes(self.precision):
            raise BackendError(
                f"the native backend has no instructions for {self.precision} on {cpu.name()}; take onnxruntime or fp32"
            )
        left_out = bundle.native.left_out
        if parity.NATIVE in left_out:
            raise BackendError(f"{bundle.source} was exported without the native backend: {left_out[parity.NATIVE]}")
        require_fusion(bundle, self.name)
        name = f"{bundle.source}: {WEIGHTS}"
        try:
            self._engine = make_engine(bundle.tensors(WEIGHTS), bundle.contract, request.threads, self.precision)
        except ValueError as error:
            raise BundleError(f"{name} cannot run: {error}") from None
        self._gives_features = bundle.features is not None
        self.provider = self._engine.instruction_set
        self.versions: dict[str, str] = {}  # none but ecg2lab's own

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        return ", ".join(f"{p} on {_core.instruction_sets(p)[0]}" for p in ("fp32", "bf16", "int8") if computes(p))

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F); features if the manifest says so, like a graph."""
        logits, features = self._engine.run(signal, continuous, categorical)
        return Outputs(logits, features if self._gives_features else None)


def computes(precision: str) -> bool:
    """Whether this machine has instructions that make a precision worth while; fp32 runs everywhere."""
    if precision == "fp32":
        return True
    return precision in ("bf16", "int8") and any(
        not name.startswith("portable") for name in _core.instruction_sets(precision)
    )


def make_engine(
    weights: Mapping[str, NDArray[Any]],
    contract: Contract,
    threads: int = 1,
    precision: str = "fp32",
    instruction_set: str = "",
) -> _core.Engine:
    """Pack the weights of a bundle for this machine; the contract says the sizes of inputs and outputs.

    Parameters
    ----------
    instruction_set
        One of `_core.instruction_sets(precision)`; empty: the fastest.

    Raises
    ------
    ValueError
        If the weights do not fit the contract, or the machine lacks the instructions.
    """
    signal, columns = contract.signal, contract.static_inputs
    return _core.Engine(
        weights,
        leads=len(signal.leads),
        window=signal.window_samples,
        continuous=len(columns.continuous),
        categorical=list(columns.categorical.values()),
        targets=len(contract.targets),
        threads=threads,
        precision=precision,
        instruction_set=instruction_set,
    )
