"""How errors of any network are measured: logits and features against golden ones, by windows and by steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.golden import Arrays
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.proof import parity
from ecg2lab.proof.parity import Check, Tolerances, feature_error, logit_error
from ecg2lab.system.extras import installed_version

Network = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], Outputs]
"""(B leads L), (B features), (B categories) → (B n), (B F)."""


class Step(Protocol):
    """The network sample by sample, as `ecg2lab.stream.step.StepGraph` has it."""

    def initial(self, batch: int = ...) -> Any:
        """The state of a recording that begins."""

    def outputs(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64], state: Any
    ) -> tuple[Outputs, Any]:
        """Of all samples since the state was new, and the next state."""


CHUNKINGS = (1, 7, 12, 17, 250)
"""Samples given to a step at once; in a window of 35 or more, their bits use every power of Ā in a step graph."""


def versions() -> dict[str, str]:
    """Of what may compute here."""
    names = (
        *("ecg2lab", "numpy", "onnxruntime", "onnxruntime-gpu", "onnxruntime-webgpu", "onnxruntime-ep-webgpu"),
        *("tensorrt", "tensorrt-rtx"),
    )
    return {name: version for name in names if (version := installed_version(name))}


def window_checks(
    network: Network,
    golden: Arrays,
    form: str,
    backend: str,
    tolerances: Tolerances,
    batches: Sequence[int] | None = None,
) -> Iterator[Check]:
    """The golden windows in batches, if none are given one by one and all at once; names are for the checks.

    Features are held to the golden ones where a bundle has these: those of 0.1.0 have none.
    """
    for batch in batches or (1, len(golden[SIGNAL])):
        parts = [slice(start, start + batch) for start in range(0, len(golden[SIGNAL]), batch)]
        answers = [network(*(golden[k][p] for k in (SIGNAL, CONTINUOUS, CATEGORICAL))) for p in parts]
        yield from _checks(answers, golden, (form, backend, f"batch {batch}"), tolerances)


def step_checks(
    step: Step,
    golden: Arrays,
    tolerances: Tolerances,
    backend: str = "onnxruntime",
    chunkings: Sequence[int] = CHUNKINGS,
) -> Iterator[Check]:
    """The golden windows in chunks of several sizes; all but the last are followed by a reset."""
    signal = golden[SIGNAL]
    for samples in chunkings:
        state, answers = step.initial(len(signal)), []
        for start in range(0, signal.shape[2], samples):
            part = signal[:, :, start : start + samples]
            outputs, state = step.outputs(part, golden[CONTINUOUS], golden[CATEGORICAL], state)
            answers = [outputs]
        yield from _checks(answers, golden, (parity.STEP, backend, f"{samples} samples a step"), tolerances)


def _checks(
    answers: Sequence[Outputs], golden: Arrays, what: tuple[str, str, str], tolerances: Tolerances
) -> Iterator[Check]:
    """Of the golden windows in turn: form, backend and case are `what`."""
    logits = np.concatenate([outputs.logits for outputs in answers])
    yield Check(parity.LOGITS, *what, logit_error(logits, golden[LOGITS]), tolerances.logits)
    if FEATURES in golden:
        features = np.concatenate([outputs.features for outputs in answers if outputs.features is not None])
        yield Check(parity.FEATURES, *what, feature_error(features, golden[FEATURES]), tolerances.features)
