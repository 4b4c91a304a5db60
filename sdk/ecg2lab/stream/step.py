"""A causal model sample by sample: a pure function of samples and state, in chunks of any size.

Logits and features are those of all samples since the state was new, so after one window they are the window graph's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab.backends import Backend
from ecg2lab.backends.onnxruntime import Graph, OpenGraph, RunsGraphs, require
from ecg2lab.bundle import STEP_GRAPH, Bundle, StepShape
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import (
    CATEGORICAL,
    CONTINUOUS,
    FEATURES,
    LOGITS,
    NEXT_STATE,
    SIGNAL,
    STATE,
    check_inputs,
)
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.proof.measuring import step_checks
from ecg2lab.proof.parity import tolerances, why_no_step
from ecg2lab.system import cpu

_MAGIC = b"ecg2lab-state-1\0"
_HEADER = struct.Struct("<16s32sQII")
"""Signature, model digest, samples seen, windows of the batch, numbers of each window."""
MOST_IN_A_STATE = 2**24
"""Most samples of one state, since it counts them in float32: 46 hours at 100 Hz."""


_PROOF = (17, 250)
"""Samples at once in the proof: a small chunk that leaves a rest, and a large one that fills whole steps."""


def _prove(step: StepGraph, bundle: Bundle) -> None:
    """Prove the step graph on a GPU, like the window graph."""
    checks = step_checks(step, read_golden(bundle), tolerances(bundle), step.backend, _PROOF)
    require(checks, step.device)


@dataclass(frozen=True, eq=False)
class StepState:
    """All that a model remembers; made by `StepGraph.initial`, advanced by `StepGraph.run`, never changed in place."""

    values: NDArray[np.float32]  # (B S)
    samples: int
    """Seen since the state was new."""
    model: str
    """Digest of the bundle to which it belongs."""

    def to_bytes(self) -> bytes:
        """The state as bytes, to keep or for another process with the same bundle."""
        batch, size = self.values.shape
        head = _HEADER.pack(_MAGIC, bytes.fromhex(self.model), self.samples, batch, size)
        return head + self.values.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> StepState:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BackendError
            If the bytes are something else, were cut short, or contain numbers that are not finite.
        """
        if len(content) < _HEADER.size or not content.startswith(_MAGIC):
            raise BackendError("these bytes are no state of ecg2lab: give what StepState.to_bytes returned")
        _, model, samples, batch, size = _HEADER.unpack_from(content)
        if len(content) != _HEADER.size + 4 * batch * size:
            raise BackendError("this state was cut short or has bytes too many; begin anew with initial()")
        values = np.frombuffer(content, "<f4", offset=_HEADER.size).reshape(batch, size).astype(np.float32)
        if not np.isfinite(values).all():
            raise BackendError("this state has values that are not finite, which would stay; begin anew with initial()")
        return cls(values, samples, model.hex())


class StepGraph:
    """A step graph on ONNX Runtime; safe to share between threads, for it keeps no state.

    Parameters
    ----------
    graph
        Ready to run.
    model
        Digest of the bundle that its states belong to, 64 hexadecimal digits.

    Raises
    ------
    BundleError
        If the graph has other sizes than its manifest.
    """

    def __init__(self, graph: Graph, shape: StepShape, contract: Contract, model: str) -> None:
        self.most_samples = shape.most_samples
        self._size = shape.state_size
        self._contract = contract
        self._model = model
        self._graph = graph
        self.backend, self.provider, self.device = graph.backend, graph.provider, graph.device
        self.versions = graph.versions
        sizes = {name: tensor.shape[-1] for name, tensor in graph.tensors.items()}
        if any(sizes.get(name) != self._size for name in (STATE, NEXT_STATE)):
            raise BundleError("the step graph does not fit its manifest; export the bundle again")
        self._names = [name for name in (NEXT_STATE, LOGITS, FEATURES) if name in sizes]

    @classmethod
    def of(cls, bundle: Bundle, threads: int = 1, backend: Backend | None = None) -> StepGraph:
        """Open the step graph of a bundle.

        Parameters
        ----------
        backend
            If it runs on ONNX Runtime, the step graph uses its provider; otherwise the CPU.

        Raises
        ------
        BackendError
            If the model has none (the message says why), or this CPU lacks its precision.
        ParityError
            If a GPU does not reproduce the golden outputs.
        """
        shape = bundle.manifest.step
        if shape is None:
            raise BackendError(f"{bundle.source} has no step graph: {why_no_step(bundle)}; stream it by windows")
        if isinstance(backend, RunsGraphs):
            graph = backend.open_graph(bundle.member(STEP_GRAPH))
        else:
            cpu.require(bundle.manifest.precision)
            graph = OpenGraph(bundle.member(STEP_GRAPH), threads)
        step = cls(graph, shape, bundle.contract, bundle.digest)
        if graph.device != "cpu":
            graph.prove_by(partial(_prove, step, bundle))
        return step

    def initial(self, batch: int = 1) -> StepState:
        """The state before the first sample of a recording, also after a reset."""
        return StepState(np.zeros((batch, self._size), np.float32), 0, self._model)

    def run(
        self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike, state: StepState
    ) -> tuple[NDArray[np.float32], StepState]:
        """As `outputs`, but return only the logits (B, n) and the state."""
        outputs, following = self.outputs(signal, continuous, categorical, state)
        return outputs.logits, following

    def outputs(
        self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike, state: StepState
    ) -> tuple[Outputs, StepState]:
        """Take in samples.

        Parameters
        ----------
        signal
            (B, leads, T) millivolt, preprocessed; T ≥ 1, cut into as many steps as needed.
        continuous, categorical
            (B, features) and (B, categories), as for `Engine.run`.
        state
            From the previous call, or `initial(B)`.

        Returns
        -------
        outputs
            Logits (B, n) and features (B, F) of all samples since the state was new.
        state
            For the call with the next samples; the old state is not changed.

        Raises
        ------
        BackendError
            If the state belongs to another model or batch, or could not count the samples; if there is no sample; or
            as for `Engine.run`.
        """
        inputs = check_inputs(self._contract, signal, continuous, categorical, samples=None)
        self.check_state(len(inputs.signal), state, inputs.signal.shape[2])
        feed: dict[str, NDArray[Any]] = {CONTINUOUS: inputs.continuous, CATEGORICAL: inputs.categorical}
        values, samples = state.values, inputs.signal.shape[2]
        for start in range(0, samples, self.most_samples):
            feed[SIGNAL] = np.ascontiguousarray(inputs.signal[:, :, start : start + self.most_samples])
            values, *outputs = self._graph.run(self._names, {**feed, STATE: values})
        return Outputs(*outputs), StepState(values, state.samples + samples, self._model)

    def check_state(self, windows: int, state: StepState, samples: int = 0) -> None:
        """Refuse a state that does not fit so many windows and samples.

        Raises
        ------
        BackendError
            If it belongs to another model or batch, or could not count the samples.
        """
        if state.model != self._model:
            raise BackendError("this state belongs to another model: begin anew with initial()")
        if state.values.shape != (windows, self._size):
            raise BackendError(
                f"this state is of {len(state.values)} windows, the signal of {windows}: "
                "keep one state for each patient, or begin anew with initial(B)"
            )
        if state.samples + samples > MOST_IN_A_STATE:
            raise BackendError(f"a state takes in {MOST_IN_A_STATE} samples at most: begin anew with initial()")
