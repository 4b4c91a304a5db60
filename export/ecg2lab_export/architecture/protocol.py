"""What export asks of a network, whatever its kind: what it computes, the forms in which it runs, what proves them.

An `Architecture` reads a checkpoint into a `Network`, the truth in float64, and makes the network ready to run as
`Forms`. Everything here counts in samples of the signal; how many steps a network makes of them is its own affair.
Glossary: B batch, L samples of a window, n targets, F features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from ecg2lab.bundle import ReducedPrecision, StepShape
from ecg2lab.proof.parity import Check

Weights = Mapping[str, NDArray[Any]]
"""Tensors by name."""


class Truth(NamedTuple):
    """What a network computes for a batch, in float64."""

    logits: NDArray[np.float64]  # (B n)
    features: NDArray[np.float64] | None
    """(B F): what its last layer is given; None: its graphs do not give it, and experience cannot be judged by it."""


class Network(Protocol):
    """As a checkpoint holds it."""

    @property
    def leads(self) -> int:
        """Rows of the signal."""

    @property
    def window(self) -> int:
        """L."""

    @property
    def continuous_features(self) -> int:
        """Numbers that it takes beside the signal; 0 without a static branch."""

    @property
    def categories(self) -> tuple[int, ...]:
        """How many codes each category has; empty without a static branch."""

    @property
    def targets(self) -> int:
        """N."""

    def outputs(self, signal: NDArray[Any], continuous: NDArray[Any], categorical: NDArray[np.integer[Any]]) -> Truth:
        """(B leads L), (B features), (B categories) → the truth of every proof."""


class StepForm(NamedTuple):
    """A causal network as a pure step: (samples, state) → (outputs, state)."""

    graph: onnx.ModelProto
    """`(signal, continuous, categorical, state) → (logits, features, next_state)`, features as in the window graph."""
    shape: StepShape


@dataclass(frozen=True)
class Findings:
    """What a network measured of itself, beside its logits."""

    checks: tuple[Check, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    """What float32 cannot carry, or cannot be measured, and why; a `parity.STEP` in it drops the step graph."""


class Forms(Protocol):
    """A network made ready to run."""

    @property
    def description(self) -> str:
        """For the model card: what the network is, and its sizes."""

    @property
    def shape(self) -> dict[str, bool | int]:
        """For the manifest: `causal`, `parameters`, `features` if its graphs give any, sizes of its own by name."""

    @property
    def window_forms(self) -> tuple[str, ...]:
        """Names of the forms that its window graph can have, the one first that is expected to be the fastest."""

    @property
    def precisions(self) -> tuple[ReducedPrecision, ...]:
        """To which `precision.passes` can reduce its graphs."""

    @property
    def native(self) -> Weights | str:
        """What the native engine reads; or why it cannot run this network."""

    def window_graph(self, form: str) -> onnx.ModelProto:
        """`(signal, continuous, categorical) → (logits, features)` over L samples, free batch.

        With the output `features` if, and only if, `shape` states their number.
        """

    def step(self) -> StepForm | str:
        """The step graph, or why there is none."""

    def findings(self, form: str) -> Findings:
        """Checks of parts that the logits alone would not prove, such as kernels of a convolution."""


class Architecture(Protocol):
    """A kind of network."""

    @property
    def name(self) -> str:
        """As the manifest has it."""

    def recognises(self, tensors: Mapping[str, Any]) -> bool:
        """Whether a state dictionary is, by its keys, of this kind."""

    def read(self, tensors: Weights) -> Network:
        """Build the network from a state dictionary.

        Raises
        ------
        CheckpointError
            Naming missing or unknown keys, or a key of the wrong shape.
        """

    def realise(self, network: Any) -> Forms:
        """Make a network that `read` gave ready to run.

        Raises
        ------
        CheckpointError
            If it cannot be.
        """
