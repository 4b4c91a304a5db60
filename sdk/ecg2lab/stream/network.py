"""How a stream runs the network: anew for each window, or sample by sample with a state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError
from ecg2lab.patient.features import Features
from ecg2lab.stream.step import MOST_IN_A_STATE, StepGraph, StepState

By = Literal["windows", "state"]
Kept = list[tuple[int, bytes]]
"""What a network remembers, for saving: numbers of windows, each with its arrays as bytes."""


class Answered(NamedTuple):
    """The outputs of the network at one window."""

    outputs: Outputs  # (windows averaged, …)
    since: int
    """Number of the first window that the answer rests on."""


class Network(Protocol):
    """Receives every window of a stream, in order."""

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        """Answer at a window, (1, leads, L); after an error it may be called again with the same window."""

    def refuse(self) -> None:
        """Take note that the quality gate refused a window."""

    def reset(self) -> None:
        """Forget everything."""

    def save(self) -> Kept:
        """Everything remembered, for `restore`."""

    def restore(self, kept: Kept) -> None:
        """Replace what is remembered by a result of `save`.

        Raises
        ------
        BackendError
            If it cannot come from this model; then nothing has changed.
        """


class ByWindows(Network):
    """Computes every window anew, and averages over the latest ones if asked to.

    It computes one window at a time, so that an answer has the same bits whether a push completes one window or ten.

    Parameters
    ----------
    outputs
        `Engine.outputs`.
    average
        Number of windows, including refused ones, over which answers are averaged.
    sizes
        Number of logits of a window, and of features if the model gives any.
    """

    def __init__(self, outputs: Callable[..., Outputs], average: int, sizes: tuple[int, ...]) -> None:
        self._outputs = outputs
        self._average = average
        self._sizes = sizes
        self._latest: deque[tuple[int, Outputs]] = deque(maxlen=average)

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        self._latest.append((number, self._outputs(signal, features.continuous[None], features.categorical[None])))
        while self._latest[0][0] <= number - self._average:
            self._latest.popleft()
        arrays = zip(*(outputs.arrays for _, outputs in self._latest), strict=True)
        return Answered(Outputs(*map(np.concatenate, arrays)), self._latest[0][0])

    def refuse(self) -> None:
        pass  # the windows before it are still good

    def reset(self) -> None:
        self._latest.clear()

    def save(self) -> Kept:
        return [
            (number, b"".join(array.astype("<f4").tobytes() for array in outputs.arrays))
            for number, outputs in self._latest
        ]

    def restore(self, kept: Kept) -> None:
        latest = [(number, _outputs(content, self._sizes)) for number, content in kept]
        if len(latest) > self._average:
            raise BackendError("this state remembers more windows than the stream averages")
        self._latest = deque(latest, maxlen=self._average)


class ByState(Network):
    """Carries the state of a causal model, which computes each sample once.

    A state begins with a whole window and then takes in one hop at a time. A refused window ends it, so that no signal
    of a lead that was off stays in it. It also ends before it exceeds the number of samples that it can count.

    Parameters
    ----------
    hop
        Samples from one window to the next, at most a window.
    require_open
        Raises BackendError if the engine is closed.
    """

    def __init__(self, graph: StepGraph, hop: int, require_open: Callable[[], object]) -> None:
        self._graph = graph
        self._hop = hop
        self._require_open = require_open
        self._state: StepState | None = None
        self._since = 0

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        self._require_open()
        state, since, samples = self._state, self._since, signal[:, :, -self._hop :]
        if state is None or state.samples + self._hop > MOST_IN_A_STATE:
            state, since, samples = self._graph.initial(), number, signal
        outputs, self._state = self._graph.outputs(
            samples, features.continuous[None], features.categorical[None], state
        )
        self._since = since
        return Answered(outputs, since)

    def refuse(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._state = None

    def save(self) -> Kept:
        return [] if self._state is None else [(self._since, self._state.to_bytes())]

    def restore(self, kept: Kept) -> None:
        if len(kept) > 1:
            raise BackendError("this state is of more than one patient")
        states = [(number, StepState.from_bytes(content)) for number, content in kept]
        for _, state in states:
            self._graph.check_state(1, state)
        self._since, self._state = states[0] if states else (0, None)


def _outputs(content: bytes, sizes: tuple[int, ...]) -> Outputs:
    numbers = np.frombuffer(content, "<f4").astype(np.float32) if len(content) == 4 * sum(sizes) else None
    if numbers is None or not np.isfinite(numbers).all():
        raise BackendError("this state holds answers that are none of this model")
    return Outputs(*np.split(numbers[None], np.cumsum(sizes)[:-1], axis=1))
