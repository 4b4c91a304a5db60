"""How errors of any network are measured: its logits against golden ones, by windows and by steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.golden import Arrays
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab.proof import parity
from ecg2lab.proof.parity import Check, logit_error
from ecg2lab.system.extras import installed_version

Network = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]
"""(B leads L), (B features), (B categories) → logits (B n)."""


class Step(Protocol):
    """The network sample by sample, as `ecg2lab.stream.step.StepGraph` has it."""

    def initial(self, batch: int = ...) -> Any:
        """The state of a recording that begins."""

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64], state: Any
    ) -> tuple[NDArray[np.float32], Any]:
        """Logits of all samples since the state was new, and the next state."""


CHUNKINGS = (1, 7, 12, 17, 250)
"""Samples given to a step at once; in a window of 35 or more, their bits use every power of Ā in a step graph."""


def versions() -> dict[str, str]:
    """Of what may compute here."""
    names = ("ecg2lab", "numpy", "onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx")
    return {name: version for name in names if (version := installed_version(name))}


def window_checks(network: Network, golden: Arrays, form: str, backend: str, tolerance: float) -> Iterator[Check]:
    """The golden windows one by one, and all at once; form and backend are for the checks' names."""
    truth = golden[LOGITS]
    for batch in (1, len(truth)):
        parts = [slice(start, start + batch) for start in range(0, len(truth), batch)]
        logits = np.concatenate([network(*(golden[k][p] for k in (SIGNAL, CONTINUOUS, CATEGORICAL))) for p in parts])
        error = logit_error(logits, truth)
        yield Check(parity.LOGITS, form, backend, f"batch {batch}", error, tolerance)


def step_checks(step: Step, golden: Arrays, tolerance: float) -> Iterator[Check]:
    """The golden windows in chunks of several sizes; all but the last are followed by a reset."""
    signal, truth = golden[SIGNAL], golden[LOGITS]
    for samples in CHUNKINGS:
        state = step.initial(len(signal))
        logits = truth
        for start in range(0, signal.shape[2], samples):
            part = signal[:, :, start : start + samples]
            logits, state = step.run(part, golden[CONTINUOUS], golden[CATEGORICAL], state)
        error = logit_error(logits, truth)
        yield Check(parity.LOGITS, parity.STEP, "onnxruntime", f"{samples} samples a step", error, tolerance)
